"""The engine's own decide and act over the real stack, in real time; only the batch system and the minions are simulated."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any

from lab.nova import Nova
from saltext.dynamiccluster.control.parts import Parts
from saltext.dynamiccluster.model import NodeRecord
from saltext.dynamiccluster.settings import Settings, load
from saltext.dynamiccluster.sim.minions import MARK
from saltext.dynamiccluster.sim.world import World

from .clouds import CLUSTER, cloud

RESOURCE = "burst"
_QUICK = {
    "max_idle_time": 2, "max_down_time": 20, "max_launch_time": 90, "cluster_poller_interval": 1, "cloud_poller_interval": 1,
    "auto_provision_interval": 1, "minimum_node_life": 0, "batch_window": 0, "config-checker": {"salt": {}},
}  # fmt: skip


def settings(nova: Nova, maximum: int, **general: Any) -> Settings:
    """Return settings of a cluster with one resource of nodes with 2 cores."""
    config = nova.settings(networks=[nova.network], instance_name_prefix="burst-")
    resource = {"type": "openstack", "quantity": {"min": 0, "max": maximum}, "config": config}
    return load({"name": CLUSTER, "dynamic-cluster": {**_QUICK, **general}, "cluster": {"type": "sge", "config": {}}, "cloud": {RESOURCE: resource}})


class NovaWorld(World):
    """A world whose machines are Nova's servers. Its time is the real one, and `ahead` seconds: what only long waits show need not be waited for."""

    def __init__(self, nova: Nova, settings: Settings, directory: Path) -> None:
        self.nova = nova
        self.known: dict[str, Any] = {}
        self.most_servers = 0
        self.ahead = 0.0
        super().__init__(settings, directory)
        self.minions.highstate = 1.0

    def prepare(self) -> None:
        self.clock.advance(time.time() - self.clock.now())
        self.clouds = {RESOURCE: cloud(self.nova, RESOURCE, instance_name_prefix="burst-")}  # type: ignore[dict-item]

    def _parts(self) -> Parts:
        return Parts(self.settings, self.batch, self.clouds, self.minions, self.minions, self.events, self.clock, render)

    def advance(self) -> None:
        """Let the time that has passed pass here too: servers that run have minions, those that do not are off."""
        time.sleep(0.3)
        self.clock.advance(max(0.0, time.time() + self.ahead - self.clock.now()))
        living = self._living()
        for id_ in living.keys() - self.known.keys():
            self.minions.boot(living[id_].name, base64.b64decode(getattr(living[id_], "OS-EXT-SRV-ATTR:user_data") or b"").decode())
        for id_ in self.known.keys() - living.keys():
            self.minions.power_off(self.known[id_].name)
            self.batch.power_off(self.known[id_].name)
        self.known = living
        self.batch.schedule()

    def _living(self) -> dict[str, Any]:
        """Return our servers that run; what cannot be asked just now is as it was."""
        if not self.nova.daemons.running("nova"):
            return self.known
        ours = [one for one in self.nova.servers("hpc") if one.metadata.get("dynamiccluster:cluster") == CLUSTER]
        self.most_servers = max(self.most_servers, len(ours))
        return {one.id: one for one in ours if one.status == "ACTIVE" and getattr(one, "OS-EXT-STS:task_state") is None}

    def _address_of(self, hostname: str) -> str:
        for server in self.known.values():
            if server.name == hostname:
                return str(next(iter(server.addresses.values()))[0]["addr"])
        return ""

    def empty(self) -> bool:
        """Tell whether every job has ended and nothing is left, in Nova, the batch system and the memory."""
        return self.done() and not self.nova.servers("hpc") and not self.batch.hosts and not self.core.memory.nodes


def render(record: NodeRecord, token: str) -> str:
    """Return user-data as the simulated minions read it."""
    return f"name={record.name}\n{MARK}{token}\n"
