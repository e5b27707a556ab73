"""openapi.json, made of the table of calls and of the schemas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .. import __version__
from .calls import CALLS, Call
from .configuration import configuration_schemas
from .parameters import Parameter
from .schemas import SCHEMAS, Schema, login_schema, ref

_ERRORS = {
    304: "it has not changed since the ETag in If-None-Match",
    400: "a parameter is not what it must be, or the state does not allow it",
    401: "no token, or one that is wrong or has expired",
    403: "the token lacks the right, or the request comes from a foreign page",
    404: "there is no such thing",
    409: "its jobs are in the way",
    413: "the body is too large",
    415: "the body is not JSON",
    421: "the Host header names somebody else",
    429: "too many tries",
    500: "the engine failed on it",
    503: "the engine does not answer",
}
_SUBJECT: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
_TOKEN = {"type": "apiKey", "in": "header", "name": "X-Auth-Token", "description": "a token of Salt's external authentication"}


def make_openapi(cookie: str, kinds: tuple[str, ...] = ("pam",)) -> dict[str, Any]:
    """Return the document; `cookie` is the name of the session's cookie, `kinds` are the ways to log in."""
    paths: dict[str, dict[str, Any]] = {}
    for call in CALLS:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Dynamic Cluster", "version": __version__, "description": "Elastic batch clusters run by Salt"},
        "paths": paths,
        "components": {
            "schemas": {**SCHEMAS, "Login": login_schema(kinds), **configuration_schemas()},
            "securitySchemes": {
                "token": _TOKEN,
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": cookie},
                "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
            },
        },
    }


def _operation(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": f"{call.method.lower()}{re.sub(r'[^A-Za-z]+', '_', call.path).rstrip('_')}",
        "summary": call.summary,
        "parameters": [*_subjects(call), *map(_parameter, call.parameters), *_headers(call)],
        "responses": _responses(call),
        "security": _security(call),
    }
    if call.body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": call.body}}}
    return found


def _subjects(call: Call) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": _SUBJECT} for name in re.findall(r"\{(\w+)\}", call.path)]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.meaning,
        "schema": parameter.schema,
    }


def _headers(call: Call) -> list[dict[str, Any]]:
    if not call.changes:
        return []
    meaning = "return=representation: the answer holds the sentence and the data, too"
    return [{"name": "Prefer", "in": "header", "required": False, "description": meaning, "schema": {"type": "string"}}]


def _responses(call: Call) -> dict[str, Any]:
    content = {call.kind: {"schema": call.answer or {"type": "string"}}}
    found: dict[str, Any] = {"200": {"description": "done" if call.changes else call.summary, "content": content, **_pages(call)}}
    for status in sorted({400, 421, *call.errors, *_usual(call)}):
        found[str(status)] = {"description": _ERRORS[status], **({} if status == 304 else _error_content(call, status))}
    return found


def _error_content(call: Call, status: int) -> dict[str, Any]:
    schema = ref("Health") if call.does == "healthz" and status == 503 else ref("Error")
    return {"content": {"application/json": {"schema": schema}}}


def _usual(call: Call) -> set[int]:
    usual = {403}
    if call.right:
        usual |= {401, 500, 503}
    if call.method == "GET" and call.kind == "application/json":
        usual.add(304)
    return usual


def _pages(call: Call) -> Mapping[str, Any]:
    if not call.pages:
        return {}
    total = {"description": "rows that match, on all pages", "schema": {"type": "integer"}}
    return {"headers": {"X-Total-Count": total}}


def _security(call: Call) -> list[dict[str, list[str]]]:
    if not call.right:
        return []
    session: dict[str, list[str]] = {"session": [], "csrf": []} if call.changes else {"session": []}
    return [{"token": []}, {"bearer": []}, session]
