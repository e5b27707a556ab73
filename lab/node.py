"""A worker node: namespaces, a root of its own, a first process that reaps, and user-data run as cloud-init would."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import traceback
from dataclasses import dataclass
from pathlib import Path

from lab import cloudinit, image, kernel, reaper, rootfs
from lab.layout import ADDRESS, BRIDGE, VPC, Layout, environment

_NAMESPACES = kernel.CLONE_NEWNS | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWNET


@dataclass(frozen=True)
class NodeSpec:
    """What a node is made from. `number` is never used twice in a lab, so no interface and no directory is either.

    `launched`: its number among the instances of one launch call.
    """

    name: str
    address: str
    number: int
    user_data: str = ""
    instance: str = ""
    launched: int = 0


def start(spec: NodeSpec, layout: Layout, log: Path) -> int:
    """Start a node from the head's network and pid namespaces and return its first process's pid there.

    The caller must have no threads. Raises OSError or CalledProcessError when the kernel or `ip` refuses; nothing is left then.
    """
    ours, theirs = socket.socketpair()
    pid = _fork_into_pid_namespace()
    if pid == 0:
        ours.close()
        _be_node(spec, layout, log, theirs)
    theirs.close()
    with ours:
        try:
            ours.settimeout(20)
            _expect(ours, spec, log)
            _wire(spec, pid)
            ours.send(b"1")
            # Until its root is its own, a command sent into the node would change the machine itself.
            _expect(ours, spec, log)
        except BaseException:
            os.kill(pid, signal.SIGKILL)
            raise
    return pid


def _expect(node: socket.socket, spec: NodeSpec, log: Path) -> None:
    if not node.recv(1):
        raise OSError(f"node {spec.name} ended while it started, see {log}")


def _fork_into_pid_namespace() -> int:
    own = os.open("/proc/self/ns/pid", os.O_RDONLY)
    try:
        kernel.unshare(kernel.CLONE_NEWPID)
        pid = os.fork()
        if pid:
            # Only the first child may live in the new namespace; the next one is to be born at home again.
            kernel.setns(own, kernel.CLONE_NEWPID)
        return pid
    finally:
        os.close(own)


def _wire(spec: NodeSpec, pid: int) -> None:
    port = f"v{spec.number}"
    commands = [
        f"link add {port} type veth peer name eth0 netns {pid}",
        f"link set {port} master {BRIDGE} up",
    ]
    _ip(commands)


def _be_node(spec: NodeSpec, layout: Layout, log: Path, starter: socket.socket) -> None:
    """Become the node; never returns."""
    try:
        kernel.die_with_parent(0, signal.SIGKILL)
        _redirect_output(log)
        kernel.unshare(_NAMESPACES)
        starter.send(b"1")
        if not starter.recv(1):
            os._exit(1)
        _set_up(spec, layout)
        starter.send(b"1")
        os.closerange(3, 1024)
        _boot(spec)
        reaper.reap_for_ever()
    except BaseException:  # the log is the console: whatever it was belongs there
        traceback.print_exc()
    os._exit(1)


def _redirect_output(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open("/dev/null", os.O_RDONLY)
    for source, target in ((nothing, 0), (descriptor, 1), (descriptor, 2)):
        os.dup2(source, target)


def _set_up(spec: NodeSpec, layout: Layout) -> None:
    network = VPC.rpartition("/")[0]
    _ip([
        "link set lo up", f"addr add {spec.address}/32 dev eth0", "link set eth0 up",
        f"route add {network}/16 dev eth0 scope link", f"route add default via {ADDRESS} dev eth0",
    ])
    # A bare node has nobody who configures it, so it shares the head's cell.
    binds = layout.binds() if spec.instance else (*layout.binds(), layout.cell())
    rootfs.enter(layout.scratch / "nodes" / f"{spec.number}-{spec.name}", binds)
    socket.sethostname(spec.name)
    image.furnish_node(spec.name)


def _boot(spec: NodeSpec) -> None:
    """Run the user-data in a process of its own, as the first one must go on reaping."""
    if not spec.user_data or os.fork():
        return
    status = cloudinit.run(spec.user_data, spec.instance or spec.name)
    os._exit(status)


def _ip(commands: list[str]) -> None:
    done = subprocess.run(["ip", "-batch", "-"], input="\n".join(commands), text=True, capture_output=True, timeout=20, check=False,
                          env=environment())
    if done.returncode:
        raise OSError(f"ip failed: {done.stderr.strip()}")
