"""Does a node suit a request, and how many of its pieces fit at once? One answer for all nodes that are alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from ..model import Chunk, Reservation, Request

UNKNOWN = -1  # an amount of memory that nobody has told: it restricts nothing
_TRUE = frozenset({"true", "1", "yes"})


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """What nodes are, amounts and names apart. Compared by identity: equal kinds are made once (see bins.Kinds).

    `reservation` is what the scheduler enforces on the node; `only_for` a property without which a job gets no new node of a resource;
    `spare_memory` what is free there besides all accounting of jobs (MiB), which mem_free and its like are compared with.
    """

    queues: tuple[str, ...]
    groups: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()
    features: tuple[tuple[str, str], ...] = ()
    reservation: Reservation = Reservation()
    only_for: str = ""
    spare_memory: int = UNKNOWN


class Free(NamedTuple):
    """What is free on a node: slots of each of its kind's queues, cores over all of them, MiB, GPUs. `empty`: nothing runs there."""

    slots: tuple[int, ...]
    cores: int
    memory: int
    gpus: int
    empty: bool

    @property
    def used_up(self) -> bool:
        return self.cores <= 0 or not any(self.slots)


class Ask:
    """A request made ready for many comparisons; what it finds out of a kind is remembered."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.pieces = tuple(sorted(map(_sane, request.chunks), key=piece_size, reverse=True))
        self.single = len(self.pieces) == 1 and self.pieces[0].count == 1
        self.by_name = any(place.host != "*" for place in request.places or ())
        self._queues: dict[int, tuple[int, ...]] = {}

    def queues(self, kind: Kind, host: str = "") -> tuple[int, ...]:
        """Return which of the kind's queues the request may use on a host of that name; () when the node does not suit."""
        if self.by_name and host:
            return self._find_queues(kind, host)
        known = self._queues.get(id(kind))
        if known is None:
            known = self._queues[id(kind)] = self._find_queues(kind, "")
        return known

    def _find_queues(self, kind: Kind, host: str) -> tuple[int, ...]:
        request = self.request
        if unmet_account(request, kind) or unmet_property(request, kind) or unmet_need(request, kind):
            return ()
        if kind.spare_memory != UNKNOWN and kind.spare_memory < request.node_memory_mb:
            return ()
        return usable_queues(self.request, kind, host)

    def each(self, kind: Kind, free: Free, piece: Chunk, queues: tuple[int, ...]) -> int:
        """Return how many such pieces fit on a node of this kind: the pieces of one request may ask for different properties."""
        return self.capacity(free, piece, queues) if queues and piece.properties <= kind.properties else 0

    def capacity(self, free: Free, piece: Chunk, queues: tuple[int, ...]) -> int:
        """Return how many such pieces fit into what is free."""
        request = self.request
        if request.exclusive and not free.empty:
            return 0
        cores = piece.cores
        if len(queues) == 1:
            count = free.slots[queues[0]] // cores
        else:
            count = sum([free.slots[index] // cores for index in queues])
        count = min(count, free.cores // cores)
        if count > 0 and free.memory != UNKNOWN:
            if free.memory < request.node_memory_mb:
                return 0
            if piece.memory_mb:
                count = min(count, free.memory // piece.memory_mb)
        if count > 0 and piece.gpus:
            count = min(count, free.gpus // piece.gpus)
        return count


def _sane(piece: Chunk) -> Chunk:
    """Return the piece with at least one core and a count of at least one, whatever was read."""
    return piece if piece.cores > 0 and piece.count > 0 else replace(piece, cores=max(piece.cores, 1), count=max(piece.count, 1))


def piece_size(piece: Chunk) -> tuple[int, int, int, int]:
    """Return what makes a piece hard to place, most telling first."""
    return (piece.gpus, piece.cores, piece.memory_mb, piece.count)


def reduce(free: Free, piece: Chunk, queues: tuple[int, ...], count: int, *, whole: bool) -> Free:
    """Return what stays free once `count` pieces took their share, or all of it (`whole`: an exclusive job)."""
    if whole:
        return Free(tuple(0 for _ in free.slots), 0, free.memory, 0, False)
    slots, left = list(free.slots), count
    for index in queues:
        here = min(slots[index] // piece.cores, left)
        slots[index] -= here * piece.cores
        left -= here
    memory = free.memory if free.memory == UNKNOWN else free.memory - count * piece.memory_mb
    return Free(tuple(slots), free.cores - count * piece.cores, memory, free.gpus - count * piece.gpus, False)


# -- what a request wants of a kind: each returns what is missing, "" when nothing is --------------------------------


def unmet_account(request: Request, kind: Kind) -> str:
    """Return the reservation that keeps the request off: a reserved node serves only its account and its queue."""
    reservation = kind.reservation
    if reservation.account and reservation.account != request.account:
        return f"account {reservation.account}"
    if reservation.queue and not any(fnmatchcase(reservation.queue, place.queue) for place in request.places or ()):
        return f"queue {reservation.queue}"
    return ""


def unmet_property(request: Request, kind: Kind) -> str:
    """Return a property that every piece asks for in vain, or one that the resource is kept for and that is not asked for."""
    asked = frozenset().union(*(chunk.properties for chunk in request.chunks))
    missing = [min(chunk.properties - kind.properties, default="") for chunk in request.chunks]
    if all(missing):
        return missing[0]
    return kind.only_for if kind.only_for and kind.only_for not in asked else ""


def unmet_need(request: Request, kind: Kind) -> tuple[str, str] | None:
    """Return the first need that the kind's features do not meet."""
    if not request.needs:
        return None
    features = dict(kind.features)
    return next((need for need in request.needs if not meets(features.get(need[0]), need[1])), None)


def meets(feature: str | None, wanted: str) -> bool:
    """Tell whether a feature's value is what is wanted: at least as much for numbers, alternatives `a|b` and wildcards for words."""
    if feature is None:
        return False
    if wanted.lower() in _TRUE and feature.lower() in _TRUE:
        return True
    have, want = _number(feature), _number(wanted)
    if have is not None and want is not None:
        return have >= want
    return any(fnmatchcase(feature.lower(), word.strip().lower()) for word in wanted.split("|"))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def usable_queues(request: Request, kind: Kind, host: str) -> tuple[int, ...]:
    """Return the indexes of the queues in which the request may run; `host` "" stands for any host of the kind."""
    if request.places is None:
        return tuple(range(len(kind.queues)))
    places = [place for place in request.places if _host_suits(place.host, host) and _group_suits(place.group, kind)]
    return tuple(
        index
        for index, queue in enumerate(kind.queues)
        if not queue or any(place.queue in ("", queue) or fnmatchcase(queue, place.queue) for place in places)
    ) if places else ()


def _host_suits(pattern: str, host: str) -> bool:
    if pattern == "*" or not host:
        return pattern == "*"
    name, short = host.lower(), host.lower().partition(".")[0]
    return fnmatchcase(name, pattern.lower()) or fnmatchcase(short, pattern.lower())


def _group_suits(group: str, kind: Kind) -> bool:
    return not group or group in kind.groups or any(fnmatchcase(known, group) for known in kind.groups)
