"""Says what this machine lacks for a lab, all at once and before anything is started."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from lab.errors import LabError

_PROGRAMS = {"ip": "iproute2", "nsenter": "util-linux", "setpriv": "util-linux", "unshare": "util-linux"}
_GRID_ENGINE = {"/usr/lib/gridengine/sge_qmaster": "gridengine-master", "/usr/lib/gridengine/sge_execd": "gridengine-exec",
                "/usr/lib/gridengine/qconf": "gridengine-client"}
_OVERLAY = """
set -e
mount --make-rprivate /
mount -t tmpfs lab /mnt
mkdir /mnt/u /mnt/w /mnt/r
mount -t overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w lab /mnt/r
"""
_NETWORK = "ip link set lo up && ip link add lab0 type bridge && ip link add v1 type veth peer name v2 && ip link set v1 master lab0"


def require() -> None:
    """Raise LabError that lists everything that is missing."""
    faults = missing()
    if faults:
        raise LabError("this machine cannot run a lab", "\n  - ".join(["", *faults]))


def missing() -> list[str]:
    """Return a sentence for each thing a lab needs and this machine lacks; a machine that can run labs gives an empty list."""
    faults = [f"{name} is missing: apt-get install {package}" for name, package in _PROGRAMS.items() if shutil.which(name) is None]
    faults += [f"{path} is missing: apt-get install {package}" for path, package in _GRID_ENGINE.items() if not Path(path).exists()]
    if os.geteuid() != 0:
        return [*faults, "not root: namespaces, overlay mounts and bridges need it (the part without: ./run test --fast)"]
    if faults:
        return faults
    return [sentence for flags, script, sentence in _TRIALS if _fails(flags, script)]


def _fails(flags: list[str], script: str) -> bool:
    done = subprocess.run(["unshare", *flags, "sh", "-c", script], capture_output=True, timeout=20, check=False)
    return done.returncode != 0


_TRIALS = (
    (["--net", "--uts", "--ipc", "--pid", "--fork"], "true", "the kernel refuses new namespaces: run outside of a container, or in a privileged one"),
    (["--mount"], _OVERLAY, "no overlay over / with a tmpfs: load the kernel's overlay module, or run in a privileged container"),
    (["--net"], _NETWORK, "no bridge or veth in a new network: load the kernel's bridge and veth modules"),
)
