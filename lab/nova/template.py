"""The seeded state, made once and copied for each stack. Standard library only.

Ports and places differ from copy to copy, so what the databases say of them is put right in each one.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.nova import configuration, places
from lab.nova.daemons import Daemons, make_databases, own
from lab.nova.places import ACCOUNTS, SERVICES, Place

_USERS = ("admin", *SERVICES[1:], *ACCOUNTS)
_MINE = "dynamiccluster-nova-"
_MEMORY = Path("/dev/shm")
_PLENTY = 4 * 2**30  # bytes; a stack takes a twentieth


def ensure() -> Path:
    """Return the template's directory, made if there is none; whoever comes meanwhile waits. Raises DaemonFailed."""
    target = places.template()
    places.CACHE.mkdir(exist_ok=True)
    with open(places.CACHE / "nova.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / "facts.json").exists():
            _make(target)
    return target


def _make(target: Path) -> None:
    began = time.monotonic()
    with scratch() as path:
        place = Place(path)
        daemons = Daemons(place)
        try:
            seed(daemons)
        finally:
            daemons.stop()
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(path, target, ignore=shutil.ignore_patterns("logs", "*.sock*", ".s.*", "facts.json", ".cache"))
        # Last, as its presence says that all the rest is there.
        shutil.copy2(path / "facts.json", target / "facts.json")
    print(f"lab.nova: the template took {time.monotonic() - began:.0f} s", flush=True)


def seed(daemons: Daemons) -> None:
    """Fill an empty directory with a whole stack, and leave it running."""
    place = daemons.place
    place.write_facts({"ports": places.free_ports(SERVICES), "secrets": {user: secrets.token_hex(16) for user in _USERS}})
    configuration.write(place)
    make_databases(daemons)
    # The longest first; Keystone must stand before anything else can be said to it.
    nova = daemons.begin("lab.nova.inside.tables", "nova")
    daemons.run("lab.nova.inside.tables", "keystone")
    daemons.run("lab.nova.inside.tables", "bootstrap")
    daemons.start("keystone")
    others = [daemons.begin("lab.nova.inside.tables", one) for one in ("glance", "neutron", "placement")]
    for one in others:
        daemons.finish(one)
    daemons.start("glance", "neutron", "placement")
    daemons.run("lab.nova.inside.seed", "accounts")
    daemons.finish(nova)
    daemons.start("nova")
    daemons.run("lab.nova.inside.seed", "computes")


def instantiate(path: Path, ports: dict[str, int] | None = None, token_seconds: int = configuration.TOKEN_S) -> Daemons:
    """Copy the template, which must be there, to `path` and start it; return its daemons once all listen. Raises DaemonFailed."""
    shutil.copytree(places.template(), path, symlinks=True, dirs_exist_ok=True)
    path.chmod(0o711)
    own(path / "postgres")
    place = Place(path)
    place.write_facts({**place.facts, "ports": ports or places.free_ports(SERVICES)})
    configuration.write(place, token_seconds)
    daemons = Daemons(place)
    try:
        daemons.start_postgres()
        _put_right(daemons)
        daemons.start(*SERVICES)
    except BaseException:
        daemons.stop()
        raise
    return daemons


def _put_right(daemons: Daemons) -> None:
    """Say in the databases where this copy's services and databases are."""
    place = daemons.place
    daemons.sql("keystone", " ".join(
        f"UPDATE endpoint SET url = '{place.url(one)}' WHERE service_id IN (SELECT id FROM service WHERE extra::json->>'name' = '{one}');"
        for one in SERVICES))
    daemons.sql("nova_api", f"UPDATE cell_mappings SET database_connection = regexp_replace(database_connection, 'host=.*', 'host={place.path}/postgres')")


def roomy() -> Path:
    """Return where stacks lie: in memory where that is plenty, as a disk takes ten seconds for their five thousand files, and again to forget them."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _PLENTY:
        return _MEMORY
    return Path(tempfile.gettempdir())


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a new directory that the database's user can reach, and remove it at the end, as well as those of processes that were killed."""
    base = roomy()
    for old in base.glob(f"{_MINE}*"):
        if not _alive(old.name.removeprefix(_MINE).partition("-")[0]):
            shutil.rmtree(old, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix=f"{_MINE}{os.getpid()}-", dir=base))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _alive(pid: str) -> bool:
    return pid.isdigit() and Path("/proc", pid).exists()
