"""Turns what the schema says into faults: pillar path, problem, what to do. A value is never repeated here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ..errors import Fault
from .plain import ROOT, join
from .section import Unknown, Wrong

_OTHER = {
    "model_type": ("must be a mapping", "write `key: value` lines, indented below it"),
    "dict_type": ("must be a mapping", "write `name: value` lines, indented below it"),
    "tuple_type": ("a list is needed", "write it as [one, two], or one `- item` a line"),
    "string_type": ("text is needed", "put it in quotes"),
}


def from_validation(error: ValidationError) -> list[Fault]:
    """Return one fault for each thing that the schema found."""
    return [_read(item) for item in error.errors(include_url=False)]


def _read(item: Mapping[str, Any]) -> Fault:
    path = join(ROOT, *(key for key in item["loc"] if key != "[key]"))
    cause = item.get("ctx", {}).get("error")
    if isinstance(cause, Wrong):
        return Fault(path, cause.problem, cause.hint)
    if item["type"] == "missing":
        return Fault(path, "missing", f"add `{item['loc'][-1]}: ...`")
    if item["type"] == "extra_forbidden":
        return Fault(path, "unknown key", item["input"].hint if isinstance(item["input"], Unknown) else "remove it")
    problem, hint = _OTHER.get(item["type"], (item["msg"], "see docs/settings.md"))
    return Fault(path, problem, hint)


def without_repeats(faults: list[Fault]) -> tuple[Fault, ...]:
    """Return the faults in their order, at most one for a path: the first says what is wrong, others only follow from it."""
    first: dict[str, Fault] = {}
    for fault in faults:
        first.setdefault(fault.path, fault)
    return tuple(first.values())
