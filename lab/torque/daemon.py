"""The process that holds the state: commands come through a Unix socket, moms through TCP.

Run as `python -m lab.torque.daemon --socket PATH [--moms HOST:PORT] [--version 6.1.3] [--name HEAD] [--set poll=3 ...]`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import pwd
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.torque.records import Job, Reply
from lab.torque.world import World

_TICK = 0.25  # seconds between two looks at the time
_SILENT = 4.0  # seconds without a word after which a mom cannot be reached
_LINE = 64 * 1024 * 1024  # the most bytes of one command's request, its script included


@dataclass
class RemoteMom:
    """A pbs_mom that has connected. What it tells waits until the server runs."""

    world: World
    writer: asyncio.StreamWriter
    facts: dict[str, str] = field(default_factory=dict)
    heard: float = 0.0
    news: list[dict[str, Any]] = field(default_factory=list)

    def alive(self, now: float) -> bool:
        return bool(self.facts) and now - self.heard < _SILENT

    def start(self, job: Job, now: float) -> None:
        self._send({"do": "start", "id": job.id, "name": job.name, "owner": job.owner, "queue": job.queue, "script": job.script, "directory": job.directory,
                    "output": job.output, "error": job.error, "variables": job.variables, "hosts": [name for name, _ in job.slots]})

    def signal(self, job_id: str, number: int, now: float) -> None:
        self._send({"do": "signal", "id": job_id, "number": number})

    def step(self, now: float) -> None:
        for one in self.news:
            if "session" in one:
                self.world.server.job_session(one["id"], one["session"])
            else:
                self.world.server.job_ended(one["id"], one["status"])
        self.news.clear()

    def _send(self, message: dict[str, Any]) -> None:
        self.writer.write(json.dumps(message).encode() + b"\n")


class Daemon:
    """Answers commands and moms, and lets time pass in between."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def serve(self, path: str, moms: str) -> None:
        """Listen at a Unix socket, and for moms at HOST:PORT; never returns."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).unlink(missing_ok=True)
        await asyncio.start_unix_server(self._answer, path, limit=_LINE)
        Path(path).chmod(0o666)
        if moms:
            host, _, port = moms.rpartition(":")
            await asyncio.start_server(self._attend, host, int(port), limit=_LINE)
        while True:
            await asyncio.sleep(_TICK)
            self.world.advance()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            reply = self._call(request, _user_of(writer))
        except (ValueError, KeyError, TypeError) as error:
            reply = Reply(1, err=f"torque stand-in: {type(error).__name__}: {error}\n")
        writer.write(json.dumps([reply.status, reply.out, reply.err, reply.seconds]).encode())
        try:
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        except ConnectionError:
            return  # the command was killed, as one is whose time is up

    def _call(self, request: dict[str, Any], user: str) -> Reply:
        return self.world.call(request["words"], user=user, stdin=request["stdin"], script=request["script"], directory=request["directory"],
                               environment=request["environment"])

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Listen to one mom until it goes."""
        mom, name = RemoteMom(self.world, writer), ""
        try:
            while line := await reader.readline():
                message = json.loads(line)
                mom.heard = time.time()
                if "facts" in message:
                    name, mom.facts = message["host"], message["facts"]
                    self.world.server.moms[name] = mom
                else:
                    mom.news.append(message)
        except (ConnectionError, ValueError) as error:
            print(f"mom {name or '?'}: {error}", file=sys.stderr, flush=True)
        mom.facts = {} if not name else mom.facts
        mom.heard = 0.0
        writer.close()


def _user_of(writer: asyncio.StreamWriter) -> str:
    peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return pwd.getpwuid(struct.unpack("3i", peer)[1]).pw_name


def _resolve(name: str) -> str:
    try:
        return str(socket.getaddrinfo(name, None, socket.AF_INET)[0][4][0])
    except OSError:
        return ""


def main() -> None:
    """Serve until the process is ended; the state ends with it."""
    parser = argparse.ArgumentParser(prog="lab.torque.daemon", description=__doc__)
    parser.add_argument("--socket", required=True)
    parser.add_argument("--moms", default="", help="HOST:PORT where pbs_moms connect")
    parser.add_argument("--version", default="4.2.10", choices=("4.2.10", "6.1.3"))
    parser.add_argument("--name", default=socket.gethostname())
    parser.add_argument("--set", action="append", default=[], metavar="DELAY=SECONDS", help="poll, defer, down_after, keep_completed, unlisted, stuck, unroutable")
    given = parser.parse_args()
    world = World.fresh(version=given.version, name=given.name)
    world.server.resolve = _resolve
    for setting in given.set:
        reply = world.call(["torque-standin", "set", *setting.split("=", 1)])
        if reply.status:
            parser.error(f"--set {setting}: no such delay")
    asyncio.run(Daemon(world).serve(given.socket, given.moms))


if __name__ == "__main__":
    main()
