"""What a decision says: actions with their reasons, and for each job that gets nothing, why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from ..model import NodeRecord, WorkerNode
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


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `node` is a record's name ("" for ORDER), `resource` its resource, `reason` one line for people."""

    act: Act
    resource: str
    node: str = ""
    reason: str = ""
    detail: str = ""


class Outcome(Enum):
    """What will become of a pending job."""

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


@dataclass(frozen=True, slots=True)
class Plan:
    """The decision. `memory` is what to remember before anything is done; then `actions` in order.

    `fates` by job id. `nodes` is how every worker node looks now. `blocked`: why nothing could be decided at all, or for a resource
    ("" key: all), for `status`.
    """

    memory: Memory
    actions: tuple[Action, ...] = ()
    fates: Mapping[str, Fate] = field(default_factory=dict)
    nodes: tuple[WorkerNode, ...] = ()
    stays: Mapping[str, str] = field(default_factory=dict)  # node name -> when it may go and why not now
    blocked: Mapping[str, str] = field(default_factory=dict)


def describe(record: NodeRecord) -> str:
    """Return how people know a node: its host name, or its instance's name before it has one."""
    return record.hostname or record.name
