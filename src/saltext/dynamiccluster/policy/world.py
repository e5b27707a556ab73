"""The one argument of every rule: what is seen, what is wanted, what is remembered, and when."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..model import BatchView, Job, NodeRecord, Offer, Phase, ResourceFlag, Shape, WorkerNode
from ..settings import Settings
from ..snapshot import Snapshot
from .demand import split_jobs
from .idle import idle_limits
from .maximum import count_machines, find_beyond_maximum
from .memory import Memory, ResourceMemory

COMING = frozenset({Phase.ASKED, Phase.BOOTING, Phase.JOINING, Phase.CONFIGURING})


@dataclass(frozen=True)
class World:
    """Everything a rule may look at. `nodes` are the worker nodes as `nodes.combine` made them."""

    snapshot: Snapshot
    settings: Settings
    memory: Memory
    now: float
    nodes: tuple[WorkerNode, ...] = ()

    @property
    def batch(self) -> BatchView:
        return self.snapshot.batch.value or BatchView((), ())

    @property
    def auto(self) -> bool:
        """Whether the automatic mode is on: an administrator's word goes before the settings."""
        if self.memory.auto is not None:
            return self.memory.auto
        return self.settings.dynamic_cluster.auto_mode

    @cached_property
    def _jobs(self) -> tuple[list[Job], list[Job]]:
        return split_jobs(self.batch.jobs)

    @property
    def demand(self) -> list[Job]:
        """Return the jobs that could start now if a node had room."""
        return self._jobs[0]

    @property
    def other_jobs(self) -> list[Job]:
        return self._jobs[1]

    def remembered(self, resource: str) -> ResourceMemory:
        return self.memory.resource(resource)

    def flag(self, resource: str) -> ResourceFlag:
        return self.memory.resource(resource).flag

    def shape(self, resource: str) -> Shape | None:
        """Return what a node of the resource gives: as nodes reported it, else as the cloud says or last said; None when neither is known."""
        known, reading = self.memory.resource(resource), self.snapshot.clouds.get(resource)
        return known.shape or (reading.value.shape if reading and reading.value else None) or known.promised

    def offer(self, resource: str) -> Offer | None:
        """Return how a new node of the resource would look to the batch system, None while that is unknown."""
        return self.batch.offers.get(self.settings.cloud[resource].reservation)

    def down_for(self, record: NodeRecord) -> float:
        """Return for how many seconds the batch system has called a node down, as far as this engine has lived through them."""
        if not record.down_since:
            return 0.0
        return min(max(self.now - record.down_since, 0.0), self.snapshot.batch.watched_for(record.hostname))

    @cached_property
    def beyond_maximum(self) -> frozenset[str]:
        """Return the names of ordered nodes, unknown to the cloud, for which there is no room any more."""
        return find_beyond_maximum(self.snapshot, self.settings, self.memory)

    @cached_property
    def idle_limits(self) -> dict[str, float]:
        """Return for each resource how many seconds a node of it may be idle."""
        return idle_limits(self.settings, self.memory)

    @cached_property
    def tariffs(self) -> frozenset[str]:
        """Return the resources that are billed otherwise than by the second."""
        return frozenset(name for name, resource in self.settings.cloud.items() if resource.billing_unit or resource.billing_minimum)

    @cached_property
    def is_full(self) -> bool:
        """Tell whether `limits.max_nodes` leaves no room for a further node."""
        most = self.settings.dynamic_cluster.limits.max_nodes
        return most is not None and count_machines(self.snapshot, self.memory).total() >= most

    @cached_property
    def by_resource(self) -> dict[str, tuple[WorkerNode, ...]]:
        """Return each resource's worker nodes, in a stable order."""
        found: dict[str, list[WorkerNode]] = {name: [] for name in self.settings.cloud}
        for node in self.nodes:
            if node.resource:
                found.setdefault(node.resource, []).append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}
