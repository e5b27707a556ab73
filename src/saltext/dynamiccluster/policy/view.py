"""One node with everything that its next step looks at."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Host, Instance, NodeRecord, ResourceFlag
from ..snapshot import sought_as
from .nodes import find_host, find_instances
from .plan import Act, Action
from .world import World

Result = tuple[NodeRecord, tuple[Action, ...]]


@dataclass(frozen=True, slots=True)
class View:
    """`host` and `instance` None: not shown by the last good reading."""

    world: World
    record: NodeRecord
    host: Host | None
    instance: Instance | None

    @property
    def batch_fresh(self) -> bool:
        """Whether the batch system was read well, and after our last change to this node: an older reading says nothing of it."""
        batch = self.world.snapshot.batch
        return batch.fresh and batch.read_at > self.record.batch_acted_at

    @property
    def cloud_fresh(self) -> bool:
        reading = self.world.snapshot.clouds.get(self.record.resource)
        return reading is not None and reading.fresh and reading.read_at > self.record.cloud_acted_at

    @property
    def cloud_seen_since(self) -> bool:
        """Whether a good listing came after our last call for this node, so that the call may be repeated."""
        reading = self.world.snapshot.clouds.get(self.record.resource)
        return reading is not None and reading.read_at > self.record.cloud_acted_at

    @property
    def frozen(self) -> bool:
        return self.world.flag(self.record.resource) is ResourceFlag.FROZEN

    @property
    def sought_for(self) -> float:
        """For how many lived seconds its machine has been looked for (see Reading.watched_for)."""
        reading = self.world.snapshot.clouds.get(self.record.resource)
        return reading.watched_for(sought_as(self.record)) if reading is not None else 0.0

    @property
    def age(self) -> float:
        return self.world.now - self.record.asked_at

    @property
    def stopped(self) -> bool:
        """Whether the cloud has just said that the machine exists and does not run."""
        return self.instance is not None and self.cloud_fresh and self.instance.stopped

    def action(self, act: Act, reason: str, detail: str = "") -> Action:
        return Action(act, self.record.resource, self.record.name, reason, detail)

    def hook(self, setting: str, command: object) -> tuple[Action, ...]:
        """Return the action that runs a hook, unless it is not configured or was run for this node already."""
        if not command or setting in self.record.hooks_done:
            return ()
        return (self.action(Act.HOOK, f"{setting} for this node", setting),)


def look_at(world: World, record: NodeRecord, instances: dict[tuple[str, str], Instance] | None = None) -> View:
    """Return the view of one node. Pass `instances` when many nodes are looked at in one pass."""
    if instances is None:
        instances = find_instances(world.snapshot)
    host = find_host(world.snapshot.batch.value, record.hostname)
    return View(world, record, host, instances.get((record.resource, record.instance_id)))
