"""The demand: pending jobs in the order in which they are served, alike ones together."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import compress, groupby, islice, repeat
from operator import and_, eq, ge, is_, itemgetter, lt, ne, not_

from ..model import Job, JobState, Request
from .matching import UNKNOWN, Ask, piece_size

MOST_LOTS = 1000  # up to so many changes of shape the order of jobs is kept exactly
_PART = 4000  # so many jobs of a long queue tell whether there are more
_FEW = 16
# faster than attrgetter
get_id, get_tasks, _state, _request, _priority, _created = (
    itemgetter(Job._fields.index(name)) for name in ("id", "tasks", "state", "request", "priority", "created")
)
_NOT_WAITING = (JobState.RUNNING, JobState.SUSPENDED, JobState.COMPLETED)


@dataclass(frozen=True, slots=True)
class Lot:
    """Pending jobs with equal requests, in order. They are placed together: cost grows with lots, not with jobs."""

    ask: Ask
    jobs: tuple[Job, ...]
    tasks: int

    @property
    def is_plain(self) -> bool:
        """Tell whether each job is one task of one piece."""
        return self.ask.single and self.tasks == len(self.jobs)

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


def split_jobs(jobs: tuple[Job, ...]) -> tuple[list[Job], list[Job]]:
    """Return the demand and all other jobs, each in the order given. Of one reading several rules ask it, so the newest answer is kept."""
    known = _SPLIT.get(id(jobs))
    if known is None or known[0] is not jobs:
        _SPLIT.clear()
        known = _SPLIT[id(jobs)] = (jobs, *_split(jobs))
    return known[1:]


_SPLIT: dict[int, tuple[tuple[Job, ...], list[Job], list[Job]]] = {}


def _split(jobs: tuple[Job, ...]) -> tuple[list[Job], list[Job]]:
    pending = list(map(is_, map(_state, jobs), repeat(JobState.PENDING)))
    demand = list(compress(jobs, pending))
    if min(map(get_tasks, demand), default=1) > 0:
        return demand, list(compress(jobs, map(not_, pending))) if len(demand) < len(jobs) else []
    return [job for job in jobs if is_demand(job)], [job for job in jobs if not is_demand(job)]


def collect_lots(demand: list[Job]) -> tuple[Lot, ...]:
    """Return the demand in order: higher priority first, priority zero last (row G6), then older, then by id.

    Neighbours of equal shape make a lot. Where shapes alternate more than MOST_LOTS times, all jobs of a shape go together, in the
    place of the first of them.
    """
    # what a part of the jobs alternates, all of them alternate at least: long queues need not be sorted to know
    if len(demand) > 2 * _PART and _alternates(sort_demand(demand[:: len(demand) // _PART])):
        heaps = _heap_long(demand)
    elif _alternates(ordered := sort_demand(demand)):
        heaps = _heap_alike(ordered, list)
    else:
        neighbours = groupby(zip(_ask_once(ordered), ordered, strict=True), key=itemgetter(0))
        heaps = [(ask, [job for _, job in members]) for ask, members in neighbours]
    alone = set(map(get_tasks, demand)) <= {1}  # looked at as they are listed, they lie side by side in memory: shape by shape it takes five times as long
    return tuple([Lot(ask, tuple(members), len(members) if alone else sum(map(get_tasks, members))) for ask, members in heaps])


def _alternates(ordered: list[Job]) -> bool:
    requests = list(map(_request, ordered))
    return sum(map(ne, requests, islice(requests, 1, None))) > MOST_LOTS


def _heap_long(demand: list[Job]) -> list[tuple[Ask, list[Job]]]:
    """Heap a long queue and sort it, in the way that costs least for how it is listed.

    Highest priority first, as Grid Engine does it, but for a few: to sort all costs little more than a look at each. Oldest first, all with
    a priority: each heap by the priority alone. Anyhow: heap by heap, as many short sorts cost less than a long one.
    """
    part = list(map(_priority, demand[:: len(demand) // _PART]))
    if _FEW * sum(map(lt, part, islice(part, 1, None))) < len(part):
        return _heap_alike(sort_demand(demand), list)
    listed = list(map(_created, demand))
    if all(map(_priority, demand)) and all(map(lt, listed, islice(listed, 1, None))):
        return _heap_alike(demand, _sort_by_priority)
    return _heap_alike(demand, sort_demand)


def _sort_by_priority(demand: list[Job]) -> list[Job]:
    return sorted(demand, key=_priority, reverse=True)


def _heap_alike(demand: list[Job], sort: Callable[[list[Job]], list[Job]]) -> list[tuple[Ask, list[Job]]]:
    """Return the jobs of each shape as `sort` puts them in their order, those without a priority, which come last, apart; first the shape of the first job."""
    requests = list(map(_request, demand))
    keys = list(map(id, requests))
    by_value: defaultdict[Request, list[Job]] = defaultdict(list)
    put = {key: by_value[request].append for key, request in dict(zip(keys, requests, strict=True)).items()}
    for key, job in zip(keys, demand, strict=True):
        put[key](job)
    heaps = []
    for request, jobs in by_value.items():
        ask, ordered = Ask(request), sort(jobs)
        if ordered[-1].priority or not ordered[0].priority:
            heaps.append((ask, ordered))
        else:
            heaps += [(ask, [job for job in ordered if job.priority]), (ask, [job for job in ordered if not job.priority])]
    return sorted(heaps, key=lambda heap: _rank(heap[1][0]))


def _ask_once(demand: list[Job]) -> list[Ask]:
    """Return each job's request made ready, one object for equal requests. Adapters share equal requests, and by identity is much faster."""
    requests = list(map(_request, demand))
    keys = list(map(id, requests))
    by_value: dict[Request, Ask] = {}
    by_identity: dict[int, Ask] = {}
    for key, request in dict(zip(keys, requests, strict=True)).items():
        ask = by_value.get(request)
        if ask is None:
            ask = by_value[request] = Ask(request)
        by_identity[key] = ask
    return list(map(by_identity.__getitem__, keys))


