"""What a decision says: actions with their reasons, and for each job that gets nothing, why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from itertools import chain, repeat, starmap
from typing import NamedTuple

from ..model import Job, NodeRecord, Request, WorkerNode
from .demand import get_id
from .memory import Memory


class Act(Enum):
    """Everything that can be done to the world. Each is idempotent: done again after a crash, it harms nothing."""

    ORDER = "order"  # write the intent of one more node (nothing is called yet)
    LAUNCH = "launch"  # ask the cloud for an ordered node
    JOIN = "join"  # register it in the batch system, held
    CONFIGURE = "configure"  # see to it that its configuration runs
    RELEASE = "release"  # configured: let jobs on it
    HOLD = "hold"  # keep new jobs off it
    UNHOLD = "unhold"  # let jobs on it again
    VACATE = "vacate"  # end its jobs: an administrator said so
    REQUEUE = "requeue"  # its machine is about to end: put back what may be run again
    CLEAR = "clear"  # its machine is gone: requeue or clear away its jobs
    REMOVE = "remove"  # take it out of the batch system
    DESTROY = "destroy"  # ask the cloud to end it
    FORGET = "forget"  # it is gone: delete its key and its record
    ADOPT = "adopt"  # put our tags on an instance that an administrator named in `detail`
    HOOK = "hook"  # run an administrator's command; `detail` is its setting's name


class Action(NamedTuple):
    """One thing to do. `node` is a record's name ("" for ORDER), `resource` its resource, `reason` one line for people."""

    act: Act
    resource: str
    node: str = ""
    reason: str = ""
    detail: str = ""


class Outcome(Enum):
    """What will become of a pending job."""

    __hash__ = object.__hash__  # an enumeration's own one is slow

    RUNS = "runs"  # a node that exists has room: the scheduler's turn
    ARRIVING = "arriving"  # a node on its way will take it
    ORDERED = "ordered"  # new nodes are ordered for it
    WAITS = "waits"  # it could run, and something keeps us from launching for it now
    IMPOSSIBLE = "impossible"  # no node that could ever be launched can serve it
    NOT_DEMAND = "not demand"  # held, dependent, in error, another queue ...


class Fate(NamedTuple):
    """What becomes of a job, and why, in one line. `nodes`: names of nodes (or resources for new ones) that it counts on."""

    outcome: Outcome
    reason: str
    nodes: tuple[str, ...] = ()


Run = tuple[Fate, int]  # a fate, and how many jobs in a row share it


class Heap:
    """Jobs with equal requests, in their order, and what becomes of them. `tell` returns their fates as runs; it is called when somebody asks."""

    def __init__(self, jobs: Sequence[Job], tell: Callable[[], Sequence[Run]]) -> None:
        self.jobs = jobs
        self._tell = tell

    @cached_property
    def runs(self) -> Sequence[Run]:
        return self._tell()

    @cached_property
    def by_id(self) -> dict[str, Fate]:
        fates = chain.from_iterable(starmap(repeat, self.runs))
        return dict(zip(map(get_id, self.jobs), fates, strict=True))


class Fates(Mapping[str, Fate]):
    """What becomes of jobs, by id.

    Of a hundred thousand that wait a few are ever looked at. So only `few` are told one by one; of the others it is known in which heap they
    are, and `of` and `count` put no more of it into words than is asked for. As a mapping it is put together as a whole, at the first look.
    """

    def __init__(self, few: Mapping[str, Fate] | None = None, heaps: Sequence[Heap] = ()) -> None:
        self._few = few or {}
        self._heaps = heaps

    @cached_property
    def _all(self) -> dict[str, Fate]:
        return dict(chain(self._few.items(), chain.from_iterable(heap.by_id.items() for heap in self._heaps)))

    @cached_property
    def _by_request(self) -> dict[Request, list[Heap]]:
        found: dict[Request, list[Heap]] = {}
        for heap in self._heaps:
            found.setdefault(heap.jobs[0].request, []).append(heap)
        return found

    def of(self, job: Job) -> Fate | None:
        """Return what becomes of one job, None when it was not decided on."""
        if job.id in self._few:
            return self._few[job.id]
        return next((heap.by_id[job.id] for heap in self._by_request.get(job.request, ()) if job.id in heap.by_id), None)

    def count(self) -> Counter[Fate]:
        """Return how many jobs share each fate."""
        found = Counter(self._few.values())
        for fate, jobs in chain.from_iterable(heap.runs for heap in self._heaps):
            found[fate] += jobs
        return found

    def __getitem__(self, job_id: str) -> Fate:
        return self._all[job_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


@dataclass(frozen=True, slots=True)
class Plan:
    """The decision. `memory` is what to remember before anything is done; then `actions` in order.

    `fates` by job id. `nodes` is how every worker node looks now. `blocked`: why nothing could be decided at all, or for a resource
    ("" key: all), for `status`.
    """

    memory: Memory
    actions: tuple[Action, ...] = ()
    fates: Fates = field(default_factory=Fates)
    nodes: tuple[WorkerNode, ...] = ()
    stays: Mapping[str, str] = field(default_factory=dict)  # node name -> when it may go and why not now
    blocked: Mapping[str, str] = field(default_factory=dict)


def describe(record: NodeRecord) -> str:
    """Return how people know a node: its host name, or its instance's name before it has one."""
    return record.hostname or record.name
