"""What jobs are and what they ask for; see model.py, which has these names, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class JobState(Enum):
    """State of a job. Only PENDING jobs are demand: they could start now if a node had room."""

    __hash__ = object.__hash__  # an enumeration's own one is slow

    PENDING = "pending"
    HELD = "held"
    DEPENDENT = "dependent"  # waits for another job
    WAITING = "waiting"  # start time in the future, or an array whose slot limit is reached
    ERROR = "error"
    RUNNING = "running"
    SUSPENDED = "suspended"
    COMPLETED = "completed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Chunk:
    """`count` pieces, each of which needs `cores` (and memory, GPUs, properties) on one node.

    Pieces of a chunk may share a node unless `distinct`. So a serial job is Chunk(), an SMP job Chunk(cores=8), a
    job that may spread in any way over 12 slots Chunk(count=12), Torque's nodes=4:ppn=2 Chunk(4, 2), and a Grid Engine job
    with a fixed allocation rule of 2 over 8 slots Chunk(4, 2, distinct=True).
    """

    count: int = 1
    cores: int = 1
    memory_mb: int = 0  # for each piece
    gpus: int = 0  # for each piece
    properties: frozenset[str] = frozenset()
    distinct: bool = False

    @property
    def total_cores(self) -> int:
        return self.count * self.cores


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job may run: a queue's name, on hosts that match a shell pattern, in a host group ("" = any)."""

    queue: str
    host: str = "*"
    group: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What a job asks for, all of it that placement looks at: two jobs with equal requests are alike.

    `places` None: anywhere; an empty tuple: nowhere that is known. `needs` are further requirements, as (name, value), that a node's
    `features` must meet. `impossible` is a reason, known to the adapter, why no node can ever serve the job.
    """

    chunks: tuple[Chunk, ...] = (Chunk(),)
    places: tuple[Place, ...] | None = None
    account: str = ""
    node_memory_mb: int = 0  # at least so much on each node used, not consumed (mem_free)
    exclusive: bool = False  # wants its nodes for itself
    needs: tuple[tuple[str, str], ...] = ()
    impossible: str = ""

    @property
    def total_cores(self) -> int:
        return sum(chunk.total_cores for chunk in self.chunks)


class Job(NamedTuple):
    """A job, or the pending part of an array. `tasks` is how many tasks of it could start now (0 unless PENDING).

    A tuple, because there are a hundred thousand of them: it is made four times as fast as a data class.
    """

    id: str
    state: JobState
    request: Request = Request()
    tasks: int = 1
    name: str = ""
    owner: str = ""
    queue: str = ""  # as asked, for showing
    account: str = ""
    priority: float = 0.0  # higher first
    created: float = 0.0
    started: float = 0.0
    walltime: float | None = None
    rerunnable: bool = False
    reason: str = ""  # why it is not demand, when it is not
    hosts: tuple[str, ...] = ()  # where it runs
    extra: Mapping[str, str] = {}
