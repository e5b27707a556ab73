"""The admin server under load: 50 listeners and 200 requests a second against 10,000 nodes and 100,000 jobs, while the loop observes and decides.

Three processes besides this one: the engine with everything but Salt's bus, its admin server, and the clients. What the clients wait counts.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from saltext.dynamiccluster.control.journal import Journal
from saltext.dynamiccluster.control.ledger import MemoryMirror
from saltext.dynamiccluster.control.loop import Loop
from saltext.dynamiccluster.model import BatchView, Chunk, Host, Job, JobState, Offer, QueueSlots, Request, Shape
from saltext.dynamiccluster.settings import Settings, load
from saltext.dynamiccluster.web.access import Identity
from saltext.dynamiccluster.web.apart import Apart
from saltext.dynamiccluster.web.calls import CALLS
from saltext.dynamiccluster.web.desk import Desk
from saltext.dynamiccluster.web.wire import Recipe

from .cases import Case, Sample

LISTENERS, CONNECTIONS, A_SECOND = 50, 40, 200
MOST = 0.1  # seconds for all but one request in a hundred
INTERVAL, SLACK = 10.0, 5.0  # seconds between two readings of the batch system, and how much later one may begin
READY = 120.0
TOKEN = "bench" * 8
SECRET = "s3cr3t-access-key-of-the-cloud"
PATHS = ("/workernode", "/workernode?limit=100&offset=500", "/workernode/wn00042", "/status", "/job", "/resource?nodes=false", "/server/status")


@dataclass(frozen=True)
class Size:
    """How much there is, and for how many seconds requests are made."""

    nodes: int = 10_000
    jobs: int = 100_000
    seconds: float = 20.0


@dataclass(frozen=True)
class Figures:
    """What came out. Times in seconds; `pause` is the longest between the beginnings of two readings."""

    requests: int
    p50: float
    p99: float
    most: float
    events: int
    errors: tuple[str, ...]
    readings: int
    decisions: int
    pause: float

    @property
    def kept(self) -> bool:
        """Whether the loop kept its interval."""
        return self.decisions > 1 and self.pause <= INTERVAL + SLACK

    @property
    def met(self) -> bool:
        return self.p99 <= MOST and not self.errors and self.kept

    @property
    def ratio(self) -> float:
        """Return the worst of what is measured to what it may be; more than 1 is missed."""
        return max(self.p99 / MOST, self.pause / (INTERVAL + SLACK), float(len(self.errors) + 1 if self.errors else 0), 0.0 if self.kept else 2.0)


def run(size: Size = Size()) -> Figures:
    """Measure once; takes about a minute. Raises RuntimeError when a process of it ends too early."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="bench-server-") as scratch:
        engine = _start("engine", port, size, scratch, stdin=subprocess.PIPE)
        client = _start("clients", port, size)
        try:
            heard = _finish(client, size, besides=engine)
            told = _finish(engine, size)  # its standard input ends, which tells it to stop
        finally:
            for process in (engine, client):
                process.kill()
                process.wait()
    found = {**json.loads(heard), **json.loads(told)}
    return Figures(**{**found, "errors": tuple(found["errors"])})


