"""Where things lie, which daemons there are, and what their settings have in common. Standard library only: both environments read this."""

from __future__ import annotations

import hashlib
import json
import platform
import socket
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
CACHE = CHECKOUT / ".cache"

SERVICES = ("keystone", "placement", "glance", "neutron", "nova")
DATABASES = {
    "keystone": ("keystone",), "placement": ("placement",), "glance": ("glance",), "neutron": ("neutron",),
    "nova": ("nova_api", "nova_cell0", "nova"),
}
# The computes and their availability zones.
COMPUTES = {"compute-a1": "zone-a", "compute-a2": "zone-a", "compute-b1": "zone-b"}
REGION = "lab"
# Flavors: name to virtual CPUs, megabytes, extra specs. No host holds lab.huge.
FLAVORS: dict[str, tuple[int, int, dict[str, str]]] = {
    "lab.small": (2, 4096, {}),
    "lab.large": (4, 8192, {}),
    "lab.gpu": (8, 16384, {"resources:VGPU": "1"}),
    "lab.huge": (1000, 65536, {}),
}
# Accounts: user to project. All in the domain Default.
ACCOUNTS = {"cluster": "hpc", "colleague": "hpc", "stranger": "elsewhere"}
NETWORKS = {"hpc": "lab-net", "elsewhere": "other-net"}
SUBNETS = {"hpc": "10.78.16.0/20", "elsewhere": "10.79.16.0/24"}
KEY_NAME = "lab-key"
SECURITY_GROUP = "workers"


@dataclass(frozen=True)
class Place:
    """The directory of one running stack."""

    path: Path

    def port(self, service: str) -> int:
        """Return the port of 127.0.0.1 where a service listens."""
        return int(self.facts["ports"][service])

    def url(self, service: str) -> str:
        """Return where a service is reached, as its catalog entry says."""
        return f"http://127.0.0.1:{self.port(service)}" + {"keystone": "/v3", "nova": "/v2.1"}.get(service, "")

    def secret(self, of: str) -> str:
        """Return the password of a user."""
        return str(self.facts["secrets"][of])

    def database(self, name: str) -> str:
        """Return SQLAlchemy's URL of a database."""
        return f"postgresql+psycopg2://postgres@/{name}?host={self.path}/postgres"

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Return ports, secrets and, once the stack was seeded, the ids of what is in it."""
        return dict(json.loads((self.path / "facts.json").read_text(encoding="utf-8")))

    def write_facts(self, facts: dict[str, Any]) -> None:
        """Store the facts; only the owner can read them."""
        path = self.path / "facts.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(facts, indent=1), encoding="utf-8")
        self.__dict__.pop("facts", None)


def venv() -> Path:
    """Return the environment's directory; it may not exist yet."""
    return CACHE / f"nova-{_digest(['requirements.txt'])}"


def template() -> Path:
    """Return the directory of the seeded state; it may not exist yet. Another code, version or PostgreSQL means another one."""
    return CACHE / f"nova-state-{_digest(['requirements.txt', *_MAKES_STATE], postgres_version())}"


# What ends up in the databases and files of the template comes from these.
_MAKES_STATE = ("places.py", "template.py", "inside/tables.py", "inside/seed.py")


def _digest(files: list[str], *more: str) -> str:
    found = hashlib.sha256(platform.python_version().encode())
    for name in files:
        found.update((HERE / name).read_bytes())
    for text in more:
        found.update(text.encode())
    return found.hexdigest()[:10]


def postgres_binary(name: str) -> str:
    """Return the path of one of PostgreSQL's programs, of the newest version installed; raise FileNotFoundError without one."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise FileNotFoundError(f"PostgreSQL's {name} is missing: apt-get install postgresql")
    return str(found[-1])


def postgres_version() -> str:
    """Return what the server says of itself."""
    return subprocess.run([postgres_binary("postgres"), "--version"], capture_output=True, text=True, check=True, timeout=20).stdout


def free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """Return a port of the loopback for each name, none of which anybody listens on now."""
    probes = [socket.socket() for _ in names]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return {name: int(probe.getsockname()[1]) for name, probe in zip(names, probes, strict=True)}
    finally:
        for probe in probes:
            probe.close()
