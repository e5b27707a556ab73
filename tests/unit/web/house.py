"""A whole admin server over a simulated cluster: real sockets, real HTTP, an engine without threads of its own."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from saltext.dynamiccluster.control.present import Status, present
from saltext.dynamiccluster.control.queries import QUERIES, ask, history
from saltext.dynamiccluster.model import Chunk, Request
from saltext.dynamiccluster.settings import load
from saltext.dynamiccluster.sim.world import World
from saltext.dynamiccluster.snapshot import Command
from saltext.dynamiccluster.web.access import Identity
from saltext.dynamiccluster.web.calls import CALLS
from saltext.dynamiccluster.web.desk import Desk
from saltext.dynamiccluster.web.server import WebServer

RIGHTS = frozenset(call.right for call in CALLS if call.right)
READS = frozenset(call.right for call in CALLS if call.right and not call.changes)
OPERATOR, READER, EXPIRED, NOBODY = (word * 16 for word in ("oper", "read", "late", "none"))
SECRET = "s3cr3t-access-key-of-the-cloud"


class Register:
    """An Authority with a list of tokens."""

    def __init__(self, argument: object = None) -> None:
        self.tokens = {
            OPERATOR: Identity("alice", RIGHTS),
            READER: Identity("rita", READS),
            EXPIRED: Identity("earl", RIGHTS, expires=1.0),
            NOBODY: Identity("norman", frozenset()),
        }
        self.passwords = {("bob", "bobs-password"): Identity("bob", RIGHTS)}
        self.broken = False
        self.lookups = 0

    def kinds(self) -> tuple[str, ...]:
        return ("pam",)

    def identify(self, token: str) -> Identity | None:
        self.lookups += 1
        if self.broken:
            raise ConnectionError("the token store is away")
        return self.tokens.get(token)

    def login(self, username: str, password: str, kind: str) -> str | None:
        identity = self.passwords.get((username, password))
        if identity is None:
            return None
        token = f"token-of-{username}-{len(self.tokens):04d}"
        self.tokens[token] = identity
        return token

    def revoke(self, token: str) -> None:
        self.tokens.pop(token, None)


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Any = field(default=None)


def pillar(port: int, **server: Any) -> dict[str, Any]:
    """Return a pillar with two resources, secrets and an admin server on this port."""

    def resource(name: str, priority: int, **quantity: int) -> dict[str, Any]:
        config = {
            "region_name": "us-east-1",
            "image_id": "ami-12345678",
            "instance_type": "c5.xlarge",
            "instance_name_prefix": f"{name}-",
            "access_key_id": "AKIAEXAMPLEEXAMPLE00",
            "secret_access_key": SECRET,
        }
        return {"type": "aws", "quantity": quantity, "priority": priority, "price": 0.25, "config": config}

    return {
        "dynamic-cluster": {"admin-server": {"port": port, **server}, "batch_window": 0, "auto_provision_interval": 1, "max_idle_time": 100_000},
        "cluster": {"type": "sge", "config": {}},
        "cloud": {"burst": resource("burst", 1, min=0, max=8), "spare": resource("spare", 2, min=0, max=2)},
    }


class House:
    """Use it as a context: the server runs on a loop in a thread."""

    def __init__(self, directory: Path, **server: Any):
        self.port = free_port()
        settings = load(pillar(self.port, **server))
        self.world = World(settings, directory / "engine", stride=5.0)
        self.directory = directory
        self.register = Register()
        self.status = Status("2.0.0", self.world.clock.now())
        self.asked: list[dict[str, Any]] = []
        self.gate: asyncio.Event | None = None  # what an answer of the engine waits for
        self._lock = threading.RLock()

    def __enter__(self) -> House:
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._thread.start()
        assert self._up.wait(60)
        self.publish()
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(RuntimeError):  # a test may have ended it
            self.loop.call_soon_threadsafe(self.stop.set)
        self._thread.join(60)

    async def _main(self) -> None:
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        self.desk = Desk(self.obey, self.world.clock.now)
        admin = self.world.settings.dynamic_cluster.admin_server
        clock = self.world.clock
        self.server = self.desk.server = WebServer(admin, self.desk.answer, self.register, self.directory, clock.now, clock.steady)
        duty = asyncio.create_task(self.server.run(self.stop))
        while self.server._server is None and not self.server.trouble:
            await asyncio.sleep(0.01)
        self._up.set()
        await duty

    async def obey(self, message: dict[str, Any]) -> Mapping[str, Any]:
        if self.gate is not None:
            await self.gate.wait()
        try:
            return await asyncio.get_running_loop().run_in_executor(None, self._obey, message)
        finally:
            self.asked.append(message)  # only now: who waits for it lets time pass next

    def _obey(self, message: dict[str, Any]) -> Mapping[str, Any]:
        arguments = dict(message["arguments"])
        test = bool(arguments.pop("test", False))
        with self._lock:
            core = self.world.core
            if message["name"] == "reconcile":
                return {"ok": True, "message": "everything is read anew", "data": {"test": test}}
            if message["name"] in QUERIES:
                return ask(core, message["name"], arguments)
            return core.command(Command(message["name"], arguments, message["by"]), test=test)

    # -- the world --------------------------------------------------------------------------------------------------------

    def grow(self, count: int = 3, **more: Any) -> None:
        """Have jobs come and run, each on a node of its own; then nothing is under way any more."""
        self.world.submit(count, Request(chunks=(Chunk(cores=4),)), 1e6, **more)
        with self._lock:
            self.world.run(600, lambda: all(job.started for job in self.world.batch.jobs.values()))
        self.pass_time(30)

    def pass_time(self, seconds: float) -> None:
        with self._lock:
            self.world.run(seconds)
        self.publish()

    def publish(self) -> None:
        with self._lock:
            document = present(self.world.core, self.status)
            document["history"] = history(self.world.core, limit=200)
            document = json.loads(json.dumps(document))
        self.document = document
        self.desk.publish(document, self.world.core)

    def trouble(self, problem: str) -> None:
        """Tell of a problem, and of nothing else that is new."""
        self.desk.publish({**self.document, "problems": [*self.document["problems"], problem]}, self.world.core)

    def nodes(self) -> list[str]:
        return [node.hostname for node in self.world.core.plan.nodes]

    # -- HTTP ---------------------------------------------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str = OPERATOR,
        host: str | None = None,
        **headers: str,
    ) -> Answer:
        """Send a request; `headers` with _ for -."""
        known = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            known["X-Auth-Token"] = token
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            known.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host if host is not None else f"127.0.0.1:{self.port}")
            for name, value in known.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            content = response.read()
            found = dict(response.getheaders())
        finally:
            connection.close()
        is_json = found.get("Content-Type", "").startswith("application/json") and "Content-Encoding" not in found and content
        return Answer(response.status, found, content, json.loads(content) if is_json else None)

    def get(self, path: str, **more: Any) -> Answer:
        return self.ask("GET", path, **more)

    def put(self, path: str, **more: Any) -> Answer:
        return self.ask("PUT", path, **more)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
