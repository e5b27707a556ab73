"""Parameters in a query: what each may be, in one table for the check and for openapi.json. What is not in it is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..model import JobState, NodeState
from .schemas import Schema

_WHOLE = re.compile(r"[0-9]{1,9}\Z")
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?\Z")
_PLAIN = r"^[^\u0000-\u001f\u007f]+$"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BadParameter(ValueError):
    """A parameter is not what it must be; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `read` turns its text into a value, or raises BadParameter; `default` is what is had without it."""

    name: str
    schema: Schema
    read: Callable[[str, str], Any]
    meaning: str
    default: Any = None
    required: bool = False


def read_all(known: tuple[Parameter, ...], given: Mapping[str, list[bytes]]) -> dict[str, Any]:
    """Return the value of each known parameter. Raises BadParameter for the first that is wrong, missing, repeated or unknown."""
    names = {parameter.name for parameter in known}
    for name in given:
        if name not in names:
            raise BadParameter(f"there is no parameter {name[:80]!r} here" + (f"; there are {', '.join(sorted(names))}" if names else ""))
    return {parameter.name: _read(parameter, given.get(parameter.name)) for parameter in known}


def _read(parameter: Parameter, texts: list[bytes] | None) -> Any:
    if not texts:
        if parameter.required:
            raise BadParameter(f"{parameter.name} is needed: {parameter.meaning}")
        return parameter.default
    if len(texts) > 1:
        raise BadParameter(f"{parameter.name} is given {len(texts)} times")
    try:
        text = texts[0].decode()
    except UnicodeDecodeError:
        raise BadParameter(f"{parameter.name} is not UTF-8") from None
    return parameter.read(parameter.name, text)


def whole(name: str, meaning: str, least: int, most: int, default: int | None = None, *, or_empty: bool = False) -> Parameter:
    """Return a parameter that is a whole number. `or_empty`: an empty text counts as absent, as it did in version 1."""

    def read(label: str, text: str) -> int | None:
        if or_empty and not text:
            return default
        if not _WHOLE.match(text) or not least <= int(text) <= most:
            raise BadParameter(f"{label} must be a whole number from {least} to {most}, not {text[:40]!r}")
        return int(text)

    schema: Schema = {"type": "integer", "minimum": least, "maximum": most}
    return Parameter(name, {"anyOf": [schema, {"const": ""}]} if or_empty else schema, read, meaning, default)


def moment(name: str, meaning: str) -> Parameter:
    """Return a parameter that is a Unix time."""

    def read(label: str, text: str) -> float:
        if not _NUMBER.match(text) or not 0 <= float(text) <= 1e11:
            raise BadParameter(f"{label} must be a time in Unix seconds, not {text[:40]!r}")
        return float(text)

    return Parameter(name, {"type": "number", "minimum": 0, "maximum": 10**11}, read, meaning)


def choice(name: str, meaning: str, values: tuple[str, ...], default: str = "", *, or_empty: bool = False) -> Parameter:
    """Return a parameter that is one of a few words."""
    allowed = (*values, "") if or_empty else values

    def read(label: str, text: str) -> str:
        if text not in allowed:
            raise BadParameter(f"{label} must be one of {', '.join(values)}, not {text[:40]!r}")
        return text or default

    return Parameter(name, {"enum": list(allowed)}, read, meaning, default)


def flag(name: str, meaning: str, default: bool = False) -> Parameter:
    """Return a parameter that is true or false."""

    def read(label: str, text: str) -> bool:
        if text not in ("true", "false"):
            raise BadParameter(f"{label} must be true or false, not {text[:40]!r}")
        return text == "true"

    return Parameter(name, {"type": "boolean"}, read, meaning, default)


def word(name: str, meaning: str, *, required: bool = False) -> Parameter:
    """Return a parameter that is a short text."""

    def read(label: str, text: str) -> str:
        if not text or len(text) > 255 or _CONTROL.search(text):
            raise BadParameter(f"{label} must be a text of 1 to 255 characters")
        return text

    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": _PLAIN}
    return Parameter(name, schema, read, meaning, "", required)


NODE_STATES = tuple(state.name.lower() for state in NodeState)
LIMIT = whole("limit", "at most so many rows", 1, 100_000, 100_000)
OFFSET = whole("offset", "leave out so many rows at the beginning", 0, 10_000_000, 0)
TEST = flag("test", "only say what would be done")
NODE_STATE = choice(
    "state", "only nodes in this state", (*(str(int(state)) for state in NodeState), *NODE_STATES), or_empty=True
)
JOB_STATE = choice("state", "jobs in this state; all: every one that is shown", ("all", *(state.value for state in JobState)))
