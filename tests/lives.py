"""A node's life as readings: what the tests of the decision step through. No simulation, only values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from saltext.dynamiccluster.control.observe import find_down
from saltext.dynamiccluster.model import (
    BatchView,
    CheckResult,
    CloudView,
    HoldBy,
    Host,
    Instance,
    InstanceState,
    Job,
    NodeRecord,
    Offer,
    Phase,
    QueueSlots,
    Reservation,
    Shape,
    Verdict,
)
from saltext.dynamiccluster.policy.decide import decide
from saltext.dynamiccluster.policy.memory import Memory
from saltext.dynamiccluster.policy.plan import Act, Action, Plan
from saltext.dynamiccluster.settings import Settings, load
from saltext.dynamiccluster.snapshot import LONGEST_GAP, Reading, Snapshot, sought_as

START = 1_000_000.0
SHAPE = Shape(cores=4, memory_mb=8192)


def settings(*, minimum: int = 0, maximum: int = 8, **general: Any) -> Settings:
    """Return settings with one AWS resource `burst` on Grid Engine."""
    return load(
        {
            "dynamic-cluster": {"config-checker": {"salt": {}}, **general},
            "cluster": {"type": "sge", "config": {}},
            "cloud": {
                "burst": {
                    "type": "aws",
                    "quantity": {"min": minimum, "max": maximum},
                    "priority": 1,
                    "config": {
                        "region_name": "us-east-1",
                        "image_id": "ami-12345678",
                        "instance_type": "c5.xlarge",
                        "instance_name_prefix": "burst-",
                    },
                }
            },
        }
    )


def record(phase: Phase, name: str = "burst-a", **more: Any) -> NodeRecord:
    """Return a record as it is in this phase, an hour old unless told otherwise."""
    known: dict[str, Any] = {"asked_at": START - 60, "tried_at": START - 60}
    if phase is not Phase.ASKED:
        known |= {"instance_id": f"i-{name}", "hostname": name, "address": "10.0.0.1", "seen_at": START - 30}
    if phase in (Phase.CONFIGURING, Phase.SERVING, Phase.DRAINING, Phase.LEAVING):
        known |= {"joined_at": START - 40}
    if phase in (Phase.SERVING, Phase.DRAINING, Phase.LEAVING):
        known |= {"configured_at": START - 35, "ready_at": START - 20}
    return NodeRecord(name, "burst", f"intent-{name}", phase, **{**known, **more})


def instance(name: str = "burst-a", state: InstanceState = InstanceState.ACTIVE, **more: Any) -> Instance:
    return Instance(
        f"i-{name}", name, "burst", state, **{"intent": f"intent-{name}", "address": "10.0.0.1", "shape": SHAPE, **more}
    )


def host(name: str = "burst-a", used: int = 0, **more: Any) -> Host:
    """Return a host with one queue of four slots, up and unheld unless told otherwise."""
    jobs = tuple(str(number) for number in range(1, used + 1))
    known = {"up": True, "queues": (QueueSlots("all.q", 4, used),), "jobs": jobs, "reported": SHAPE}
    return Host(name, **{**known, **more})


@dataclass
class Life:
    """Steps a memory through readings. Each `see` is one pass of the decision, `seconds` after the one before."""

    settings: Settings = field(default_factory=settings)
    memory: Memory = field(default_factory=Memory)
    now: float = START
    hosts: tuple[Host, ...] = ()
    instances: tuple[Instance, ...] = ()
    jobs: tuple[Job, ...] = ()
    gone: frozenset[str] = frozenset()
    checks: dict[str, CheckResult] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=lambda: {"burst-a": "10.0.0.1"})
    batch_error: str = ""
    cloud_error: str = ""
    unread: bool = False  # the batch system was never read
    serial: int = 0
    _steady: float = 0.0
    _batch: Reading[BatchView] = Reading()
    _cloud: Reading[CloudView] = Reading()

    @classmethod
    def of(cls, *records: NodeRecord, **more: Any) -> Life:
        return cls(memory=Memory(nodes={item.name: item for item in records}), **more)

    def snapshot(self) -> Snapshot:
        batch = replace(self._batch, value=self._batch_view(), read_at=self.now, serial=self.serial, error=self.batch_error)
        cloud = replace(self._cloud, value=self._cloud_view(), read_at=self.now, serial=self.serial, error=self.cloud_error)
        if self.unread:
            batch = Reading(error="the batch system does not answer")
        return Snapshot(batch, {"burst": cloud}, self.checks, self.addresses)

    def _read_until(self, then: float) -> None:
        """Let the time pass; read all the while as the engine does."""
        self.serial += 1
        records = tuple(self.memory.nodes.values())
        sought = [sought_as(item) for item in records]
        while self.now < then:
            step = min(LONGEST_GAP, then - self.now)
            self.now, self._steady = self.now + step, self._steady + step
            batch, cloud = self._batch_view(), self._cloud_view()
            self._batch = self._batch.followed_by(batch, self.now, self._steady, find_down(batch, records, self._batch))
            self._cloud = self._cloud.followed_by(cloud, self.now, self._steady, sought)

    def _batch_view(self) -> BatchView:
        return BatchView(self.jobs, self.hosts, {Reservation(): Offer(frozenset({"all.q"}))})

    def _cloud_view(self) -> CloudView:
        return CloudView(self.instances, SHAPE, self.gone)

    def see(self, seconds: float = 10.0, **changes: Any) -> Plan:
        """Change what is seen, let time pass, decide; the plan's memory is kept."""
        for key, value in changes.items():
            setattr(self, key, value)
        self._read_until(self.now + seconds)
        plan = decide(self.snapshot(), self.settings, self.memory, self.now)
        self.memory = plan.memory
        return plan

    def jump(self, seconds: float) -> None:
        """Set the clock; no time passes."""
        self.now += seconds

    def restart(self, away: float = 0.0) -> None:
        """Go on with another engine, which has not read anything yet."""
        self.now += away
        self._batch, self._cloud = Reading(), Reading()

    def node(self, name: str = "burst-a") -> NodeRecord:
        return self.memory.nodes[name]

    def change(self, name: str = "burst-a", **changes: Any) -> None:
        self.memory = self.memory.with_node(replace(self.memory.nodes[name], **changes))


def acts(plan: Plan, name: str = "burst-a") -> list[Act]:
    """Return what the plan does to one node."""
    return [action.act for action in plan.actions if action.node == name]


def only(plan: Plan, act: Act) -> Action:
    """Return the plan's one action of this kind."""
    [found] = [action for action in plan.actions if action.act is act]
    return found


HELD = HoldBy.US
READY = CheckResult(Verdict.READY)
