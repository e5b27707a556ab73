"""The cloud's machines: keeps one node for each running instance, and takes commands at a socket.

Run as `python -m lab.hypervisor STATE_DIR` in the head's network and pid namespaces, with the machine's own mounts. One thread: nodes are
forked from it. Commands are one line of JSON each, answered by one line: {"ok": true, ...} or {"ok": false, "error": "..."}.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import cloud, metadata, node, reaper
from lab.layout import ADDRESS, ZONE, Layout
from lab.nova.machines import Machines
from lab.state import State, now

_POLL_S = 5.0
_TICK_S = 0.5


@dataclass
class Machine:
    """A node that runs: what it was made from and the pid of its first process."""

    spec: node.NodeSpec
    pid: int


class Hypervisor:
    """All nodes of one lab."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.layout = Layout(state.path)
        self.machines: dict[str, Machine] = {}
        self.cloud: cloud.Ec2 | Machines | None = None
        self.number = 0
        # Instances whose power was cut here while the cloud goes on calling them running: they are not started again.
        self.dead: set[str] = set()
        # When the cloud ends a machine by itself, by name, and what the metadata service tells machines, by instance.
        self.ends: dict[str, float] = {}
        self.notices: dict[str, dict[str, str]] = {}
        self.publish()

    def start(self, name: str, address: str = "", user_data: str = "", instance: str = "", launched: int = 0) -> Machine:
        """Start a node; without an address it gets one outside the cloud's subnet. Raises ValueError when the name is in use."""
        if name in self.machines:
            raise ValueError(f"there is a node {name} already")
        self.number += 1
        spec = node.NodeSpec(name, address or f"10.78.1.{self.number}", self.number, user_data, instance, launched)
        self._publish_names({**self._names(), name: spec.address})
        pid = node.start(spec, self.layout, self.state.logs / f"node-{name}.log")
        machine = self.machines[name] = Machine(spec, pid)
        self._note(spec, "on")
        self.publish()
        return machine

    def power_off(self, name: str) -> Machine:
        """Cut a node's power: every process of it ends at once. Raises ValueError when there is no such node."""
        machine = self.machines.pop(name, None)
        if machine is None:
            raise ValueError(f"there is no node {name}")
        with contextlib.suppress(ProcessLookupError):
            os.kill(machine.pid, signal.SIGKILL)
        self._note(machine.spec, "off")
        self.publish()
        return machine

    def follow(self) -> None:
        """Make the nodes what the cloud says: one for each running instance, none for any other. Raises OSError when the cloud does not answer."""
        if self.cloud is None:
            return
        running = {one.identity: one for one in self.cloud.running()}
        for name, machine in list(self.machines.items()):
            if machine.spec.instance and machine.spec.instance not in running:
                self.power_off(name)
        self.dead &= set(running)
        present = {machine.spec.instance for machine in self.machines.values()}
        for identity in running.keys() - present - self.dead:
            self._boot(running[identity])

    def _boot(self, instance: cloud.Instance) -> None:
        assert self.cloud is not None
        name = instance.name or f"ip-{instance.address.replace('.', '-')}"
        try:
            self.start(name, instance.address, self.cloud.user_data(instance.identity), instance.identity, instance.launched)
        except (ValueError, OSError, subprocess.SubprocessError):
            # As a cloud would: a machine that cannot be built stays dead, the others go on.
            self.dead.add(instance.identity)
            traceback.print_exc()

    def collect(self) -> None:
        """Notice nodes that ended by themselves and report them as stopped."""
        ended = set(reaper.reap())
        for name, machine in list(self.machines.items()):
            if machine.pid not in ended:
                continue
            del self.machines[name]
            self._note(machine.spec, "off")
            self.publish()
            if machine.spec.instance and self.cloud is not None:
                self.cloud.report(machine.spec.instance, "stopped")

    def announce(self, name: str, kind: str, seconds: float) -> str:
        """Tell a machine that it will be interrupted in so many seconds (and do it then), or `rebalance` or `maintenance`; return its instance."""
        machine = self.machines.get(name)
        if machine is None or not machine.spec.instance:
            raise ValueError(f"there is no instance {name}")
        at = time.time() + seconds
        path, text = {
            "interruption": (metadata.SPOT, metadata.spot_action("terminate", at)),
            "rebalance": (metadata.REBALANCE, metadata.rebalance(time.time())),
            "maintenance": (metadata.MAINTENANCE, metadata.maintenance("instance-retirement", at)),
        }[kind]
        self.notices.setdefault(machine.spec.instance, {})[path] = text
        self.state.write("notices.json", self.notices)
        if kind == "interruption":
            self.ends[name] = now() + seconds
        return machine.spec.instance

    def take_back(self) -> None:
        """End the machines whose time is over, as the cloud does."""
        for name in [name for name, at in self.ends.items() if at <= now()]:
            del self.ends[name]
            if name in self.machines:
                instance = self.power_off(name).spec.instance
                if self.cloud is not None:
                    self.cloud.report(instance, "terminated")

    def _note(self, spec: node.NodeSpec, what: str) -> None:
        """Write down when a machine went on or off: node-seconds are counted from this, not from what the engine says."""
        with open(self.state.path / "machines.jsonl", "a", encoding="utf-8") as log:
            log.write(json.dumps({"number": spec.number, "node": spec.name, "instance": spec.instance, what: time.time()}) + "\n")

    def publish(self) -> None:
        """Write the nodes and the names for readers and for the name server."""
        self.state.write("nodes.json", {
            name: {"pid": one.pid, "address": one.spec.address, "instance": one.spec.instance, "launched": one.spec.launched}
            for name, one in self.machines.items()
        })
        self._publish_names(self._names())

    def _names(self) -> dict[str, str]:
        names = {"head": ADDRESS}
        for name, machine in self.machines.items():
            names[name.lower()] = machine.spec.address
        for machine in self.machines.values():
            private = f"ip-{machine.spec.address.replace('.', '-')}"
            names.setdefault(private, machine.spec.address)
            names.setdefault(f"{private}.{ZONE}", machine.spec.address)
        return names

    def _publish_names(self, names: dict[str, str]) -> None:
        self.state.write("names.json", names)


