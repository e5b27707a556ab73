"""A cluster in virtual time for replays: machines that boot, jobs that start in order where they fit, and what all of it costs."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from .swf import TraceJob


@dataclass(frozen=True, slots=True)
class Boot:
    """How long a machine takes from its launch until it is configured (log-normal, seconds), and the share that never gets there."""

    median: float = 120.0
    p95: float = 240.0
    failing: float = 0.03

    def draw(self, chance: random.Random) -> float:
        """Return how long one machine takes."""
        sigma = math.log(self.p95 / self.median) / 1.645 if self.p95 > self.median else 0.0
        return chance.lognormvariate(math.log(self.median), sigma)

    @property
    def mean(self) -> float:
        sigma = math.log(self.p95 / self.median) / 1.645 if self.p95 > self.median else 0.0
        return self.median * math.exp(sigma**2 / 2)


@dataclass(slots=True, eq=False)
class Machine:
    """A machine. `up` None: it boots; False: it never will be up. `open`: jobs may start on it. `idle_since` counts while it is empty."""

    name: str
    resource: str
    cores: int
    queue: str
    asked_at: float
    up: bool | None = None
    open: bool = False
    joined: bool = False
    ended_at: float | None = None
    free: int = 0
    jobs: dict[str, int] = field(default_factory=dict)
    idle_since: float = 0.0


@dataclass(slots=True, eq=False)
class Run:
    """A job of the trace and what became of it. `wide`: it may spread over several machines; `number`: its place among those that came."""

    job: TraceJob
    wide: bool
    queue: str
    number: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    on: tuple[Machine, ...] = ()

    @property
    def waited(self) -> float:
        return (self.started_at or 0.0) - self.job.submitted


class Cluster:
    """`widest`: cores of the largest machine; a job with more takes several. `queues`: those that a resource reserves.

    `spread`: the scheduler prefers the emptiest machine, as one that sorts by load does; else the fullest. `slots`: how many machines there
    may be at once; `crowded`: for how many seconds jobs have waited in all while so many were in service.
    """

    def __init__(
        self, jobs: Sequence[TraceJob], widest: int, boot: Boot, seed: int, queues: frozenset[str] = frozenset(), *, spread: bool = False, slots: int = 0
    ):
        self.now, self._spread, self._slots, self.crowded = 0.0, spread, slots, 0.0
        self.boot, self._chance = boot, random.Random(seed)
        self.runs = [Run(job, job.cores > widest, job.queue if job.queue in queues else "") for job in jobs]
        self.pending: dict[str, Run] = {}
        self.queue_print = 0  # equal at two moments: the same jobs wait
        self._widest = widest
        self._alike: dict[tuple[int, str], deque[Run]] = {}  # who waits, by cores and queue: those that fit in the same places
        self.running: dict[str, Run] = {}
        self.machines: dict[str, Machine] = {}
        self.ended: list[Machine] = []
        self.changed: set[str] = set()  # machines that look otherwise than when somebody last cleared this
        self.most = 0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        for run in self.runs:
            self._at(run.job.submitted, partial(self._submit, run))

    # -- time -----------------------------------------------------------------------------------------------------------

    @property
    def done(self) -> bool:
        return not self.pending and not self.running and not any(run.ended_at is None for run in self.runs[-1:])

    @property
    def next_event(self) -> float | None:
        """Return when the next thing happens by itself, None when nothing will."""
        return self._due[0][0] if self._due else None

    def advance(self, to: float) -> None:
        """Let time pass: what falls due happens in order, and jobs start as soon as they fit."""
        while self._due and self._due[0][0] <= to:
            self._pass_until(self._due[0][0])
            while self._due and self._due[0][0] <= self.now:
                heapq.heappop(self._due)[2]()
            self.schedule()
        self._pass_until(to)

    def _pass_until(self, when: float) -> None:
        if when <= self.now:
            return
        if self.pending and len(self.machines) >= self._slots > 0 and all(machine.open for machine in self.machines.values()):
            self.crowded += (when - self.now) * len(self.pending)
        self.now = when

    def _at(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._order), what))

    # -- machines ---------------------------------------------------------------------------------------------------------

    def launch(self, name: str, resource: str, cores: int, queue: str = "", *, up: bool = False) -> Machine:
        """Launch a machine that takes its time, or (`up`) is there at once."""
        machine = Machine(name, resource, cores, queue, self.now, free=cores)
        self.machines[name] = machine
        self.most = max(self.most, len(self.machines))
        if up:
            machine.up, machine.joined, machine.open, machine.idle_since = True, True, True, self.now
        else:
            works = self._chance.random() >= self.boot.failing
            self._at(self.now + self.boot.draw(self._chance), lambda: self._boot(machine, works))
        self.changed.add(name)
        return machine

    def _boot(self, machine: Machine, works: bool) -> None:
        if machine.ended_at is None:
            machine.up, machine.idle_since = works, self.now
            self.changed.add(machine.name)

    def end(self, machine: Machine) -> None:
        """End a machine. Raises ValueError when a job runs on it: no policy may do that."""
        if machine.jobs:
            raise ValueError(f"{machine.name} runs jobs")
        machine.ended_at, machine.open = self.now, False
        self.ended.append(self.machines.pop(machine.name))
        self.changed.add(machine.name)

    @property
    def open_machines(self) -> list[Machine]:
        return [machine for machine in self.machines.values() if machine.open]

    # -- jobs ---------------------------------------------------------------------------------------------------------------

    def _submit(self, run: Run) -> None:
        run.number = next(self._order)
        self.pending[run.job.id] = run
        self.queue_print += hash(run.job.id)
        self._alike.setdefault((run.job.cores, run.queue), deque()).append(run)

    def schedule(self) -> None:
        """Start what fits, in the order of submission; a job that does not fit lets smaller ones pass, as Grid Engine's scheduler does."""
        if not self.pending:
            return
        machines = [machine for machine in self.open_machines if machine.free]
        room = sum(machine.free for machine in machines)
        heads = self._heads(room, max((machine.free for machine in machines), default=0))
        while heads and room:
            kind = heads[0][1]
            alike = self._alike[kind]
            taken = _find_room(alike[0], machines, spread=self._spread) if kind[0] <= room else []
            if not taken:  # room only shrinks: none of its kind fits any more
                heapq.heappop(heads)
                continue
            self._start(alike.popleft(), taken)
            room -= kind[0]
            if alike:
                heapq.heapreplace(heads, (alike[0].number, kind))
            else:
                heapq.heappop(heads)
                del self._alike[kind]

    def _heads(self, room: int, largest: int) -> list[tuple[int, tuple[int, str]]]:
        """Return the first job's number and the kind of all kinds that may fit into so many cores, at most `largest` on one machine, as a heap."""
        heads = [(alike[0].number, kind) for kind, alike in self._alike.items() if kind[0] <= (room if kind[0] > self._widest else largest)]
        heapq.heapify(heads)
        return heads

    def _start(self, run: Run, taken: list[tuple[Machine, int]]) -> None:
        job = run.job
        for machine, cores in taken:
            machine.free -= cores
            machine.jobs[job.id] = cores
            self.changed.add(machine.name)
        run.started_at, run.on = self.now, tuple(machine for machine, _ in taken)
        self.running[job.id] = self.pending.pop(job.id)
        self.queue_print -= hash(job.id)
        self._at(self.now + job.duration, lambda: self._finish(run))

    def _finish(self, run: Run) -> None:
        for machine in run.on:
            machine.free += machine.jobs.pop(run.job.id)
            machine.idle_since = self.now
            self.changed.add(machine.name)
        run.ended_at = self.now
        del self.running[run.job.id]


def _find_room(run: Run, machines: list[Machine], *, spread: bool) -> list[tuple[Machine, int]]:
    """Return (machine, cores) for each machine that the job takes; nothing when it does not fit."""
    fitting = [machine for machine in machines if machine.free and (not run.queue or machine.queue in ("", run.queue))]
    wanted = run.job.cores
    if not run.wide:
        choose = max if spread else min
        best = choose((machine for machine in fitting if machine.free >= wanted), key=lambda machine: machine.free, default=None)
        return [(best, wanted)] if best is not None else []
    taken = []
    for machine in sorted(fitting, key=lambda machine: -machine.free):
        cores = min(machine.free, wanted)
        taken.append((machine, cores))
        wanted -= cores
        if not wanted:
            return taken
    return []
