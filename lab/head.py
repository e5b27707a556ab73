"""The head: namespaces that hold the lab's network and processes. Its first process reaps, and its end ends everything.

Run as `python -m lab.head STATE_DIR READY_FD PARENT_PID`; a parent of 0 means: live on when the starter has ended.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import traceback
from pathlib import Path

from lab import image, kernel, reaper, rootfs
from lab.layout import ADDRESS, BRIDGE, BRIDGE_MAC, METADATA, ROUTES, Layout
from lab.state import State

_NAMESPACES = kernel.CLONE_NEWNS | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWNET


def main() -> None:
    """Start the head and stay as its parent, so that its end can be seen and, if asked for, follows the starter's."""
    state = State.of(Path(sys.argv[1]).name)
    ready, parent = int(sys.argv[2]), int(sys.argv[3])
    if parent:
        kernel.die_with_parent(parent, signal.SIGKILL)
    else:
        os.setsid()
    kernel.unshare(kernel.CLONE_NEWPID)
    child = os.fork()
    if child == 0:
        # getppid() is 0 here: the parent lives in another pid namespace, so its end can only be asked for, not checked.
        kernel.die_with_parent(0, signal.SIGKILL)
        _be_first_process(state, ready)
    state.remember_init(child)
    os.close(ready)
    os.waitpid(child, 0)


def _be_first_process(state: State, ready: int) -> None:
    try:
        _set_up(state)
        os.write(ready, b"ok")
    except BaseException:  # told to the starter, which raises it; nothing runs yet
        os.write(ready, traceback.format_exc().encode()[-4000:])
        os._exit(1)
    os.close(ready)
    reaper.reap_for_ever()


def _set_up(state: State) -> None:
    kernel.unshare(_NAMESPACES)
    kernel.make_mounts_private()
    kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    layout = Layout(state.path)
    layout.scratch.mkdir(exist_ok=True)
    kernel.mount("tmpfs", str(layout.scratch), "tmpfs", kernel.MS_NOSUID, "mode=755")
    layout.make_shared()
    _make_network()
    _start_hypervisor(state)
    # The hypervisor keeps the machine's mounts, from which it makes the nodes' roots; the head goes on with a root of its own.
    kernel.unshare(kernel.CLONE_NEWNS)
    rootfs.enter(layout.scratch / "head", layout.head_binds())
    socket.sethostname("head")
    image.furnish_head()


def _make_network() -> None:
    commands = [
        "link set lo up",
        # A bridge without an address of its own takes that of a port: when that port goes, live nodes lose the head.
        f"link add {BRIDGE} address {BRIDGE_MAC} type bridge",
        f"addr add {ADDRESS}/16 dev {BRIDGE}",
        f"addr add {METADATA}/32 dev {BRIDGE}",
        f"link set {BRIDGE} up",
        *(f"route add {network} dev {BRIDGE}" for network in ROUTES),
    ]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(commands), text=True, check=True, timeout=20, capture_output=True)


def _start_hypervisor(state: State) -> None:
    log = os.open(state.logs / "hypervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    subprocess.Popen([sys.executable, "-m", "lab.hypervisor", str(state.path)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                     cwd="/", start_new_session=True)
    os.close(log)


if __name__ == "__main__":
    main()
