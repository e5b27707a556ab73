"""pbs_mom: tells the server that it lives, runs jobs as processes of their users, tells when they end.

`pbs_mom [-D] [-d HOME] [-H HOST]`: -D stays in the foreground. The server's name stands in HOME/server_name or as `$pbsserver` in
HOME/mom_priv/config; HOME is /var/spool/torque.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import pwd
import signal
import socket
import sys
from pathlib import Path
from typing import Any

PORT = 15001
_BEAT = 1.0  # seconds between two signs of life
_AGAIN = 1.0  # seconds until the next attempt to reach the server
_GRACE = 2.0  # seconds between the end asked for and the end made
_RUN = 'cd "$1" 2>/dev/null; exec /bin/sh "$2" >"$3" 2>"$4"'


def facts() -> dict[str, str]:
    """Return what a mom reports of its machine."""
    memory = {}
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        key, value, *_ = line.split()
        memory[key.rstrip(":")] = f"{value}kb"
    return {"ncpus": str(os.cpu_count()), "physmem": memory["MemTotal"], "availmem": memory["MemAvailable"], "totmem": memory["MemTotal"],
            "loadave": f"{os.getloadavg()[0]:.2f}"}


def server_of(home: Path) -> str:
    """Return the server's name, maybe with a port, from mom_priv/config or server_name. Raises SystemExit when neither tells it."""
    config = home / "mom_priv" / "config"
    lines = config.read_text(encoding="utf-8").splitlines() if config.exists() else []
    for line in lines:
        words = line.split()
        if len(words) > 1 and words[0] == "$pbsserver":
            return words[1]
    name = home / "server_name"
    if name.exists() and name.read_text(encoding="utf-8").strip():
        return name.read_text(encoding="utf-8").strip()
    raise SystemExit(f"pbs_mom: no server: neither $pbsserver in {config} nor {name}")


class Mom:
    """One execution daemon with its jobs."""

    def __init__(self, home: Path, host: str, server: str) -> None:
        self.home, self.host, self.server = home, host, server
        self.writer: asyncio.StreamWriter | None = None
        self.unsent: list[dict[str, Any]] = []
        self.sessions: dict[str, int] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Keep the connection to the server; never returns."""
        while True:
            with contextlib.suppress(OSError, ValueError):
                host, _, port = self.server.partition(":")
                reader, self.writer = await asyncio.open_connection(host, int(port or PORT))
                beat = asyncio.create_task(self._beat())
                try:
                    while line := await reader.readline():
                        self._obey(json.loads(line))
                finally:
                    beat.cancel()
                    self.writer.close()
                    self.writer = None
            await asyncio.sleep(_AGAIN)

    async def _beat(self) -> None:
        while self.writer is not None:
            self._write({"host": self.host, "facts": facts()})
            while self.unsent:
                self._write(self.unsent.pop(0))
            await asyncio.sleep(_BEAT)

    def _write(self, message: dict[str, Any]) -> None:
        assert self.writer is not None
        self.writer.write(json.dumps(message).encode() + b"\n")

    def _tell(self, message: dict[str, Any]) -> None:
        """Send it now, or with the next sign of life when the server is away."""
        if self.writer is None:
            self.unsent.append(message)
        else:
            self._write(message)

    def _obey(self, order: dict[str, Any]) -> None:
        task = asyncio.create_task(self._run(order) if order["do"] == "start" else self._signal(order["id"], order["number"]))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _run(self, order: dict[str, Any]) -> None:
        try:
            process = await self._start(order)
        except (OSError, KeyError) as error:
            print(f"job {order['id']}: {error}", file=sys.stderr, flush=True)
            self._tell({"id": order["id"], "status": 255})
            return
        self.sessions[order["id"]] = process.pid
        self._tell({"id": order["id"], "session": process.pid})
        status = await process.wait()
        del self.sessions[order["id"]]
        self._tell({"id": order["id"], "status": status if status >= 0 else 256 - status})

    async def _start(self, order: dict[str, Any]) -> asyncio.subprocess.Process:
        user = pwd.getpwnam(order["owner"])
        script, nodes = self._file(order["id"], "SC", order["script"]), self._file(order["id"], "nodes", "".join(f"{name}\n" for name in order["hosts"]))
        base, number = order["name"], order["id"].partition(".")[0].replace("[", "-").rstrip("]")
        paths = [_local(order[kind]) or f"{user.pw_dir}/{base}.{kind[0]}{number}" for kind in ("output", "error")]
        environment = {**order["variables"], "HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name, "PATH": "/usr/local/bin:/usr/bin:/bin",
                       "PBS_JOBID": order["id"], "PBS_JOBNAME": base, "PBS_QUEUE": order["queue"], "PBS_NODEFILE": nodes, "PBS_ENVIRONMENT": "PBS_BATCH"}
        return await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", _RUN, "pbs", user.pw_dir, script, *paths, stdin=asyncio.subprocess.DEVNULL, start_new_session=True, env=environment,
            **({"user": user.pw_uid, "group": user.pw_gid, "extra_groups": os.getgrouplist(user.pw_name, user.pw_gid)} if os.getuid() == 0 else {}))

    def _file(self, job_id: str, kind: str, text: str) -> str:
        path = self.home / "mom_priv" / "jobs" / f"{job_id}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
        path.chmod(0o644)
        return str(path)

    async def _signal(self, job_id: str, number: int) -> None:
        self._kill(job_id, number)
        if number == signal.SIGTERM:
            await asyncio.sleep(_GRACE)
            self._kill(job_id, signal.SIGKILL)

    def _kill(self, job_id: str, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, KeyError):
            os.killpg(self.sessions[job_id], number)


def _local(path: str) -> str:
    """Return the path of HOST:PATH: the homes are shared."""
    return path.rpartition(":")[2]


def _into_background(home: Path) -> None:
    """Go on as a daemon; the caller's process ends with status 0."""
    if os.fork():
        os._exit(0)
    os.setsid()
    log = os.open(home / "mom_priv" / "mom.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)


def main(words: list[str]) -> int:
    """Run the daemon; 0 at once when it goes into the background, 1 when another one runs."""
    parser = argparse.ArgumentParser(prog="pbs_mom", description=__doc__)
    parser.add_argument("-D", action="store_true", dest="foreground")
    parser.add_argument("-p", action="store_true", help="accepted: jobs do not outlive this one")
    parser.add_argument("-d", default="/var/spool/torque", dest="home")
    parser.add_argument("-H", default=socket.gethostname(), dest="host")
    given = parser.parse_args(words[1:])
    home = Path(given.home)
    (home / "mom_priv").mkdir(parents=True, exist_ok=True)
    server, lock = server_of(home), home / "mom_priv" / "mom.lock"
    if lock.exists() and Path(f"/proc/{lock.read_text(encoding='ascii').strip() or 0}").exists():
        print("pbs_mom: another mom running", file=sys.stderr)
        return 1
    if not given.foreground:
        _into_background(home)
    lock.write_text(f"{os.getpid()}\n", encoding="ascii")
    asyncio.run(Mom(home, given.host, server).serve())
    return 0
