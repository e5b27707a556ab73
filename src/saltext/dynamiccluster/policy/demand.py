"""The demand: pending jobs in the order in which they are served, alike ones together."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from operator import and_, attrgetter, eq, ge, is_not, itemgetter

from ..model import Job, JobState, Request
from .matching import UNKNOWN, Ask, piece_size

MOST_LOTS = 1000  # up to so many changes of shape the order of jobs is kept exactly
_priority, _created, _tasks, _request = map(attrgetter, ("priority", "created", "tasks", "request"))
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
    return tuple(Lot(ask, tuple(members), sum(map(_tasks, members))) for ask, members in heaps)


def _heap_alike(demand: list[Job], asks: list[Ask]) -> Iterator[tuple[Ask, list[Job]]]:
    """Yield the jobs of each shape, those without a priority, which come last, apart."""
    zero = next((place for place in range(len(demand), 0, -1) if demand[place - 1].priority != 0), 0)
    for part in (slice(0, zero), slice(zero, None)):
        heaps: defaultdict[int, list[Job]] = defaultdict(list)
        for key, job in zip(map(id, asks[part]), demand[part], strict=True):
            heaps[key].append(job)
        known = dict(zip(map(id, asks[part]), asks[part], strict=True))
        yield from ((known[key], members) for key, members in heaps.items())


def _ask_once(demand: list[Job]) -> list[Ask]:
    """Return each job's request made ready, one object for equal requests. Adapters share equal requests, and by identity is much faster."""
    requests = list(map(_request, demand))
    keys = list(map(id, requests))
    by_value: dict[Request, Ask] = {}
    by_identity: dict[int, Ask] = {}
    for key, request in dict(zip(keys, requests, strict=True)).items():
        by_identity[key] = by_value.get(request) or by_value.setdefault(request, Ask(request))
    return list(map(by_identity.__getitem__, keys))


def sort_demand(demand: list[Job]) -> list[Job]:
    """Return the jobs in the order in which they are served. Batch systems list them nearly so: what is sorted already costs little."""
    ranked, others = [job for job in demand if job.priority != 0], [job for job in demand if job.priority == 0]
    ranked.sort(key=_priority, reverse=True)
    values, ages = list(map(_priority, ranked)), list(map(_created, ranked))
    same = list(map(eq, values, islice(values, 1, None)))
    # neighbours of one priority of which the second may be the older one
    wrong = list(map(and_, same, map(ge, ages, islice(ages, 1, None))))
    for first, end in _find_runs(same, wrong):
        ranked[first:end] = sorted(ranked[first:end], key=_age)
    return ranked + sorted(others, key=_age)


def _age(job: Job) -> tuple[float, int, str]:
    return (job.created, len(job.id), job.id)


def _find_runs(same: list[bool], wrong: list[bool]) -> Iterator[tuple[int, int]]:
    """Yield first and end of each run of equal values in which something is wrong; both lists tell of each but the last and its next."""
    end = 0
    for at in [place for place, is_wrong in enumerate(wrong) if is_wrong]:
        if at < end:
            continue
        first = end = at
        while first and same[first - 1]:
            first -= 1
        while end < len(same) and same[end]:
            end += 1
        yield first, end + 1


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
