"""Starts and stops the daemons of one place. Each one ends with the process that started it. Standard library only."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lab.nova.places import CHECKOUT, DATABASES, Place, postgres_binary, venv

_SWITCHES = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "max_connections=400", "shared_buffers=64MB",
             "wal_level=minimal", "max_wal_senders=0", "jit=off", "max_wal_size=256MB", "unix_socket_permissions=0700")


class DaemonFailed(Exception):
    """A daemon ended or did not answer; the text says which, with the end of its log."""


class Daemons:
    """The processes of one place, by service name; `postgres` is one of them."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start_postgres(self) -> None:
        """Start the database and return when it takes connections."""
        where = self.place.path / "postgres"
        words = [postgres_binary("postgres"), "-D", str(where / "data"), "-k", str(where)]
        # On SIGQUIT it leaves nothing behind, which SIGKILL would not grant it.
        self._start("postgres", [*_as_postgres("QUIT"), *words, *(word for switch in _SWITCHES for word in ("-c", switch))])
        self._await("postgres", partial(_answers_sql, where), 60)

    def start(self, *services: str) -> None:
        """Start services side by side and return when all listen. Raises DaemonFailed."""
        for service in services:
            module = ["lab.nova.inside.compute"] if service == "nova" else ["lab.nova.inside.serve", service]
            self._start(service, ["setpriv", "--pdeathsig", "KILL", *self.python(*module)])
        for service in services:
            self._await(service, partial(_listens, self.place.port(service)), 180)

    def python(self, module: str, *words: str) -> list[str]:
        """Return the command that runs a module in OpenStack's environment."""
        return [str(venv() / "bin/python"), "-m", module, *words, str(self.place.path)]

    def environment(self) -> dict[str, str]:
        """Return the environment of what runs in OpenStack's own."""
        path = f"{CHECKOUT}:{self.place.path}/entry"
        return {"PATH": os.environ["PATH"], "HOME": str(self.place.path), "LANG": "C.UTF-8", "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONUNBUFFERED": "1", "OS_NOVA_DISABLE_EVENTLET_PATCHING": "1"}

    def run(self, module: str, *words: str, timeout: float = 300) -> None:
        """Run a module in OpenStack's environment to its end. Raises DaemonFailed."""
        self.finish(self.begin(module, *words), timeout)

    def begin(self, module: str, *words: str) -> subprocess.Popen[bytes]:
        """Begin what `finish` waits for."""
        return self._start(f"{module.rpartition('.')[2]}-{'-'.join(words)}", ["setpriv", "--pdeathsig", "KILL", *self.python(module, *words)])

    def finish(self, process: subprocess.Popen[bytes], timeout: float = 300) -> None:
        """Wait for a process. Raises DaemonFailed."""
        name = next(name for name, one in self._running.items() if one is process)
        status = process.wait(timeout)
        del self._running[name]
        if status:
            raise DaemonFailed(f"{name} ended with {status}\n{self.tail(name)}")

    def signal(self, service: str, number: signal.Signals) -> None:
        """Send a signal to a service's process."""
        self._running[service].send_signal(number)

    def kill(self, service: str) -> None:
        """End a service's process at once and wait until it is gone."""
        process = self._running.pop(service)
        process.kill()
        process.wait(20)

    def running(self, service: str) -> bool:
        """Tell whether a service's process runs."""
        return service in self._running and self._running[service].poll() is None

    def stop(self, clean: bool = True) -> None:
        """End everything, the database last; not `clean` is quicker, and its files are of no use afterwards."""
        database = self._running.pop("postgres", None)
        for service in list(self._running):
            self.kill(service)
        if database is None:
            return
        database.send_signal(signal.SIGINT if clean else signal.SIGQUIT)
        try:
            database.wait(30)
        except subprocess.TimeoutExpired:
            database.send_signal(signal.SIGQUIT)
            database.wait(30)

    def tail(self, name: str) -> str:
        """Return the end of a daemon's log."""
        log = self._log(name)
        return log.read_text(encoding="utf-8", errors="replace")[-3000:] if log.exists() else ""

    def sql(self, database: str, statement: str) -> None:
        """Run a statement; it contains no text from outside."""
        words = [postgres_binary("psql"), "-h", str(self.place.path / "postgres"), "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1", "-d", database]
        done = subprocess.run([*words, "-c", statement], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise DaemonFailed(f"psql: {done.stderr}")

    def _start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        log = self._log(name)
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", env=self.environment())
        self._running[name] = process
        return process

    def _await(self, name: str, ready: Callable[[], bool], within: float) -> None:
        ends = time.monotonic() + within
        while not ready():
            if self._running[name].poll() is not None or time.monotonic() > ends:
                raise DaemonFailed(f"{name} does not answer (exit status {self._running[name].poll()})\n{self.tail(name)}")
            time.sleep(0.1)

    def _log(self, name: str) -> Path:
        return self.place.path / "logs" / f"{name}.log"


def make_databases(daemons: Daemons) -> None:
    """Make a fresh database server and empty databases in it, and leave the server running."""
    where = daemons.place.path / "postgres"
    (where / "data").mkdir(parents=True, mode=0o700)
    own(where)
    words = [*_as_postgres("KILL"), postgres_binary("initdb"), "-D", str(where / "data"), "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust"]
    done = subprocess.run([*words, "--no-sync", "--wal-segsize=4"], capture_output=True, text=True, timeout=120, check=False, cwd="/")
    if done.returncode:
        raise DaemonFailed(f"initdb: {done.stderr}")
    daemons.start_postgres()
    for names in DATABASES.values():
        for name in names:
            daemons.sql("postgres", f'CREATE DATABASE "{name}"')


def own(where: Path) -> None:
    """Give a directory and all in it to the database's user, who must be able to reach it."""
    if os.geteuid() != 0:
        return
    for path in (where, *where.rglob("*")):
        shutil.chown(path, "postgres", "postgres")


def _as_postgres(ends_by: str) -> list[str]:
    """Return the words before a command of PostgreSQL's, which refuses to run as root."""
    identity = ["--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *identity, "--pdeathsig", ends_by]


def _answers_sql(where: Path) -> bool:
    words = [postgres_binary("pg_isready"), "-q", "-h", str(where)]
    return subprocess.run(words, timeout=20, check=False).returncode == 0


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