def _start(part: str, port: int, size: Size, *words: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.server", part, str(port), json.dumps(asdict(size)), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


def _finish(process: subprocess.Popen[str], size: Size, besides: subprocess.Popen[str] | None = None) -> str:
    """Return what a process says at its end. `besides`: a process that must outlive it."""
    until = time.monotonic() + READY + size.seconds + 60
    while time.monotonic() < until and (besides is None or besides.poll() is None):
        with suppress(subprocess.TimeoutExpired):
            said, _ = process.communicate(timeout=1.0)
            if process.returncode == 0:
                return said
            break
    raise RuntimeError("a process of the measurement ended early, or never; its own words stand above")


def _measure(folder: Path) -> Sample:
    figures = run()
    print(json.dumps({"server-load": {**asdict(figures), "kept": figures.kept, "met": figures.met}}), file=sys.stderr)
    return Sample(figures.ratio * MOST, MOST)


# -- the engine ---------------------------------------------------------------------------------------------------------


class Everyone:
    """An Authority with one token, which may do everything."""

    def __init__(self, argument: object):
        del argument

    def kinds(self) -> tuple[str, ...]:
        return ("pam",)

    def identify(self, token: str) -> Identity | None:
        return Identity("bench", frozenset(call.right for call in CALLS if call.right)) if token == TOKEN else None

    def login(self, username: str, password: str, kind: str) -> str | None:
        return None

    def revoke(self, token: str) -> None:
        """Do nothing: the token stays."""


class Silence:
    """Every other part of an engine: does nothing, answers nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *words, **options: None


class Cloud(Silence):
    def shape(self) -> Shape:
        return Shape(4, 8000)

    def list(self) -> tuple[()]:
        return ()


class Batch(Silence):
    """A batch system in which every reading differs from the one before."""

    def __init__(self, settings: Settings, size: Size):
        self._settings, self._size = settings, size
        self.began: list[float] = []

    def observe(self) -> BatchView:
        self.began.append(time.monotonic())
        chance, now = random.Random(len(self.began)), time.time()
        requests = [Request(chunks=(Chunk(1, cores),)) for cores in range(1, 5)]  # adapters share equal requests
        jobs = tuple(
            Job(str(n), JobState.PENDING, requests[n % 4], name=f"job{n}", owner=f"u{n % 50}", queue="all.q", created=now - n % 5000, priority=chance.random())
            for n in range(self._size.jobs)
        )
        hosts = tuple(
            Host(f"wn{n:05d}", True, (QueueSlots("all.q", 4, 4),), jobs=(f"r{n}.1",), reported=Shape(4, 8000), free_memory_mb=3000, load=chance.random())
            for n in range(self._size.nodes)
        )
        offers = {resource.reservation: Offer(frozenset({"all.q"})) for resource in self._settings.cloud.values()}
        return BatchView(jobs, hosts, offers, health={"sge": True})


class Announcer:
    """Hands events to the desk, as the master's bus does."""

    def __init__(self, desk: Desk, loop: asyncio.AbstractEventLoop):
        self._desk, self._loop = desk, loop

    def fire(self, event: Any) -> None:
        self._loop.call_soon_threadsafe(self._desk.hear, event.tag, dict(event.data))


def make_settings(port: int) -> Settings:
    """Return settings with two resources and an admin server on this port."""
    config = {"region_name": "us-east-1", "image_id": "ami-12345678", "instance_type": "c5.xlarge", "secret_access_key": SECRET, "access_key_id": "AKIA"}
    resource = {"type": "aws", "quantity": {"min": 0, "max": 100}}
    cloud = {name: {**resource, "config": {**config, "instance_name_prefix": f"{name}-"}} for name in ("burst", "spare")}
    general = {"admin-server": {"port": port}, "cluster_poller_interval": INTERVAL, "cloud_poller_interval": 2 * INTERVAL}
    return load({"dynamic-cluster": general, "cluster": {"type": "sge", "config": {}}, "cloud": cloud})


async def _be_engine(port: int, size: Size, directory: Path) -> Mapping[str, Any]:
    """Observe, decide and publish until standard input ends; return how that went."""
    # not above: all rows' processes read this file, and Salt would count among their memory
    from saltext.dynamiccluster.salt.bus import redact
    from saltext.dynamiccluster.salt.engine import SystemClock
    from saltext.dynamiccluster.salt.snapshot import mask_rows, write_snapshot

    settings, running, stop = make_settings(port), asyncio.get_running_loop(), asyncio.Event()
    desk = Desk(lambda message: loop.command(message), time.time)
    desk.server = Apart(Recipe("bench.server:Everyone", None, directory, settings.dynamic_cluster.admin_server), desk.answer)
    parts: list[str] = []

    def write(document: dict[str, Any]) -> None:
        masked = mask_rows(document, [SECRET], lambda value: redact(value, [SECRET]))
        desk.publish(masked, loop.core)
        write_snapshot({"cachedir": str(directory)}, "bench", masked)

    batch, quiet = Batch(settings, size), Silence()
    loop = Loop(
        settings, batch, {name: Cloud() for name in settings.cloud}, quiet, quiet, Announcer(desk, running), SystemClock(),  # type: ignore[arg-type]
        Journal(directory / "journal"), render=lambda record, token: "", mirror=MemoryMirror(), write_snapshot=write,
        meter=lambda part, seconds: parts.append(part),
    )  # fmt: skip
    for name in settings.cloud:  # nothing is launched, so that each decision has all of the work again
        await loop.command({"name": "freeze", "arguments": {"resource": name}})
    duties = [asyncio.create_task(work) for work in (loop.run(stop), desk.server.run(stop), _keep_firing(desk))]
    running.add_reader(sys.stdin.fileno(), stop.set)
    await asyncio.wait([*duties, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    began, decisions = [*batch.began, time.monotonic()], parts.count("core") - len(settings.cloud) - 1
    stop.set()
    await asyncio.gather(*duties[:2])
    return {"readings": len(batch.began), "decisions": decisions, "pause": max(after - before for before, after in zip(began, began[1:], strict=False))}


async def _keep_firing(desk: Desk) -> None:
    for number in range(10**9):
        desk.hear(f"dynamiccluster/default/node/n{number}/busy", {"id": str(number)})
        await asyncio.sleep(0.1)


# -- the clients --------------------------------------------------------------------------------------------------------


class Clients:
    """Listeners of events, and connections over which requests are made at an even rate."""

    def __init__(self, port: int, size: Size):
        self._port, self._size = port, size
        self._took: list[float] = []
        self._errors: list[str] = []
        self._etags: dict[str, str] = {}
        self._events = 0
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def measure(self) -> Mapping[str, Any]:
        await self._wait_until_ready()
        listeners = [asyncio.create_task(self._listen()) for _ in range(LISTENERS)]
        for _ in range(CONNECTIONS):
            self._free.put_nowait(await asyncio.open_connection("127.0.0.1", self._port))
        await self._ask_evenly()
        for listener in listeners:
            listener.cancel()
        took = sorted(self._took) or [float("inf")]
        p50, p99, most = (took[int(part * (len(took) - 1))] for part in (0.5, 0.99, 1.0))
        return {"requests": len(self._took), "p50": p50, "p99": p99, "most": most, "events": self._events, "errors": self._errors[:10]}

    async def _wait_until_ready(self) -> None:
        """Wait until the server shows all nodes."""
        async with asyncio.timeout(READY):
            while True:
                try:
                    connection = await asyncio.open_connection("127.0.0.1", self._port)
                    head, _ = await self._ask(connection, "/workernode?limit=1")
                    connection[1].close()
                    if f"x-total-count: {self._size.nodes}\r\n" in head.lower():
                        return
                except OSError:
                    pass
                await asyncio.sleep(0.5)

    async def _ask_evenly(self) -> None:
        chance, began, asked = random.Random(1), time.monotonic(), []
        for number in range(int(self._size.seconds * A_SECOND)):
            asked.append(asyncio.create_task(self._ask_one(chance.choice(PATHS), chance.random() < 0.9)))
            await asyncio.sleep(max(0.0, began + (number + 1) / A_SECOND - time.monotonic()))
        await asyncio.gather(*asked)

    async def _ask_one(self, path: str, conditional: bool) -> None:
        """Ask once. The time counts from when it was to be asked: it may have to wait for a connection."""
        began = time.monotonic()
        connection = await self._free.get()
        try:
            _, status = await self._ask(connection, path, self._etags.get(path, "") if conditional else "")
            if status not in (200, 304):
                self._errors.append(f"{status} {path}")
        except (OSError, EOFError, ValueError) as error:
            self._errors.append(f"{type(error).__name__} {path}")
        finally:
            self._free.put_nowait(connection)
        self._took.append(time.monotonic() - began)

    async def _ask(self, connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], path: str, etag: str = "") -> tuple[str, int]:
        reader, writer = connection
        known = f"If-None-Match: {etag}\r\n" if etag else ""
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: {TOKEN}\r\nAccept-Encoding: gzip\r\n{known}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])}
        status = int(head.split()[1])
        if status != 304:
            await reader.readexactly(int(fields.get("content-length", 0)))
        self._etags[path] = fields.get("etag", "")
        return head, status

    async def _listen(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(f"GET /events HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: {TOKEN}\r\n\r\n".encode())
        while chunk := await reader.read(65536):
            self._events += chunk.count(b"\nid: ") + chunk.startswith(b"id: ")
        self._errors.append("a listener was let go")


def main(words: list[str]) -> None:
    """Be one of the processes."""
    part, port, size = words[0], int(words[1]), Size(**json.loads(words[2]))
    found = asyncio.run(Clients(port, size).measure() if part == "clients" else _be_engine(port, size, Path(words[3])))
    print(json.dumps(found))


CASES = (
    Case(
        "server-load",
        f"the worst of: p99 of {A_SECOND} requests a second beside {LISTENERS} listeners (100 ms), pause between readings ({INTERVAL + SLACK:.0f} s), errors",
        1.0,
        _measure,
    ),
)

if __name__ == "__main__":
    main(sys.argv[1:])
