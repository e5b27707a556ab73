"""Translating what a job asks for into model.Request. Pure; each different request is translated once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...model import Chunk, Place, Request
from ..numbers import read_step, read_whole
from .cell import Cell
from .config import Complex, Environment, read_values
from .jobs import RawRequest
from .places import find_places
from .resources import Asked, read_resources
from .units import read_amount

_RANK = {"$fill_up": 0, "$round_robin": 0, "$pe_slots": 1}


@dataclass(frozen=True, slots=True)
class Translation:
    """A request and what belongs to it: amounts of cell-wide consumables, and whether it only asks for queues that nobody watches."""

    request: Request
    shared: tuple[tuple[str, float], ...] = ()
    unwatched: bool = False
    walltime: float | None = None


class Translator:
    """Translates requests for one cell and remembers the answers, so that equal jobs share one Request."""

    def __init__(self, cell: Cell, watched: Iterable[str] = ()) -> None:
        self.cell = cell
        self._watched = frozenset(watched)
        self._known: dict[RawRequest, Translation] = {}

    def __call__(self, raw: RawRequest) -> Translation:
        """Return the translation of a request."""
        known = self._known.get(raw)
        if known is None:
            try:
                known = self._translate(raw)
            except ValueError as error:
                known = _never(f"its request cannot be understood: {error}")
            self._known[raw] = known
        return known

    def _translate(self, raw: RawRequest) -> Translation:
        asked = read_resources(self.cell, raw.resources)
        if not raw.pe:
            return self._finish(raw, asked, None, (1, 1, False))
        tried: Translation | None = None
        for environment in self._environments(raw.pe):
            shape = spread(environment, raw.pe_range or str(raw.slots))
            found = self._finish(raw, asked, environment, shape)
            if not found.request.impossible:
                return found
            tried = tried or found
        return tried or _never(f"no parallel environment is called {raw.pe}")

    def _environments(self, pattern: str) -> list[Environment]:
        """Return the environments that match, those first that spread more freely: any of them will do for Grid Engine."""
        return sorted(self.cell.matching_environments(pattern), key=lambda found: (_RANK.get(found.rule, 2), found.name))

    def _finish(
        self, raw: RawRequest, asked: Asked, environment: Environment | None, shape: tuple[int, int, bool] | str
    ) -> Translation:
        if isinstance(shape, str):
            return _never(shape)
        count, cores, distinct = shape
        places = find_places(self.cell, environment, (*raw.queues, *asked.queues), asked.hosts, asked.limits)
        if not places:
            return _never(self._why_nowhere(raw, environment, asked))
        watched = tuple(place for place in places if not self._watched or place.queue in self._watched)
        needs, shared, problem = self._split_needs(asked, count * cores, watched or places)
        request = Request(
            chunks=tuple(_chunks(count, cores, distinct, asked)),
            places=self._with_queue_values(watched or places, asked),
            node_memory_mb=asked.node_memory_mb,
            exclusive=asked.exclusive,
            needs=needs,
            impossible=problem,
        )
        return Translation(request, shared, bool(self._watched) and not watched, asked.walltime)

    def _why_nowhere(self, raw: RawRequest, environment: Environment | None, asked: Asked) -> str:
        queues = ", ".join((*raw.queues, *asked.queues))
        among = f" among those it asks for ({queues})" if queues else ""
        if find_places(self.cell, environment, (*raw.queues, *asked.queues), asked.hosts, {}):
            limits = ", ".join(f"{name}={value}" for name, value in asked.limits.items())
            return f"no queue{among} allows {limits}"
        if environment is not None:
            return f"no queue{among} offers the parallel environment {environment.name}"
        return f"no queue that takes such jobs{among} exists"

    def _split_needs(
        self, asked: Asked, slots: int, places: tuple[Place, ...]
    ) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, float], ...], str]:
        """Part what a node must have from what the cell or the queue gives. A cell-wide amount that is too small is a problem."""
        needs, shared = [], []
        for found, value in asked.needs:
            name = found.name
            if name in self.cell.globals and found.is_consumable:
                amount = read_amount(value) * (slots if found.consumable == "YES" else 1)
                if amount > read_amount(self.cell.globals[name]):
                    return (), (), f"the whole cell has only {self.cell.globals[name]} of {name}, it asks for {amount:g}"
                shared.append((name, amount))
            elif name not in self.cell.globals and not self._queues_giving(found, places):
                needs.append((name, value))
        return (*needs, *asked.unknown), tuple(shared), ""

    def _queues_giving(self, found: Complex, places: tuple[Place, ...]) -> frozenset[str]:
        names = {place.queue for place in places}
        return frozenset(
            name
            for name in names
            if any(found.name in read_values(text) for text in self.cell.queues[name]["complex_values"].values)
        )

    def _with_queue_values(self, places: tuple[Place, ...], asked: Asked) -> tuple[Place, ...]:
        """Keep the queues that give what only queues give."""
        for found, _ in asked.needs:
            if found.name not in self.cell.globals and (giving := self._queues_giving(found, places)):
                places = tuple(place for place in places if place.queue in giving)
        return places


def spread(environment: Environment, pe_range: str) -> tuple[int, int, bool] | str:
    """Return (pieces, cores of each, on distinct nodes) for the fewest slots a range accepts, or why none can ever be had."""
    if environment.rule.isdigit() and int(environment.rule):
        size = int(environment.rule)
        slots = next((slots for slots in _sizes(pe_range, size) if slots % size == 0), 0)
        if not slots:
            return f"{pe_range} slots cannot be divided into {size} for each node, as parallel environment {environment.name} wants"
        shape = (slots // size, size, True)
    else:
        slots = next(_sizes(pe_range, 1))
        shape = (1, slots, False) if environment.rule == "$pe_slots" else (slots, 1, False)
    if 0 < environment.slots < slots:
        return f"parallel environment {environment.name} has {environment.slots} slots, it asks for {slots}"
    return shape


def _sizes(pe_range: str, size: int) -> Iterator[int]:
    """Yield the numbers of slots that a range accepts, of each part at most `size` (one of those is divisible by it), lowest first. Raises ValueError."""
    sizes: set[int] = set()
    for part in pe_range.split(","):
        bounds, _, step = part.partition(":")
        first, dash, last = bounds.partition("-")
        start, by = read_whole(first or "1"), read_step(step or "1")
        end = int(last) if last else (start + size * by if dash else start)
        sizes.update(range(start, min(end, start + size * by) + 1, by))
    if not sizes or 0 in sizes:
        raise ValueError(f"{pe_range[:40]!r} is no range of slots")
    return iter(sorted(sizes))


def _chunks(count: int, cores: int, distinct: bool, asked: Asked) -> Iterator[Chunk]:
    memory = math.ceil(asked.slot_memory_mb * cores)
    gpus = math.ceil(asked.slot_gpus * cores)
    once = asked.job_memory_mb or asked.job_gpus
    if not once or count == 1 or distinct:
        # what a job takes once lies with its master task; for pieces on distinct nodes it is asked of each, which errs on the safe side
        yield Chunk(count, cores, memory + asked.job_memory_mb, gpus + asked.job_gpus, distinct=distinct)
        return
    yield Chunk(1, cores, memory + asked.job_memory_mb, gpus + asked.job_gpus)
    yield Chunk(count - 1, cores, memory, gpus)


def _never(reason: str) -> Translation:
    return Translation(Request(places=(), impossible=reason))
