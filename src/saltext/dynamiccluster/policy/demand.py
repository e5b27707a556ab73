"""The demand: pending jobs in the order in which they are served, alike ones together."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice, pairwise
from operator import attrgetter, eq, is_not, itemgetter

from ..model import Job, JobState, Request
from .matching import UNKNOWN, Ask, piece_size

MOST_LOTS = 1000  # up to so many changes of shape the order of jobs is kept exactly
_priority = attrgetter("priority")
_NOT_WAITING = (JobState.RUNNING, JobState.SUSPENDED, JobState.COMPLETED)


@dataclass(frozen=True, slots=True)
class Lot:
    """Pending jobs with equal requests, in order. They are placed together: cost grows with lots, not with jobs."""

    ask: Ask
    jobs: tuple[Job, ...]
    tasks: int

    @property
    def size(self) -> tuple[object, ...]:
        """Return what first-fit-decreasing sorts by: the hardest piece, then all of it."""
        return (piece_size(self.ask.pieces[0]), self.ask.request.node_memory_mb, self.ask.request.total_cores)


@dataclass(frozen=True, slots=True)
class Asked:
    """What any pending request looks at. Nodes that differ only in other things are alike.

    `memory_step` divides every asked amount, and nobody can use more than `memory_a_core` for each free core (or `memory_a_node`):
    so what is free is rounded down to steps and cut there without changing any answer.
    """

    features: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()
    groups: bool = False
    gpus: bool = False
    memory_step: int = 0  # 0: nobody asks for memory
    memory_a_core: int = 0
    memory_a_node: int = 0


def is_demand(job: Job) -> bool:
    return job.state is JobState.PENDING and job.tasks > 0


def waits(job: Job) -> bool:
    """Tell whether a job has not been started: it gets a fate."""
    return job.state not in _NOT_WAITING


def collect_lots(jobs: Iterable[Job]) -> tuple[Lot, ...]:
    """Return the demand in order: higher priority first, priority zero last (row G6), then older, then by id.

    Neighbours of equal shape make a lot. Where shapes alternate more than MOST_LOTS times, all jobs of a shape go together, in the
    place of the first of them.
    """
    pending = JobState.PENDING
    demand = sort_demand([job for job in jobs if job.state is pending and job.tasks > 0])
    asks = _ask_once(demand)
    if sum(map(is_not, asks, islice(asks, 1, None))) > MOST_LOTS:
        heaps = _heap_alike(demand, asks)
    else:
        heaps = [(ask, [job for _, job in members]) for ask, members in groupby(zip(asks, demand, strict=True), key=itemgetter(0))]
    return tuple(Lot(ask, tuple(members), sum([job.tasks for job in members])) for ask, members in heaps)


def _heap_alike(demand: Iterable[Job], asks: Iterable[Ask]) -> Iterable[tuple[Ask, list[Job]]]:
    """Return the jobs of each shape, those without a priority apart."""
    heaps: dict[tuple[bool, int], tuple[Ask, list[Job]]] = {}
    for job, ask in zip(demand, asks, strict=True):
        key = (job.priority == 0, id(ask))
        heap = heaps.get(key)
        if heap is None:
            heaps[key] = (ask, [job])
        else:
            heap[1].append(job)
    return heaps.values()


def _ask_once(demand: Iterable[Job]) -> list[Ask]:
    """Return each job's request made ready, one object for equal requests."""
    by_value: dict[Request, Ask] = {}
    by_identity: dict[int, Ask] = {}  # much faster than by value, and adapters share equal requests
    asks = []
    for job in demand:
        ask = by_identity.get(id(job.request))
        if ask is None:
            ask = by_identity[id(job.request)] = by_value.setdefault(job.request, Ask(job.request))
        asks.append(ask)
    return asks


def sort_demand(demand: list[Job]) -> list[Job]:
    """Return the jobs in the order in which they are served. Batch systems list them nearly so: what is sorted already costs little."""
    ranked, others = [job for job in demand if job.priority != 0], [job for job in demand if job.priority == 0]
    ranked.sort(key=_priority, reverse=True)
    values = list(map(_priority, ranked))
    for first, end in _find_runs(values):
        ranked[first:end] = _oldest_first(ranked[first:end])
    return ranked + _oldest_first(others)


def _oldest_first(jobs: list[Job]) -> list[Job]:
    return jobs if all([_is_older(one, other) for one, other in pairwise(jobs)]) else sorted(jobs, key=_age)


def _is_older(one: Job, other: Job) -> bool:
    return one.created < other.created or (one.created == other.created and _age(one) <= _age(other))


def _age(job: Job) -> tuple[float, int, str]:
    return (job.created, len(job.id), job.id)


def _find_runs(values: list[float]) -> Iterator[tuple[int, int]]:
    """Yield first and end of each run of several equal values."""
    same, end = [*map(eq, values, islice(values, 1, None)), False], 0
    while True:
        try:
            first = same.index(True, end)
        except ValueError:
            return
        end = same.index(False, first) + 1
        yield first, end


def sum_up(asks: Collection[Ask]) -> Asked:
    """Return what any of the requests looks at."""
    requests = [ask.request for ask in asks]
    chunks = [piece for ask in asks for piece in ask.pieces]
    amounts = [*(chunk.memory_mb for chunk in chunks), *(request.node_memory_mb for request in requests)]
    return Asked(
        features=frozenset(name for request in requests for name, _ in request.needs),
        properties=frozenset().union(*(chunk.properties for chunk in chunks)),
        groups=any(place.group for request in requests for place in request.places or ()),
        gpus=any(chunk.gpus for chunk in chunks),
        memory_step=math.gcd(*amounts),
        memory_a_core=max((math.ceil(chunk.memory_mb / chunk.cores) for chunk in chunks), default=0),
        memory_a_node=max((request.node_memory_mb for request in requests), default=0),
    )


def round_memory(asked: Asked, memory: int, cores: int) -> int:
    """Return the part of a node's free memory that can make a difference for jobs on so many cores."""
    step = asked.memory_step
    if not step or memory == UNKNOWN:
        return UNKNOWN
    most = math.ceil((asked.memory_a_node + asked.memory_a_core * cores) / step) * step
    return min(max(memory, 0), most) // step * step
