"""A whole cluster in virtual time over the real EC2 adapter: two resources in two accounts' names, one of which has trouble."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from saltext.dynamiccluster.clouds.aws import Aws, Timeouts
from saltext.dynamiccluster.clouds.aws.pace import Pace
from saltext.dynamiccluster.clouds.ownership import INTENT
from saltext.dynamiccluster.control.core import Core
from saltext.dynamiccluster.control.journal import Journal
from saltext.dynamiccluster.control.ledger import Ledger, MemoryMirror
from saltext.dynamiccluster.control.parts import Parts
from saltext.dynamiccluster.intents import batch_of
from saltext.dynamiccluster.model import NodeRecord, Place, Request
from saltext.dynamiccluster.policy.records import minion_of
from saltext.dynamiccluster.settings import Settings, load
from saltext.dynamiccluster.sim.batch import SimBatch, SimJob
from saltext.dynamiccluster.sim.clock import VirtualClock
from saltext.dynamiccluster.sim.minions import MARK, SimMinions
from saltext.dynamiccluster.sim.world import EventList
from saltext.dynamiccluster.snapshot import Command

from .ec2 import Account, Front, name_of_machine, tag

START = 1_700_000_000.0
STRIDE = 10.0
MOST = 2
TIMEOUTS = Timeouts(connect=5.0, read=1.5, listing=10.0)
HANG = 2.0  # seconds: longer than the adapter waits, both times that it asks


def make_settings(url: str, fleet: bool, **more: Any) -> Settings:
    """Return settings of `alpha`, which will have trouble, and `beta`, which will not: each for a queue and with a key of its own. `more`: of `alpha`."""

    def resource(name: str) -> dict[str, Any]:
        types = {"instance_types": ["c5.large", "m5.large"]} if fleet else {"instance_type": "c5.large"}
        keys = {"access_key_id": name.upper(), "secret_access_key": "not-a-secret"}
        config = {**keys, **types, "region_name": "us-east-1", "endpoint_url": url, "image_id": "ami-12c6146b", "instance_name_prefix": f"{name}-"}
        config |= more if name == "alpha" else {}
        return {"type": "aws", "reservation": {"queue": f"{name}.q"}, "quantity": {"min": 0, "max": MOST}, "config": config}

    general = {"max_idle_time": 60, "max_launch_time": 600, "cloud_poller_interval": 30, "cluster_poller_interval": 10, "auto_provision_interval": 10}
    sections = {"dynamic-cluster": general, "cluster": {"type": "sge", "config": {}}}
    return load({**sections, "cloud": {name: resource(name) for name in ("alpha", "beta")}})


class Cluster:
    """The engine's own decide and act, over what is real but for the batch system, the minions and the time."""

    def __init__(self, front: Front, directory: Path, *, fleet: bool = False, together: bool = False, **more: Any):
        self.clock = VirtualClock(START)
        self.account = Account(front, self.clock.now)
        self.settings = make_settings(self.account.url, fleet, **more)
        self.batch = SimBatch(self.clock, queues=("alpha.q", "beta.q"), reservations=[item.reservation for item in self.settings.cloud.values()])
        self.batch.names = self._address_of
        self.minions = SimMinions(self.clock, self.batch)
        self.events = EventList()
        clouds = {name: Aws(name, self.settings.name, item.config, timeouts=TIMEOUTS) for name, item in self.settings.cloud.items()}
        for name, cloud in clouds.items():
            if not cloud.settings.role_arn:  # a role's keys are kept by the client: each test has its own
                cloud.api._clients = front.clients.setdefault(name, cloud.api._clients)
            # it waits in real time for a place among the account's calls: here for none
            cloud.api._pace = Pace(self.clock.now, sleep=lambda seconds: None)
        parts = Parts(self.settings, self.batch, clouds, self.minions, self.minions, self.events, self.clock, _Render(together))
        self.core = Core(parts, Ledger(Journal(directory / "journal.sqlite"), MemoryMirror()), chance=random.Random(1))
        self.most = {"alpha": 0, "beta": 0}
        self.harmed: list[str] = []
        self._running: dict[str, str] = {}
        self._listed_at = -1e9

    def close(self) -> None:
        self.core.ledger.close()
        self.account.close()

    # -- time -----------------------------------------------------------------------------------------------------------

    def run(self, seconds: float, until: Callable[[], bool]) -> bool:
        """Let the time pass until `until` is true; return whether it came true."""
        end = self.clock.now() + seconds
        while not until():
            if self.clock.now() >= end:
                return False
            self.step()
        return True

    def step(self) -> None:
        self.clock.advance(STRIDE)
        self._follow_machines()
        self.batch.schedule()
        self._tick()

    def _follow_machines(self) -> None:
        """Be the hypervisor: machines that run boot, others lose their power."""
        living = {name_of_machine(one): one for one in self.account.living() if one.state == "running"}
        for name, machine in living.items():
            if name not in self._running:
                self._running[name] = machine.id
                self.minions.boot(name, _text(machine.user_data))
        for name in self._running.keys() - living.keys():
            self.harmed += [job.id for job in self.batch.running(name)]
            del self._running[name]
            self.minions.power_off(name)
            self.batch.power_off(name)
        for name in self.most:
            self.most[name] = max(self.most[name], len(self.account.living(name)))

    def _tick(self) -> None:
        core = self.core
        core.see_batch()
        if self.clock.now() - self._listed_at >= self.settings.dynamic_cluster.cloud_poller_interval:
            self._listed_at = self.clock.now()
            for name in core.parts.clouds:
                core.see_cloud(name)
        for name in tuple(core.memory.nodes):
            core.see_check(name)
            core.see_name(name)
        for action in core.decide():
            core.carry_out(action)

    # -- what tests do and look at ------------------------------------------------------------------------------------------

    def submit(self, resource: str, duration: float = 60.0) -> SimJob:
        """Submit a job that takes half a node of one resource."""
        return self.batch.submit(Request(places=(Place(f"{resource}.q"),)), duration)

    def make_stranger(self) -> str:
        """Make a machine as somebody else with the account would; return its id."""
        client = boto3.client("ec2", endpoint_url=self.account.url, region_name="us-east-1", aws_access_key_id="OTHER", aws_secret_access_key="x")
        made = client.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, InstanceType="c5.large")
        return str(made["Instances"][0]["InstanceId"])

    def command(self, name: str, **arguments: Any) -> dict[str, Any]:
        return self.core.command(Command(name, arguments, "root"))

    def settled(self) -> bool:
        """Tell whether every job is done and nothing is left: no machine, no host, no record."""
        done = all(job.ended for job in self.batch.jobs.values())
        return done and not self.account.living() and not self.batch.hosts and not self.core.memory.nodes

    def orphans(self) -> list[str]:
        """Return the machines that nobody remembers."""
        records = self.core.memory.nodes.values()
        known = {minion_of(record) for record in records}
        asked_for = {batch_of(record.intent) for record in records if not record.instance_id} - {""}
        return [name for one in self.account.living() if (name := name_of_machine(one)) not in known and tag(one, INTENT) not in asked_for]

    def describe(self) -> str:
        lines = [f"t+{self.clock.now() - START:.0f}", f"machines {[(name_of_machine(one), one.state) for one in self.account.living()]}"]
        lines += [str(record) for record in self.core.memory.nodes.values()]
        lines += [str(job) for job in self.batch.jobs.values()] + [str(self.core.memory.resources), str(self.account.table.struck())]
        return "\n".join([*lines, str(self.core.plan.blocked), str(self.core.plan.actions)])

    def _address_of(self, hostname: str) -> str:
        return next((one.private_ip for one in self.account.living() if name_of_machine(one) == hostname), "")


class _Render:
    """The user-data: the name and the token; of several machines `together`, which name themselves, the token alone."""

    def __init__(self, together: bool) -> None:
        self.names_itself = lambda resource: together

    def __call__(self, record: NodeRecord, token: str) -> str:
        return f"name={record.name} {MARK}{token}"

    def shared(self, record: NodeRecord, token: str) -> str:
        return f"{MARK}{token}"


def _text(user_data: Any) -> str:
    raw = user_data if isinstance(user_data, bytes) else str(user_data or "").encode()
    try:
        return base64.b64decode(raw).decode()
    except ValueError:
        return raw.decode("utf-8", "replace")
