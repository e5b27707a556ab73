"""The journal of an engine that has a stand-by: what the next engine must know is written to the place that both share, too.

That is every node's record, with the intent of its launch; the tokens and user-data of launches; what is remembered of the resources; what an
administrator decided. History stays with each master. The shared copy is written first: what it did not take is not begun.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol, get_type_hints

from ..errors import DynamicClusterError, JournalError
from ..model import NodeRecord
from ..policy.memory import Memory, ResourceMemory
from .codec import decode, encode
from .journal import Entry, Journal, Order

_NODE, _RESOURCE, _ORDER, _FACT, _NOTE = "node/", "resource/", "order/", "fact/", "note/"
_FACTS = ("auto", "launches", "costs", "costed_at", "planned_at", "waves")
_URGENT_FACTS = ("auto", "launches")
# What a reading will tell again: not worth a write each time that it changes.
_PASSING = ("seen_at", "reading", "empty_seen", "idle_since", "down_since", "shown", "shown_at", "failed")
_PATIENCE = 30.0  # seconds after which passing things are written, too
_TIMES = ("batch_acted_at", "cloud_acted_at")


class SharedRows(Protocol):
    """What both engines see. `rows`: what the last one that acted knew; `lost`: it once was there, and is not."""

    rows: Mapping[str, str]
    lost: bool

    def write(self, changes: Mapping[str, str | None]) -> None:
        """Write rows, take away those that are None. Raises DynamicClusterError when that is not possible (any more)."""


class SharedJournal(Journal):
    """A Journal that begins with what the last engine knew, whichever it was, and tells the next one."""

    def __init__(self, path: str | os.PathLike[str], shared: SharedRows, *, clock: Callable[[], float] = time.time, **options: Any):
        super().__init__(path, **options)
        self._shared, self._clock = shared, clock
        self._told: set[str] = set()  # keys of the rows that lie there
        self._of: dict[str, object] = {}  # and what each was made of
        self._told_at = -_PATIENCE

    def load(self) -> Memory:
        """Return what the last engine that acted knew; where the place knows nothing, what this one's own file holds."""
        memory = super().load()
        if not self._shared.rows:
            self.lost = self._shared.lost
            return memory
        known = _read(self._shared.rows, self._clock())
        self.degraded = self.degraded or known.trouble
        super().save(known.memory, notes={**self.notes(), **known.notes}, durable=True)
        for order in known.orders:
            super().save(known.memory, order=order)
        self._told, self._of = set(self._shared.rows), _items(known.memory, self.notes())
        self.fresh = False
        return known.memory

    def save(
        self,
        memory: Memory,
        *,
        entries: Iterable[Entry] = (),
        order: Order | None = None,
        spent: str = "",
        notes: Mapping[str, Any] | None = None,
        durable: bool = False,
    ) -> None:
        """Tell the other engine first, then write it down here. Raises JournalError when either is not possible."""
        self._share(memory, order, spent, self.notes() if notes is None else notes)
        super().save(memory, entries=entries, order=order, spent=spent, notes=notes, durable=durable)

    def _share(self, memory: Memory, order: Order | None, spent: str, notes: Mapping[str, Any]) -> None:
        items = _items(memory, notes)
        changes: dict[str, str | None] = {}
        for known in (*self._untold_orders(memory), *([order] if order is not None else ())):
            changes[_ORDER + known.name] = json.dumps({"token": known.token, "user_data": known.user_data})
        gone = [key for key in self._told if key not in items and not _is_order_of(key, memory, spent)]
        changed = {key: item for key, item in items.items() if self._of.get(key) is not item and self._of.get(key) != item}
        urgent = bool(changes or gone) or any(_is_urgent(key, self._of.get(key), item) for key, item in changed.items())
        if not urgent and (not changed or 0 <= self._clock() - self._told_at < _PATIENCE):
            return
        changes |= {key: json.dumps(encode(item)) for key, item in changed.items()} | dict.fromkeys(gone)
        try:
            self._shared.write(changes)
        except JournalError:
            raise
        except DynamicClusterError as error:
            raise JournalError(f"what the stand-by must know cannot be shared: {error}. Nothing new is begun until it can") from error
        self._note_told(changes, changed)

    def _untold_orders(self, memory: Memory) -> list[Order]:
        """Return the orders of a journal that had no stand-by until now."""
        found = [] if self._told else [self.order(name) for name in memory.nodes]
        return [order for order in found if order is not None]

    def _note_told(self, changes: Mapping[str, str | None], changed: Mapping[str, object]) -> None:
        self._told_at = self._clock()
        self._of.update(changed)
        for key, text in changes.items():
            if text is None:
                self._told.discard(key)
                self._of.pop(key, None)
            else:
                self._told.add(key)


def _items(memory: Memory, notes: Mapping[str, Any]) -> dict[str, object]:
    """Return what is shared, by key."""
    return {
        **{_NODE + name: record for name, record in memory.nodes.items()},
        **{_RESOURCE + name: known for name, known in memory.resources.items()},
        **{_FACT + name: getattr(memory, name) for name in _FACTS},
        **{_NOTE + name: value for name, value in notes.items()},
    }


def _is_order_of(key: str, memory: Memory, spent: str) -> bool:
    """Tell whether a row is the order of a node that still needs it."""
    name = key.removeprefix(_ORDER)
    return key.startswith(_ORDER) and name in memory.nodes and name != spent


def _is_urgent(key: str, before: object, now: object) -> bool:
    """Tell whether the next engine would do something else if it did not know of this change."""
    if isinstance(now, NodeRecord) and isinstance(before, NodeRecord):
        return replace(now, **{name: getattr(before, name) for name in _PASSING}) != before
    if key.startswith(_FACT):
        return key.removeprefix(_FACT) in _URGENT_FACTS
    return True


class _Known:
    """What was found in the rows."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.orders: list[Order] = []
        self.notes: dict[str, Any] = {}
        self.trouble = ""


def _read(rows: Mapping[str, str], now: float) -> _Known:
    """Return what rows say; those that make no sense are left out and named."""
    known = _Known()
    for key, text in sorted(rows.items()):
        try:
            _read_row(known, key, json.loads(text), now)
        except (ValueError, TypeError, KeyError) as error:
            known.trouble = f"the shared entry {key} makes no sense ({error}) and was ignored"
    return known


def _read_row(known: _Known, key: str, data: Any, now: float) -> None:
    kind, _, name = key.partition("/")
    match kind + "/":
        case "node/":
            known.memory = known.memory.with_node(_take_over(decode(NodeRecord, data), now))
        case "resource/":
            known.memory = known.memory.with_resource(name, decode(ResourceMemory, data))
        case "fact/" if name in _FACTS:
            known.memory = replace(known.memory, **{name: decode(get_type_hints(Memory)[name], data)})
        case "order/":
            known.orders.append(Order(name, str(data["token"]), data["user_data"]))
        case "note/":
            known.notes[name] = data


def _take_over(record: NodeRecord, now: float) -> NodeRecord:
    """Return the record as another engine goes on with it: it looks for itself, and its clock may differ from the last one's."""
    return replace(record, empty_seen=0, reading=0, **{name: now if getattr(record, name) else 0.0 for name in _TIMES})
