"""Changing records of nodes. There are thousands, and in most cycles nothing about most of them changes."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import Any

from ..model import NodeRecord

LIFT = "to be lifted"  # value of held_for while an administrator wants every hold off the node
_NAMES = tuple(field.name for field in fields(NodeRecord))
_read_all = attrgetter(*_NAMES)
_write = {name: getattr(NodeRecord, name).__set__ for name in _NAMES}
_writers = tuple(_write.values())


def minion_of(record: NodeRecord) -> str:
    """Return the id of the node's minion, which is its machine's own name."""
    return record.minion or record.name


def amend(record: NodeRecord, **changes: Any) -> NodeRecord:
    """Return the record with these values: the very same object when it has them, else a copy (which dataclasses.replace makes 3 times slower)."""
    if all([getattr(record, name) == value for name, value in changes.items()]):
        return record
    copy = object.__new__(NodeRecord)
    for write, value in zip(_writers, _read_all(record), strict=True):
        write(copy, value)
    for name, value in changes.items():
        _write[name](copy, value)
    return copy
