"""What a handler of an action gets to see."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import CloudView, Instance, NodeRecord, Shape
from ..ports import Cloud
from ..errors import CloudError, Refusal
from ..policy.plan import Action
from ..snapshot import Snapshot
from .ledger import Ledger
from .parts import Parts


@dataclass(frozen=True)
class Scene:
    """One action with the node's record as it was before its intent was written (None: the act concerns no node)."""

    parts: Parts
    action: Action
    snapshot: Snapshot
    ledger: Ledger
    record: NodeRecord | None = None

    @property
    def node(self) -> NodeRecord:
        assert self.record is not None, f"{self.action.act.value} concerns a node"
        return self.record

    @property
    def hostname(self) -> str:
        return self.node.hostname or self.node.name

    @property
    def cloud(self) -> Cloud:
        """Return the resource's cloud. Raises CloudError when the settings have no such resource any more."""
        found = self.parts.clouds.get(self.action.resource)
        if found is None:
            raise CloudError(f"the resource {self.action.resource} is not in the settings", Refusal.BAD_REQUEST)
        return found

    @property
    def view(self) -> CloudView:
        reading = self.snapshot.clouds.get(self.action.resource)
        return reading.value if reading is not None and reading.value is not None else CloudView(())

    @property
    def instance(self) -> Instance | None:
        return next((item for item in self.view.instances if item.id == self.node.instance_id), None)

    @property
    def shape(self) -> Shape | None:
        """Return what the node gives: as its own instance says, else as the resource's instances do."""
        own = self.instance.shape if self.instance is not None else None
        return own or self.view.shape or self.ledger.memory.resource(self.action.resource).shape