def answer(hypervisor: Hypervisor, request: dict[str, Any]) -> dict[str, Any]:
    """Carry out one command and return its reply; a refusal is a reply too."""
    try:
        return {"ok": True, **_COMMANDS[request.pop("do")](hypervisor, **request)}
    except (KeyError, TypeError, ValueError, OSError, subprocess.SubprocessError) as error:
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}


def _watch(hypervisor: Hypervisor, endpoint: str = "", region: str = "", nova: str = "") -> dict[str, Any]:
    """Follow the EC2 API at `endpoint`, or the OpenStack whose directory is `nova`."""
    hypervisor.cloud = Machines(Path(nova)) if nova else cloud.Ec2(endpoint, region)
    hypervisor.follow()
    return {}


def _changed(hypervisor: Hypervisor) -> dict[str, Any]:
    hypervisor.follow()
    return {}


def _start(hypervisor: Hypervisor, name: str, address: str = "", user_data: str = "") -> dict[str, Any]:
    machine = hypervisor.start(name, address, user_data)
    return {"pid": machine.pid, "address": machine.spec.address}


def _power_off(hypervisor: Hypervisor, name: str, report: str = "stopped") -> dict[str, Any]:
    """Cut the power; `report` is what the cloud says afterwards: stopped, terminated, or running (it has not noticed)."""
    if report not in ("stopped", "terminated", "running"):
        raise ValueError(f"report is stopped, terminated or running, not {report!r}")
    instance = hypervisor.power_off(name).spec.instance
    if instance and report == "running":
        hypervisor.dead.add(instance)
    elif instance and hypervisor.cloud is not None:
        hypervisor.cloud.report(instance, report)
    return {"instance": instance}


def _announce(hypervisor: Hypervisor, name: str, kind: str, seconds: float = 120.0) -> dict[str, Any]:
    return {"instance": hypervisor.announce(name, kind, seconds)}


_COMMANDS = {"announce": _announce, "watch": _watch, "changed": _changed, "start": _start, "poweroff": _power_off}


def serve(hypervisor: Hypervisor, server: socket.socket) -> None:
    """Answer commands and follow the cloud, for ever."""
    due = now()
    while True:
        readable, _, _ = select.select([server], [], [], _TICK_S)
        if readable:
            _answer_one(hypervisor, server)
        _guarded(hypervisor.collect)
        _guarded(hypervisor.take_back)
        if now() >= due:
            _guarded(hypervisor.follow)
            due = now() + _POLL_S


def _guarded(step: Any) -> None:
    try:
        step()
    except (OSError, ValueError):
        # The cloud's API may be down, which is one of the things that the lab is for.
        traceback.print_exc()


def _answer_one(hypervisor: Hypervisor, server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.settimeout(5)
        try:
            request = json.loads(connection.makefile("rb").readline())
            connection.sendall(json.dumps(answer(hypervisor, request)).encode() + b"\n")
        except (OSError, ValueError) as error:
            print(f"hypervisor: a command was lost: {error}", file=sys.stderr, flush=True)


def main() -> None:
    """Serve the lab whose state directory is the first argument."""
    state = State.of(Path(sys.argv[1]).name)
    hypervisor = Hypervisor(state)
    subprocess.Popen([sys.executable, "-m", "lab.dns", str(state.path / "names.json")], stdin=subprocess.DEVNULL)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(state.socket))
    server.listen(64)
    serve(hypervisor, server)


if __name__ == "__main__":
    main()
