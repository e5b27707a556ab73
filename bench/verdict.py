"""What a plan is worth, found out another way than policy does: that nothing was given up, and how many nodes a first-fit-decreasing needs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from saltext.dynamiccluster.model import BatchView, Host, Job, JobState, Shape
from saltext.dynamiccluster.policy.plan import Act, Outcome, Plan

from .worlds import Engine

MOST = 1.05  # times the nodes of the reference


class Room(NamedTuple):
    """What a job needs, or what a node has. In the order of what is hard to have."""

    gpus: int
    cores: int
    memory_mb: float


def check(engine: Engine, view: BatchView) -> None:
    """End the row unless every job has its node, each of these is ordered, and they are few. No limit may bind, all jobs are of one node."""
    check_served(engine, view)
    orders = count_orders(engine)
    lacking = _sum(map(_need, _demand(view))) - _sum([*map(_room, view.hosts, _used(view)), *(_shape(engine.shapes[name]) for name in orders.elements())])
    if any(amount > 0 for amount in lacking.values()):
        raise SystemExit(f"{orders.total()} nodes are ordered, and these cannot hold all jobs: {lacking}")
    reference = FirstFit(view, engine.shapes).count()
    if orders.total() > math.ceil(MOST * reference):
        raise SystemExit(f"{orders.total()} nodes are ordered, and first-fit-decreasing needs {reference}")


def check_served(engine: Engine, view: BatchView) -> None:
    """End the row unless all jobs that wait have their node: one that runs, one on its way, or one that is ordered."""
    outcomes = count_outcomes(engine.plan)
    served, wanted = outcomes[Outcome.ORDERED] + outcomes[Outcome.RUNS] + outcomes[Outcome.ARRIVING], len(_demand(view))
    if served != wanted or not wanted:
        raise SystemExit(f"only {served} of {wanted} jobs are served: {outcomes}")


def count_outcomes(plan: Plan | None) -> Counter[Outcome]:
    assert plan is not None
    found: Counter[Outcome] = Counter()
    for fate, jobs in plan.fates.count().items():
        found[fate.outcome] += jobs
    return found


def count_orders(engine: Engine) -> Counter[str]:
    """Return how many nodes of each resource are really ordered."""
    assert engine.plan is not None
    return Counter(action.resource for action in engine.plan.actions if action.act is Act.ORDER)


def _demand(view: BatchView) -> list[Job]:
    return [job for job in view.jobs if job.state is JobState.PENDING]


def _need(job: Job) -> Room:
    (piece,) = job.request.chunks
    return Room(piece.gpus, piece.cores, piece.memory_mb)


def _shape(shape: Shape) -> Room:
    return Room(shape.gpus, shape.cores, shape.memory_mb)


def _used(view: BatchView) -> Iterator[int]:
    """Yield for each host the memory that its jobs asked for, in MiB; none of them is on several hosts."""
    used: Counter[str] = Counter()
    for job in view.jobs:
        if job.hosts:
            used[job.hosts[0]] += sum(piece.count * piece.memory_mb for piece in job.request.chunks)
    return (used[host.name] for host in view.hosts)


def _room(host: Host, used_mb: int) -> Room:
    """Return what is free on a host that is up: the least of what its jobs leave and what it says itself."""
    shape = host.reported or Shape(0)
    memory = shape.memory_mb - used_mb
    if host.busy and host.free_memory_mb is not None:
        memory = min(memory, host.free_memory_mb)
    return Room(shape.gpus, sum(queue.slots - queue.used for queue in host.queues), memory)


def _sum(rooms: Iterator[Room] | list[Room]) -> Counter[str]:
    found: Counter[str] = Counter()
    for room in rooms:
        found.update(room._asdict())
    return found


_BLOCK = 64  # bins


@dataclass
class _Block:
    """Some bins in the order in which they were opened, and the most cores that any of them has free."""

    bins: list[Room] = field(default_factory=list)
    cores: int = 0


class FirstFit:
    """The reference: the biggest jobs first, each on the first node that has room; if none has, on a new one.

    Which kind of node that is, is ruled: one that can hold the job, with the least priority, of these one that has fewest nodes, then by name.
    """

    def __init__(self, view: BatchView, shapes: Mapping[str, Shape]) -> None:
        self._kinds = {name: _shape(shape) for name, shape in shapes.items()}
        self._opened: Counter[str] = Counter()
        self._blocks: list[_Block] = []
        self._wanted = sorted(Counter(map(_need, _demand(view))).items(), reverse=True)
        for room in map(_room, view.hosts, _used(view)):
            if room.cores > 0:
                self._put(room)

    def count(self) -> int:
        """Return how many nodes are opened."""
        for need, jobs in self._wanted:
            left = jobs
            for block in self._blocks:
                if block.cores >= need.cores and left:
                    left = _fill(block, need, left)
            while left:
                left = self._open(need, left)
        return self._opened.total()

    def _open(self, need: Room, jobs: int) -> int:
        able = [name for name, has in self._kinds.items() if _fits(need, has)]
        name = min(able, key=lambda name: (self._opened[name], name))
        self._opened[name] += 1
        self._put(self._kinds[name])
        return _fill(self._blocks[-1], need, jobs)

    def _put(self, room: Room) -> None:
        if not self._blocks or len(self._blocks[-1].bins) >= _BLOCK:
            self._blocks.append(_Block())
        last = self._blocks[-1]
        last.bins.append(room)
        last.cores = max(last.cores, room.cores)


def _fits(need: Room, has: Room) -> bool:
    return has.cores >= need.cores and has.memory_mb >= need.memory_mb and has.gpus >= need.gpus


def _fill(block: _Block, need: Room, jobs: int) -> int:
    """Put jobs that need the same into the first bins that have room; return how many are left."""
    for place, has in enumerate(block.bins):
        if has.cores >= need.cores and has.memory_mb >= need.memory_mb and has.gpus >= need.gpus:
            count = min(jobs, _times(need, has))
            block.bins[place] = Room(has.gpus - count * need.gpus, has.cores - count * need.cores, has.memory_mb - count * need.memory_mb)
            jobs -= count
            if not jobs:
                break
    block.cores = max(room.cores for room in block.bins)
    return jobs


def _times(need: Room, has: Room) -> int:
    """Return how often what is needed fits into what there is."""
    return int(min(have // want for want, have in zip(need, has, strict=True) if want))
