"""What a decision remembers from the ones before it. The journal keeps it over a restart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..model import NodeRecord, ResourceFlag, Shape


BREAKER = "launches fail"  # kind of the back-off of a resource whose machines keep failing to become nodes
SPOT = "spot"  # kind of the back-off while spot machines cannot be had and the demand still waits for them


@dataclass(frozen=True, slots=True)
class Backoff:
    """Why nothing is launched in a resource until `until`. `step` counts the failures in a row, so that waits grow.

    `belated`: the cloud had taken the order first, so that only a machine that runs shows that the trouble is over.
    """

    until: float
    kind: str  # a value of errors.Refusal, BREAKER or SPOT
    reason: str
    since: float = 0.0
    step: int = 1
    belated: bool = False


@dataclass(frozen=True, slots=True)
class ResourceMemory:
    """What is remembered of a resource.

    `wanted` counts nodes that an administrator asked for and that no order covers yet. `shape` is what registered nodes
    really have, once one has reported it, `promised` what the cloud last said that they have. `offerings`: kinds of machine in a place that had none when they were last asked for, where the
    cloud is left to choose among several; each is tried again once its back-off is over.
    """

    flag: ResourceFlag = ResourceFlag.NORMAL
    wanted: int = 0
    backoff: Backoff | None = None
    shape: Shape | None = None
    failures: int = 0  # machines in a row that never became a node
    adopting: tuple[str, ...] = ()  # ids of instances that an administrator wants adopted
    failed_at: float = 0.0  # when the last machine that never became a node was given up
    offerings: Mapping[str, Backoff] = field(default_factory=dict)
    promised: Shape | None = None
    gaps: tuple[float, ...] = ()  # how soon idle nodes were wanted again: weights by the classes of policy.idle
    left: tuple[float, ...] = ()  # since when those that went for being idle had been idle, while an order may tell how soon they were missed


_NOTHING = ResourceMemory()


@dataclass(frozen=True, slots=True)
class Memory:
    """Everything remembered. `auto` None: as the settings say. `launches`: times of the orders of the last hour.

    `costs`: what was spent, by hour since the epoch, for the last day. `queue_print` and `queue_since` tell since when the pending
    jobs are as they are, `queue_dirty_since` since when they differ from what was last planned for (the batch window).
    `waves`: when nodes that had been ordered for jobs came into service: the last three times that are ten minutes apart (policy.economy).
    """

    nodes: Mapping[str, NodeRecord] = field(default_factory=dict)
    resources: Mapping[str, ResourceMemory] = field(default_factory=dict)
    auto: bool | None = None
    planned_at: float = 0.0
    launches: tuple[float, ...] = ()
    costs: Mapping[int, float] = field(default_factory=dict)
    costed_at: float = 0.0
    queue_print: int = 0
    queue_since: float = 0.0
    queue_dirty_since: float = 0.0
    waves: tuple[float, ...] = ()

    def resource(self, name: str) -> ResourceMemory:
        return self.resources.get(name, _NOTHING)

    def with_node(self, record: NodeRecord) -> Memory:
        return replace(self, nodes={**self.nodes, record.name: record})

    def with_nodes(self, records: Iterable[NodeRecord]) -> Memory:
        """Return the memory with all of these at once: one by one each would copy all others."""
        new = {record.name: record for record in records}
        return replace(self, nodes={**self.nodes, **new}) if new else self

    def without_node(self, name: str) -> Memory:
        return replace(self, nodes={key: record for key, record in self.nodes.items() if key != name})

    def with_resource(self, name: str, resource: ResourceMemory) -> Memory:
        return replace(self, resources={**self.resources, name: resource})
