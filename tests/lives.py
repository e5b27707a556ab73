"""A node's life as readings: what the tests of the decision step through. No simulation, only values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

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
from saltext.dynamiccluster.snapshot import Reading, Snapshot

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

    @classmethod
    def of(cls, *records: NodeRecord, **more: Any) -> Life:
        return cls(memory=Memory(nodes={item.name: item for item in records}), **more)

    def snapshot(self) -> Snapshot:
        offers = {Reservation(): Offer(frozenset({"all.q"}))}
        batch = Reading(BatchView(self.jobs, self.hosts, offers), self.now, self.serial, self.batch_error)
        cloud = Reading(CloudView(self.instances, SHAPE, self.gone), self.now, self.serial, self.cloud_error)
        if self.unread:
            batch = Reading(error="the batch system does not answer")
        return Snapshot(batch, {"burst": cloud}, self.checks, self.addresses)

    def see(self, seconds: float = 10.0, **changes: Any) -> Plan:
        """Change what is seen, let time pass, decide; the plan's memory is kept."""
        for key, value in changes.items():
            setattr(self, key, value)
        self.now += seconds
        self.serial += 1
        plan = decide(self.snapshot(), self.settings, self.memory, self.now)
        self.memory = plan.memory
        return plan

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
