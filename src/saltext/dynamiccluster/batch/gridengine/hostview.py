"""From what qhost says of hosts to model.Host: who answers, what is usable, whose hold it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from ...model import HoldBy, Host, QueueSlots, Shape
from .cell import HELD_GROUP, Cell
from .hosts import HostRecord, Names, QueueRecord, Resources
from .resources import GPUS
from .units import normalise, read_amount, read_memory_mb

UNREACHABLE = "u"
_ALARM = "a"
_CLOSED = frozenset("uAsSdDCcoE")
_BROKEN = {
    "c": "has conflicting configurations (qstat -f -explain c)",
    "o": "no longer contains this host; it goes when its jobs have ended",
    "E": "is in error state there (qstat -f -explain E; qmod -cq clears it)",
}


class Patience:
    """Remembers since when each host has been silent or overloaded, because Grid Engine tells neither.

    After a restart of the qmaster every host is silent until its daemon calls again, which takes up to half a minute: a silence is a fact
    only when it lasts. The same for a load alarm, which each starting job may cause.
    """

    SILENCE = 60.0
    ALARM = 300.0

    def __init__(self) -> None:
        self._silent: dict[str, float] = {}
        self._alarmed: dict[str, float] = {}

    def update(self, records: Iterable[HostRecord], now: float) -> None:
        """Take in a new reading."""
        records = tuple(records)
        self._silent = _since(self._silent, (record.name for record in records if is_silent(record)), now)
        self._alarmed = _since(self._alarmed, (record.name for record in records if _is_alarmed(record)), now)

    def forget(self) -> None:
        """Start again: the qmaster did not answer, so that it may have been restarted."""
        self._silent.clear()

    def is_down(self, host: str, now: float) -> bool:
        return host in self._silent and now - self._silent[host] >= self.SILENCE

    def is_overloaded(self, host: str, now: float) -> bool:
        return host in self._alarmed and now - self._alarmed[host] >= self.ALARM


def is_silent(record: HostRecord) -> bool:
    """Tell whether a host's execution daemon was heard of once and is not heard of now."""
    if record.processors is None or record.broken:
        return False
    return record.load is None or _has_letter(record.queues, UNREACHABLE)


