"""Names, addresses and places of every lab. Labs live in networks of their own, so all may use the same ones."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.rootfs import Bind

CHECKOUT = Path(__file__).resolve().parent.parent

BRIDGE = "lab0"
# Where each machine finds its cloud's metadata service.
METADATA = "169.254.169.254"
BRIDGE_MAC = "02:00:0a:4e:00:0a"
ADDRESS = "10.78.0.10"
# A host that never exists: it keeps the queues known to qsub while there is no node. Name and address as in the formula.
PLACEHOLDER = "dynamiccluster-placeholder"
PLACEHOLDER_ADDRESS = "192.0.2.1"
VPC = "10.78.0.0/16"
SUBNET = "10.78.16.0/20"
# moto's default network: an instance launched without a subnet gets an address there and shall work as well.
ROUTES = ("172.31.0.0/16",)
ZONE = "ec2.internal"
REGION = "us-east-1"
# The cloud's one account: the key that the engine uses, and that of the lab itself, which injected faults do not concern.
ACCESS_KEY = "lab"
OPERATOR_KEY = "lab-operator"

USER = "alice"
USER_ID = 3000
HOME = f"/home/{USER}"

SGE_ROOT = "/var/lib/gridengine"
CELL_COMMON = f"{SGE_ROOT}/default/common"
SGE_ENVIRONMENT = {"SGE_ROOT": SGE_ROOT, "SGE_CELL": "default"}
PATH = "/usr/lib/gridengine:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

EC2_PORT = 8000
ADMIN_PORT = 8001


def environment(user: str = "root") -> dict[str, str]:
    """Return the whole environment of a command in the lab: nothing of the caller's leaks in."""
    home = "/root" if user == "root" else f"/home/{user}"
    return {"PATH": PATH, "HOME": home, "USER": user, "LOGNAME": user, "LANG": "C.UTF-8", "SHELL": "/bin/bash",
            "PYTHONDONTWRITEBYTECODE": "1", **SGE_ENVIRONMENT}


@dataclass(frozen=True)
class Layout:
    """The places of one lab below its state directory."""

    state: Path

    @property
    def scratch(self) -> Path:
        """Return the mount point of the tmpfs that only the lab sees."""
        return self.state / "scratch"

    @property
    def shared(self) -> Path:
        """Return what the head exports to the nodes, as a file server would."""
        return self.scratch / "shared"

    def make_shared(self) -> None:
        """Make the shared directories, empty."""
        for name in ("common", "home"):
            (self.shared / name).mkdir(parents=True)
        os.chown(self.shared / "home", USER_ID, USER_ID)

    def binds(self) -> tuple[Bind, ...]:
        """Return what every root of the lab shows of the machine and of the head's exports."""
        return (*(Bind(path, path, read_only=True) for path in program_paths()), Bind(str(self.shared / "home"), HOME))

    def cell(self) -> Bind:
        """Return the cell's common directory, shared by the head and bare nodes; instances get theirs from their highstate."""
        return Bind(str(self.shared / "common"), CELL_COMMON)

    def head_binds(self) -> tuple[Bind, ...]:
        """Return what the head's root shows; the state directory is at /run/lab."""
        return (*self.binds(), self.cell(), Bind(str(self.state), "/run/lab"))


def program_paths() -> tuple[str, ...]:
    """Return the checkout and every directory that the running Python needs and that an overlay of `/` would not show."""
    wanted = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_prefix).resolve()]
    hidden = [path for path in wanted if not _is_shown(path) and not path.is_relative_to(CHECKOUT)]
    return tuple(dict.fromkeys(str(path) for path in (CHECKOUT, *hidden)))


def _is_shown(path: Path) -> bool:
    """Tell whether a path lies on the file system of `/` and not where a root of the lab has a tmpfs."""
    covered = any(path.is_relative_to(place) for place in ("/tmp", "/run", "/dev"))
    return not covered and os.stat(path).st_dev == os.stat("/").st_dev
