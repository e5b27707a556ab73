"""A whole cluster in virtual time: simulated cloud, batch system and minions around the engine's own decide and act."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..control.core import Core
from ..control.journal import Journal
from ..control.ledger import Ledger, MemoryMirror
from ..control.parts import Parts
from ..model import InstanceState, NodeRecord, Request, Shape
from ..ports import Event
from ..settings import Settings, load
from ..snapshot import Command
from .batch import SimBatch, SimJob
from .clock import VirtualClock
from .cloud import Account, Machine, SimulatedCloud
from .kill import CHANGES, Guard, GuardedJournal, Wire
from .minions import MARK, SimMinions

START = 1_700_000_000.0


class EventList:
    """Implements ports.Announcer: keeps what was fired."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def fire(self, event: Event) -> None:
        self.events.append(event)

    def tags(self, ending: str = "") -> list[str]:
        return [event.tag for event in self.events if event.tag.endswith(ending)]


def make_settings(resources: Mapping[str, Mapping[str, Any]] | None = None, **general: Any) -> Settings:
    """Return settings for a simulation; `resources` are merged over one called `cloud1` that has up to 8 nodes."""
    cloud = {
        name: {
            "type": "aws",
            "quantity": {"min": 0, "max": 8},
            "config": {
                "region_name": "us-east-1",
                "image_id": "ami-12345678",
                "instance_type": "c5.xlarge",
                "instance_name_prefix": f"{name}-",
            },
            **resource,
        }
        for name, resource in (resources or {"cloud1": {}}).items()
    }
    return load({"dynamic-cluster": general, "cluster": {"type": "sge", "config": {}}, "cloud": cloud})