class HostViews:
    """Views listings again and again: a host is viewed anew when its record changed, or what the record is read against."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[tuple[object, ...], Host]] = {}
        self._alike: dict[tuple[int, int, int], _Alike] = {}
        self._cell: Cell | None = None

    def __call__(
        self,
        records: Iterable[HostRecord],
        cell: Cell,
        held: frozenset[str],
        values: Mapping[str, Mapping[str, str]],
        patience: Patience,
        now: float,
    ) -> tuple[Host, ...]:
        """Return the hosts; the arguments are those of view_host, `values` by host."""
        seen, self._seen = self._seen if cell is self._cell else {}, {}
        if cell is not self._cell or len(self._alike) > 1000 + 2 * len(seen):
            self._alike = {}
        self._cell = cell
        hosts = []
        for record in records:
            mine = values.get(record.name)
            state = (record.name in held, _is_up(record, patience, now), patience.is_overloaded(record.name, now))
            known = seen.get(record.name)
            if known is None or known[0][0] is not record or known[0][1] is not mine or known[0][2] != state:
                known = ((record, mine, state), _view(record, cell, self._look_up(record, cell, mine), *state))
            self._seen[record.name] = known
            hosts.append(known[1])
        return tuple(hosts)

    def _look_up(self, record: HostRecord, cell: Cell, values: Mapping[str, str] | None) -> _Alike:
        """Return what hosts with the same settled and configured values have alike; it keeps those, so that nothing else gets their ids."""
        key = (id(record.settled), id(record.names), id(values))
        if key not in self._alike:
            self._alike[key] = _look_at(record, values, cell)
        return self._alike[key]


class _Alike(NamedTuple):
    """What hosts have alike whose settled and configured values are the same, and the names of the others.

    `moving` are the places of these among the values that move, with the complex's name and kind; `free` is the place of the free memory.
    """

    settled: Resources
    names: Names
    values: Mapping[str, str] | None
    offered: dict[str, str]
    moving: tuple[tuple[int, str, str], ...]
    free: int | None
    configured: dict[str, str]
    gpus: int
    exclusive: bool


def view_host(
    record: HostRecord, cell: Cell, held: frozenset[str], values: Mapping[str, str] | None, patience: Patience, now: float
) -> Host:
    """Return a host. `values` are its configured complex values, None while they are not known."""
    state = (record.name in held, _is_up(record, patience, now), patience.is_overloaded(record.name, now))
    return _view(record, cell, _look_at(record, values, cell), *state)


def _view(record: HostRecord, cell: Cell, alike: _Alike, is_ours: bool, up: bool | None, overloaded: bool) -> Host:
    if record.broken:
        return Host(record.name, None, error=record.broken)
    queues, error, held = _view_queues(record.queues, overloaded)
    values = record.moving
    return Host(
        name=record.name,
        up=up,
        queues=queues,
        jobs=record.jobs,
        hold=(HoldBy.US if is_ours else HoldBy.ADMINISTRATOR) if held else HoldBy.NOBODY,
        reported=None if record.processors is None else Shape(record.processors, record.memory_mb or 0, alike.gpus),
        free_memory_mb=None if alike.free is None else _free_memory(values[alike.free]),
        groups=_groups(cell, record.name),
        features={**alike.offered, **{name: normalise(values[at], kind) for at, name, kind in alike.moving}, **alike.configured},
        error=error,
        exclusive=alike.exclusive,
        load=record.load,
    )


def _groups(cell: Cell, name: str) -> frozenset[str]:
    groups = cell.groups_above(name)
    return groups - {HELD_GROUP} if HELD_GROUP in groups else groups


def _since(known: dict[str, float], names: Iterable[str], now: float) -> dict[str, float]:
    return {name: known.get(name, now) for name in names}


def _is_alarmed(record: HostRecord) -> bool:
    return _has_letter(record.queues, _ALARM)


def _has_letter(queues: tuple[QueueRecord, ...], letter: str) -> bool:
    for queue in queues:  # no generator: all hosts are asked at each reading
        if letter in queue.state:
            return True
    return False


def _is_up(record: HostRecord, patience: Patience, now: float) -> bool | None:
    if record.processors is None:
        return None  # never contacted
    if not is_silent(record):
        return True
    return False if patience.is_down(record.name, now) else None


@lru_cache(maxsize=5_000)
def _view_queues(queues: tuple[QueueRecord, ...], overloaded: bool) -> tuple[tuple[QueueSlots, ...], str, bool]:
    """Return the queues of a host, why none of them can run jobs, and whether the host is held."""
    return tuple(_view_queue(queue, overloaded) for queue in queues), _find_error(queues), _is_held(queues)


def _view_queue(queue: QueueRecord, overloaded: bool) -> QueueSlots:
    letters = frozenset(queue.state)
    usable = letters.isdisjoint(_CLOSED) and not (_ALARM in letters and overloaded)
    return QueueSlots(queue.name, queue.slots, queue.used, usable, queue.state)


def _is_held(queues: tuple[QueueRecord, ...]) -> bool:
    """Tell whether all queues are disabled. One left open takes jobs: then the host is not held."""
    return bool(queues) and all("d" in queue.state for queue in queues)


def whose_hold(record: HostRecord, held: frozenset[str]) -> HoldBy:
    """Tell who disabled all queues of the host."""
    if not _is_held(record.queues):
        return HoldBy.NOBODY
    return HoldBy.US if record.name in held else HoldBy.ADMINISTRATOR


def _find_error(queues: tuple[QueueRecord, ...]) -> str:
    """Return why no queue of a host can run jobs, "" when one can."""
    if not queues:
        return "it is in no queue"
    reasons = [
        next((f"queue {queue.name} {text}" for letter, text in _BROKEN.items() if letter in queue.state), "")
        for queue in queues
    ]
    return "; ".join(reasons) if all(reasons) else ""


def _free_memory(value: str) -> int | None:
    try:
        return read_memory_mb(value) if value else None
    except ValueError:
        return None


def _look_at(record: HostRecord, values: Mapping[str, str] | None, cell: Cell) -> _Alike:
    settled, configured = record.settled, {}
    names = [(name, dominance) for name, (dominance, _) in settled.items()]
    offered = {name: normalise(settled[name][1], kind) for _, name, kind in _find_offered(names, cell, values)}
    for name, value in (values or {}).items():
        found = cell.complex(name)
        configured[found.name if found else name] = normalise(value, found.kind) if found else value
    features = {**offered, **configured}
    gpus = max((_whole(features[name]) for name in GPUS if name in features), default=0)
    moving = _find_offered(record.names, cell, values)
    free = next((place for place, (name, _) in enumerate(record.names) if name == "mem_free"), None)
    return _Alike(settled, record.names, values, offered, moving, free, configured, gpus, _is_taken(settled, cell))


def _find_offered(names: Iterable[tuple[str, str]], cell: Cell, values: Mapping[str, str] | None) -> tuple[tuple[int, str, str], ...]:
    """Return which of the complexes (name, dominance) a host offers: reported facts, and what is left of configured values until these are known.

    Each with its place, its name and its kind.
    """
    offered = cell.offered
    return tuple(
        (place, name, found.kind)
        for place, (name, dominance) in enumerate(names)
        if (found := offered.get(name)) and dominance[:1] in ("h", "q") and (values is None or not found.is_consumable)
    )


def _is_taken(settled: Resources, cell: Cell) -> bool:
    """Tell whether an exclusive job has a host: nothing is left of an exclusive complex."""
    left = [settled[name] for name in cell.exclusives if name in settled]
    return any(dominance == "hc" and not _whole(value) for dominance, value in left)


def _whole(value: str) -> int:
    try:
        return math.floor(read_amount(value))
    except (ValueError, OverflowError):
        return 0
