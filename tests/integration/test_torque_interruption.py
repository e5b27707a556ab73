"""A spot machine of a Torque cluster is taken back: the engine's own decide and act over the real Torque adapter and the stand-in, in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from saltext.dynamiccluster.batch.torque import Torque
from saltext.dynamiccluster.control.core import Core
from saltext.dynamiccluster.control.journal import Journal
from saltext.dynamiccluster.control.ledger import Ledger, MemoryMirror
from saltext.dynamiccluster.control.parts import Parts
from saltext.dynamiccluster.model import InstanceState, Notice, NoticeKind, Shape
from saltext.dynamiccluster.settings import Settings, load
from saltext.dynamiccluster.sim.cloud import Account, SimulatedCloud
from saltext.dynamiccluster.sim.minions import MARK, SimMinions
from saltext.dynamiccluster.sim.world import EventList
from tests.torque_standin import StandIn

pytestmark = pytest.mark.integration

STRIDE = 5.0


def make_settings() -> Settings:
    config = {"region_name": "us-east-1", "image_id": "ami-1", "instance_type": "c5.large", "instance_name_prefix": "spot-", "spot_bid": 0.1}
    general = {"max_idle_time": 600, "cluster_poller_interval": STRIDE, "cloud_poller_interval": STRIDE, "auto_provision_interval": STRIDE}
    cloud = {"spot": {"type": "aws", "quantity": {"min": 0, "max": 3}, "config": config}}
    return load({"dynamic-cluster": general, "cluster": {"type": "torque", "config": {}}, "cloud": cloud})


class Site:
    """A Torque with its cloud and its engine. Each machine has two cores."""

    def __init__(self, directory: Path):
        self.standin, self.settings, self.events = StandIn(), make_settings(), EventList()
        self.standin.world.server.timing.unlisted = 0
        self.standin.qmgr("set server resources_available.nodect = 1000")
        clock = self.standin.clock
        self.account = Account(clock)
        cloud = SimulatedCloud(self.account, self.settings.name, "spot", Shape(2, 4096))
        minions = SimMinions(clock, self)  # type: ignore[arg-type]
        self.minions, self._up = minions, set[str]()
        batch = Torque(self.settings.cluster.config, [one.reservation for one in self.settings.cloud.values()], run=self.standin, clock=clock.now)
        parts = Parts(self.settings, batch, {"spot": cloud}, minions, minions, self.events, clock, lambda record, token: f"{MARK}{token}")
        self.core = Core(parts, Ledger(Journal(directory / "journal.sqlite"), MemoryMirror()), chance=random.Random(1))

    def start_daemon(self, name: str) -> bool:
        """Do what a highstate does at its end; False while Torque does not know the host."""
        if f"Node {name}" not in self.standin.qmgr(f"list node {name}").out:
            return False
        self.standin.start_mom(name)
        return True

    def run(self, until: Callable[[], object], seconds: float = 900.0) -> None:
        end = self.standin.clock.now() + seconds
        while not until():
            assert self.standin.clock.now() < end, [self.core.memory.nodes, self.core.plan.actions, self.standin.command("qstat -n").out]
            self._step()

    def _step(self) -> None:
        self.standin.wait(STRIDE)
        now = self.standin.clock.now()
        for machine in self.account.machines.values():
            runs = machine.state(now) is InstanceState.ACTIVE
            if runs and machine.name not in self._up:
                self._up.add(machine.name)
                self.standin.addresses[machine.name] = machine.address
                self.minions.boot(machine.name, machine.user_data)
            elif not runs and machine.name in self._up:
                self._up.discard(machine.name)
                self.standin.power_off(machine.name)
                self.minions.power_off(machine.name)
        core = self.core
        core.see_batch()
        core.see_cloud("spot")
        for name in tuple(core.memory.nodes):
            core.see_check(name)
            core.see_name(name)
        for action in core.decide():
            core.carry_out(action)

    def where(self, job: str) -> str:
        """Return the host on which a job runs, "" when on none."""
        view = self.core.snapshot.batch.value
        found = [one.hosts for one in (view.jobs if view else ()) if one.id == job]
        return found[0][0] if found and found[0] else ""

    def hold_of(self, name: str) -> str:
        view = self.core.snapshot.batch.value
        return next((host.hold.value for host in (view.hosts if view else ()) if host.name == name), "")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site(tmp_path)
    yield found
    found.core.ledger.close()


def test_what_may_run_again_does_so_elsewhere_and_nothing_else_is_ended(site: Site) -> None:
    again, stays = site.standin.submit("-r y"), site.standin.submit("-r n")
    site.run(lambda: site.where(again) and site.where(stays))
    node = site.where(again)
    assert site.where(stays) == node, "both fit on one machine, so one was launched"
    assert site.core.hear(Notice(NoticeKind.INTERRUPTION, "it ends in two minutes", due=site.standin.clock.now() + 120), node=node)

    site.run(lambda: not site.where(again), 60)
    assert site.hold_of(node) == "us" and site.where(stays) == node
    assert site.standin.world.server.moms[node].running() == [stays]  # type: ignore[attr-defined]
    site.run(lambda: site.where(again))
    assert site.where(again) != node and len(site.account.living()) == 2, "another machine came for it"

    site.account.end(site.core.memory.nodes[node].instance_id)
    site.run(lambda: node not in site.core.memory.nodes)
    assert not site.where(stays) and site.hold_of(node) == ""
    told = [entry.text for entry in site.core.ledger.history(limit=200)]
    assert any(f"requeued jobs: {again}" in text for text in told) and any(f"lost jobs: {stays}" in text for text in told)
    assert site.where(again), "it runs on"