class World:
    """Everything outside of the engine, and the engine, which can be killed and started again.

    `step` moves the time by `stride` seconds and lets the engine look, decide and act as its loop would.
    """

    def __init__(
        self,
        settings: Settings,
        directory: Path,
        *,
        stride: float = 5.0,
        shape: Shape = Shape(4, 8192),
        seed: int = 1,
        wire: Wire | None = None,
    ):
        self.settings, self.directory, self.stride, self.seed = settings, directory, stride, seed
        self.clock = VirtualClock(START)
        self.account = Account(self.clock)
        self.batch = SimBatch(self.clock, reservations=[item.reservation for item in settings.cloud.values()])
        self.clouds = {name: SimulatedCloud(self.account, settings.name, name, shape) for name in settings.cloud}
        self.minions = SimMinions(self.clock, self.batch)
        self.mirror = MemoryMirror()
        self.events = EventList()
        self.harmed: list[str] = []  # jobs that ran on a machine when we had it ended
        self.most = 0  # machines that lived at once
        self.restarts = 0
        self.wire = wire or Wire()
        self.batch.names = self._address_of
        self._booted: dict[str, str] = {}
        self._due: dict[str, float] = {}
        self.prepare()
        self.core = self.start_engine()

    def prepare(self) -> None:
        """Called before the first engine starts, for worlds that have more in them."""

    # -- the engine -----------------------------------------------------------------------------------------------------

    @property
    def journal_path(self) -> Path:
        return self.directory / "journal.sqlite"

    def start_engine(self, settings: Settings | None = None, *, lose_journal: bool = False) -> Core:
        """Start an engine as a new process would, with the journal that the last one left, or without."""
        if lose_journal:
            shutil.rmtree(self.directory, ignore_errors=True)
        self.settings = settings or self.settings
        self._due = {}
        ledger = Ledger(self.make_journal(), self.mirror)
        self.core = Core(self._parts(), ledger, chance=random.Random(self.seed + self.restarts))
        self.core.resume()
        return self.core

    def make_journal(self) -> Journal:
        return GuardedJournal(self.journal_path, self.wire)

    def _parts(self) -> Parts:
        def guard(port: Any, kind: str) -> Any:
            return Guard(port, kind, CHANGES[kind], self.wire)

        clouds = {name: guard(_Watched(cloud, self), "cloud") for name, cloud in self.clouds.items() if name in self.settings.cloud}
        minions = guard(self.minions, "minions")
        return Parts(
            self.settings, guard(self.batch, "batch"), clouds, self.minions, minions, self.events, self.clock, _render
        )

    def restart(self, *, lose_journal: bool = False, wire: Wire | None = None) -> None:
        """End the engine, however it was, and start another one."""
        self.core.ledger.close()
        self.minions.lose_engine()
        self.restarts += 1
        self.wire = wire or Wire()
        self.start_engine(lose_journal=lose_journal)

    # -- time -----------------------------------------------------------------------------------------------------------

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Let the time pass; return whether `until` came true (True without one)."""
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            self.step()
            if until is not None and until():
                return True
        return until is None

    def step(self) -> None:
        """Let one stride of time pass, for the world and then for the engine. Raises EngineKilled."""
        self.advance()
        self.tick()

    def advance(self) -> None:
        """Let the world alone go on: machines boot and end, jobs end and start."""
        self.clock.advance(self.stride)
        now = self.clock.now()
        for machine in self.account.machines.values():
            self._follow(machine, machine.state(now))
        self.most = max(self.most, len(self.account.living()))
        self.batch.schedule()

    def _follow(self, machine: Machine, state: InstanceState) -> None:
        name = machine.name
        if state is InstanceState.ACTIVE and machine.id not in self._booted:
            self._booted[machine.id] = name
            self.minions.boot(name, machine.user_data)
        elif state is not InstanceState.ACTIVE and self._booted.get(machine.id):
            self._booted[machine.id] = ""
            self.minions.power_off(name)
            self.batch.power_off(name)

    def tick(self) -> None:
        """Let the engine look where its intervals say so, then decide, and act."""
        general, core = self.settings.dynamic_cluster, self.core
        if self._is_due("batch", general.cluster_poller_interval):
            core.see_batch()
        for name in core.parts.clouds:
            if self._is_due(f"cloud {name}", general.cloud_poller_interval):
                core.see_cloud(name)
        for name in tuple(core.memory.nodes):
            core.see_check(name)
            core.see_name(name)
        for action in core.decide():
            core.carry_out(action)
            self._due["batch"] = 0.0

    def _is_due(self, what: str, interval: float) -> bool:
        now = self.clock.now()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + interval
        return True

    # -- what tests do and look at ------------------------------------------------------------------------------------------

    def submit(self, count: int = 1, request: Request = Request(), duration: float = 60.0, **more: Any) -> list[SimJob]:
        return [self.batch.submit(request, duration, **more) for _ in range(count)]

    def command(self, name: str, *, test: bool = False, **arguments: Any) -> dict[str, Any]:
        return self.core.command(Command(name, arguments, "root"), test=test)

    def done(self) -> bool:
        """Return whether every job has ended."""
        return all(job.ended for job in self.batch.jobs.values())

    def settled(self, nodes: int = 0) -> bool:
        """Return whether every job has ended and just so many nodes are left, in the clouds, the batch system and the memory."""
        left = (len(self.account.living()), len(self.batch.hosts), len(self.core.memory.nodes))
        return self.done() and left == (nodes, nodes, nodes)

    def close(self) -> None:
        """Let go of the journal's file."""
        self.core.ledger.close()

    def describe(self) -> str:
        """Return everything about the world in a few lines, for a test that failed."""
        lines = [f"t+{self.clock.now() - START:.0f} machines {[(m.id, m.state(self.clock.now()).value) for m in self.account.living()]}"]
        lines += [str(host) for host in self.batch.hosts.values()]
        lines += [str(job) for job in self.batch.jobs.values() if not job.ended]
        lines += [str(record) for record in self.core.memory.nodes.values()]
        lines += [str(self.core.plan.actions), str(self.core.plan.blocked), str(self.core.memory.resources), str(self.wire.passed[-5:])]
        return "\n".join(lines)

    def _address_of(self, hostname: str) -> str:
        for machine in self.account.living():
            if machine.name == hostname:
                return machine.address
        return ""


class _Watched:
    """A cloud that notes which jobs a machine still ran when it was told to end it."""

    def __init__(self, cloud: SimulatedCloud, world: World):
        self._cloud, self._world = cloud, world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cloud, name)

    def destroy(self, instance_id: str) -> None:
        machine = self._cloud.account.machines.get(instance_id)
        now = self._world.clock.now()
        if machine is not None and machine.state(now) is InstanceState.ACTIVE:
            self._world.harmed += [job.id for job in self._world.batch.running(machine.name)]
        self._cloud.destroy(instance_id)


def _render(record: NodeRecord, token: str) -> str:
    return f"name={record.name}\n{MARK}{token}\n"
