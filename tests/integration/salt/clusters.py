"""A master with the engine whose batch system and cloud are out of reach, and short ways to look at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from saltext.dynamiccluster.errors import CommandRefused
from saltext.dynamiccluster.salt import runner

from .daemons import Master, eventually, free_ports

PILLAR = """
dynamiccluster:
  name: {name}
  dynamic-cluster: {{cluster_poller_interval: 2, cloud_poller_interval: 2, auto_mode: True, admin-server: {{port: {port}}}}}
  cluster:
    type: sge
    config: {{queue_to_monitor: [all.q]}}
  cloud:
    cloud1:
      type: aws
      quantity: {{min: 0, max: {most}}}
      config:
        access_key_id: AKIASECRETSECRET
        secret_access_key: very-secret-access-key
        region_name: us-east-1
        image_id: ami-12345678
        instance_type: t3.micro
        instance_name_prefix: dc-
        endpoint_url: http://127.0.0.1:1
"""
SECRETS = ("AKIASECRETSECRET", "very-secret-access-key")


def good_pillar(name: str = "lab", most: int = 3, port: int | None = None) -> str:
    return PILLAR.format(name=name, most=most, port=port or free_ports(1)[0])


@contextmanager
def serving(root: Path, pillar: str, options: dict[str, Any] | None = None, **config: Any) -> Iterator[Master]:
    """Run a master with an engine and this pillar until the block ends."""
    daemon = Master(root, engines=[{"dynamiccluster": options or {}}], **config)
    daemon.pillar("top.sls", "base:\n  the_master:\n    - cluster\n")
    daemon.pillar("cluster.sls", pillar)
    daemon.start()
    try:
        daemon.wait_until_up()
        yield daemon
    finally:
        daemon.stop()


def running(master: Master) -> Any:
    """Return the status of an engine that acts and has looked at everything once, None before. Without the 2 s that salt-run takes."""
    try:
        status = runner.status(master.opts())
    except CommandRefused:
        return None
    return status if status["engine"]["running"] and status["totals"] else None


def await_running(master: Master) -> Any:
    return eventually(lambda: running(master), 120, "the engine")


def resource(master: Master) -> dict[str, Any]:
    """Return what the last snapshot shows of cloud1."""
    return runner.one(master.opts(), "resources", "cloud1", ("name",))


def engine_pid(master: Master, name: str = "lab") -> int:
    text = (master.root / "cache" / "dynamiccluster" / name / "engine.lock").read_text()
    return int(text) if text.strip() else 0


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone, or waits to be reaped by a master that looks now and then."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True
