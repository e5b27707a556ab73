"""Every answer has the shape that openapi.json says, and the shapes are closed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from saltext.dynamiccluster.web.calls import CALLS, Call
from saltext.dynamiccluster.web.openapi import make_openapi

from .house import House

DOCUMENT = make_openapi("dynamiccluster_session")
QUERIES = {"/resource/{resource}/adopt": "?instance=i-1", "/workernode/{host}": "?force=true"}
BODIES: dict[str, Any] = {"/login": {"username": "bob", "password": "bobs-password"}}


def operation(call: Call) -> dict[str, Any]:
    return DOCUMENT["paths"][call.path][call.method.lower()]


def check(call: Call, status: int, body: Any) -> None:
    content = operation(call)["responses"][str(status)]["content"]["application/json"]["schema"]
    Draft202012Validator({**content, "components": DOCUMENT["components"]}).validate(body)


def path_of(call: Call, house: House) -> str:
    names = {"{host}": house.nodes()[0], "{resource}": "burst", "{job}": "1"}
    path = call.path
    for place, name in names.items():
        path = path.replace(place, name)
    return path + (QUERIES.get(call.path, "") if call.method != "GET" else "")


JSON_CALLS = [call for call in CALLS if call.kind == "application/json"]


@pytest.mark.parametrize("call", [call for call in JSON_CALLS if not call.changes], ids=lambda call: f"{call.method} {call.path}")
def test_reads_are_as_described(shown: House, call: Call) -> None:
    answer = shown.ask(call.method, path_of(call, shown), BODIES.get(call.path))
    assert answer.status == 200, answer
    check(call, 200, answer.json)


# in an order in which each is allowed
CHANGES = ["hold", "unhold", "vacate", "remove", "add", "freeze", "restore", "adopt", "drain", "auto", "stop", "reconcile"]


@pytest.mark.parametrize("detail", [{}, {"Prefer": "return=representation"}], ids=["version 1", "with the sentence"])
def test_changes_are_as_described(house: House, detail: dict[str, str]) -> None:
    done = []
    for call in sorted((call for call in CALLS if call.changes), key=lambda call: CHANGES.index(call.does)):
        answer = house.ask(call.method, path_of(call, house), **detail)
        assert answer.status == 200, (call, answer)
        check(call, 200, answer.json)
        assert (answer.json == {"success": True}) is not bool(detail)
        done.append(call.does)
    assert set(done) == set(CHANGES)


@pytest.mark.parametrize("call", JSON_CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_each_call_refuses_an_unknown_parameter_in_its_own_words(shown: House, call: Call) -> None:
    path = path_of(call, shown)
    answer = shown.ask(call.method, f"{path}{'&' if '?' in path else '?'}nosuch=1", BODIES.get(call.path))
    assert answer.status == 400 and "nosuch" in answer.json["error"]
    check(call, 400, answer.json)


def objects(schema: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield where, schema
        for key, value in schema.items():
            yield from objects(value, f"{where}/{key}")
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from objects(value, f"{where}/{index}")


def test_schemas_are_closed() -> None:
    found = dict(objects(DOCUMENT["components"]["schemas"]))
    assert len(found) > 40
    for where, schema in found.items():
        fields = schema.get("properties", {})
        assert schema["additionalProperties"] is False if fields else "additionalProperties" in schema, where
        optional = fields.keys() - set(schema.get("required", ()))
        assert not optional or where in ("/Done", "/Login/oneOf/0"), where


def test_every_operation_tells_its_errors() -> None:
    names = [entry["operationId"] for path in DOCUMENT["paths"].values() for entry in path.values()]
    assert len(names) == len(set(names)) == len(CALLS)
    for call in CALLS:
        told = operation(call)["responses"]
        assert {"200", "400", "403"} <= told.keys() and ("401" in told) is bool(call.right or call.does == "login")
