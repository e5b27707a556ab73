"""The demand: pending jobs in the order in which they are served, alike ones together."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise

from ..model import Job, JobState, Request
from .matching import UNKNOWN, Ask, piece_size

MOST_LOTS = 1000  # up to so many changes of shape the order of jobs is kept exactly
_NOT_WAITING = frozenset({JobState.RUNNING, JobState.SUSPENDED, JobState.COMPLETED})


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
    demand = sorted([job for job in jobs if is_demand(job)], key=_rank)
    asks = _ask_once(demand)
    alternations = sum(one is not other for one, other in pairwise(asks))
    heaps: dict[tuple[object, int], tuple[Ask, list[Job]]] = {}
    run = 0
    for number, (job, ask) in enumerate(zip(demand, asks, strict=True)):
        if alternations > MOST_LOTS:
            key: tuple[object, int] = (job.priority == 0, id(ask))
        else:
            run += number > 0 and ask is not asks[number - 1]
            key = (None, run)
        heap = heaps.get(key)
        if heap is None:
            heaps[key] = (ask, [job])
        else:
            heap[1].append(job)
    return tuple(Lot(ask, tuple(members), sum([job.tasks for job in members])) for ask, members in heaps.values())


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


def _rank(job: Job) -> tuple[bool, float, float, int, str]:
    return (job.priority == 0, -job.priority, job.created, len(job.id), job.id)


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