def sort_demand(demand: list[Job]) -> list[Job]:
    """Return the jobs in the order in which they are served. Batch systems list them nearly so: what is sorted already costs little."""
    if len(demand) < _FEW:
        return sorted(demand, key=_rank)
    priorities = list(map(_priority, demand))
    if 0 not in priorities:
        return _sort_ranked(demand, priorities)
    ranked, others = [job for job in demand if job.priority != 0], [job for job in demand if job.priority == 0]
    return _sort_ranked(ranked, list(map(_priority, ranked))) + sorted(others, key=_age)


def _sort_ranked(demand: list[Job], values: list[float]) -> list[Job]:
    """Return jobs of these priorities in their order."""
    ranked = demand
    if not all(map(ge, values, islice(values, 1, None))):
        ranked = sorted(demand, key=_priority, reverse=True)
        listed = list(map(_created, demand))
        if all(map(lt, listed, islice(listed, 1, None))):  # jobs of one priority stay as they are listed: the older ones first
            return ranked
        values = list(map(_priority, ranked))
    same = list(map(eq, values, islice(values, 1, None)))
    if True not in same:
        return ranked
    ages = list(map(_created, ranked))
    # neighbours of one priority of which the second may be the older one
    wrong = list(map(and_, same, map(ge, ages, islice(ages, 1, None))))
    if True not in wrong:
        return ranked
    ranked = list(ranked)
    for first, end in _find_runs(same, wrong):
        ranked[first:end] = sorted(ranked[first:end], key=_age)
    return ranked


def _rank(job: Job) -> tuple[bool, float, float, int, str]:
    return (job.priority == 0, -job.priority, job.created, len(job.id), job.id)


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
    most = -(-(asked.memory_a_node + asked.memory_a_core * cores) // step) * step
    return min(max(memory, 0), most) // step * step
