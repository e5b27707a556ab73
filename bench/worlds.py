"""What a decision looks at, in sizes that hurt: settings, nodes of ours, the cloud's listing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from saltext.dynamiccluster.model import (
    BatchView,
    CloudView,
    Instance,
    InstanceState,
    NodeRecord,
    NodeState,
    Phase,
    Shape,
)
from saltext.dynamiccluster.policy.decide import decide
from saltext.dynamiccluster.policy.memory import Memory
from saltext.dynamiccluster.policy.plan import Plan
from saltext.dynamiccluster.settings import Settings, load
from saltext.dynamiccluster.snapshot import Reading, Snapshot

NODE = Shape(16, 64_000)
RESOURCE = "cloud"
UNBOUND = 100_000  # nodes; a maximum that never binds


def resource(most: int, instance_type: str = "c5.4xlarge", priority: int = 1, prefix: str = "dc-") -> dict[str, Any]:
    """Return the pillar of one resource."""
    config = {"region_name": "us-east-1", "image_id": "ami-12345678", "instance_type": instance_type, "instance_name_prefix": prefix}
    return {"type": "aws", "quantity": {"min": 0, "max": most}, "priority": priority, "config": config}


def make_settings(resources: Mapping[str, dict[str, Any]], cluster: str = "sge", **general: Any) -> Settings:
    """Return settings with these resources; `general` is the dynamic-cluster section."""
    batch = {"type": cluster, "config": {"queued_job_number_to_display": 30}}
    return load({"dynamic-cluster": {"config-checker": {"salt": {}}, **general}, "cluster": batch, "cloud": dict(resources)})


def make_record(name: str, now: float, idle_for: float = 0.0, where: str = RESOURCE) -> NodeRecord:
    """Return a node of ours that has served for a while."""
    began = now - 7200
    known: dict[str, Any] = {"asked_at": began, "tried_at": began, "active_at": began + 60, "joined_at": began + 70, "ready_at": began + 120}
    idle_since = now - idle_for if idle_for else 0.0
    shown = NodeState.IDLE if idle_for else NodeState.BUSY
    return NodeRecord(
        name, where, f"intent-{name}", Phase.SERVING, instance_id=f"i-{name}", hostname=name, address="10.0.0.1", idle_since=idle_since,
        shown=shown, shown_at=began + 130, seen_at=now - 30, cause="for job 17", **known,
    )  # fmt: skip


def make_listing(records: Iterable[NodeRecord]) -> tuple[Instance, ...]:
    """Return the instances of nodes, as their cloud lists them."""
    return tuple(
        Instance(item.instance_id, item.name, item.resource, InstanceState.ACTIVE, item.intent, item.address, created=item.asked_at)
        for item in records
    )


@dataclass
class Engine:
    """Nodes of one resource, and what was decided on them last.

    `restless`: for how many seconds jobs have come and gone so fast that no order was given. When that is longer than the batch window lasts, as
    it is by default, the first decision gives its orders; with 0 it only sees that the queue has changed.
    """

    names: Iterable[str]
    started: float
    settings: Settings = field(default_factory=lambda: make_settings({RESOURCE: resource(UNBOUND)}))
    plan: Plan | None = None
    shapes: Mapping[str, Shape] = field(default_factory=lambda: {RESOURCE: NODE})
    restless: float = 60.0

    def __post_init__(self) -> None:
        records = {name: make_record(name, self.started) for name in self.names}
        self.memory = Memory(nodes=records, queue_dirty_since=self.started - self.restless if self.restless else 0.0)
        self.listing = make_listing(records.values())

    def clouds(self, now: float, serial: int) -> dict[str, Reading[CloudView]]:
        """Return what each resource's cloud lists."""
        return {
            name: Reading(CloudView(self.listing if name == RESOURCE else (), shape), now - 5, serial) for name, shape in self.shapes.items()
        }

    def decide(self, view: BatchView, now: float, serial: int) -> None:
        """Decide on a reading, and remember what was decided."""
        self.plan = decide(Snapshot(Reading(view, now - 1, serial), self.clouds(now, serial)), self.settings, self.memory, now)
        self.memory = self.plan.memory

