"""The engine's side of the admin server: it hands on what is new, counts, and answers what the server cannot know itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..control.core import Core
from ..settings.general import AdminServer
from ..settings.shown import public
from .encoding import dumps
from .jobs import JobIndex
from .metrics import render
from .numbers import Numbers

Obey = Callable[[dict[str, Any]], Awaitable[Mapping[str, Any]]]
# Questions of the server itself; no command can be called so.
METRICS, JOB, PLAN = "?metrics", "?job", "?plan"
_UNSEEN = ("signature", "_stamp")


@dataclass(frozen=True)
class News:
    """A document for readers with what belongs to it. `waiting`: seconds that the longest waiting job waits, None when nothing was seen."""

    document: Mapping[str, Any]
    config: Mapping[str, Any]
    admin: AdminServer
    waiting: float | None = None


class Server(Protocol):
    """Where the admin server is: in this process, or in one of its own. `take` may be called from any thread, `hear` on the loop."""

    def take(self, news: News) -> None: ...

    def hear(self, tag: str, data: Mapping[str, Any]) -> None: ...


class Desk:
    """One engine's. `publish` may be called from any thread; `server` is None until somebody serves."""

    def __init__(self, obey: Obey, clock: Callable[[], float]):
        self.numbers = Numbers(clock())
        self.server: Server | None = None
        self._obey, self._clock = obey, clock
        self._core: Core | None = None
        self._jobs = JobIndex()

    def publish(self, document: Mapping[str, Any], core: Core) -> None:
        """Hand a document for readers on, and take its numbers."""
        self._core = core
        settings = core.parts.settings
        self.numbers.look(document, core)
        if self.server is not None:
            self.server.take(News(document, public(settings), settings.dynamic_cluster.admin_server, self.numbers.waiting))

    def show(self, document: Mapping[str, Any], config: Mapping[str, Any], admin: AdminServer) -> None:
        """Hand on the document of an engine that sees and decides nothing now."""
        if self.server is not None:
            self.server.take(News(document, config, admin))

    def hear(self, tag: str, data: Mapping[str, Any]) -> None:
        """Hand an event of our bus on."""
        self.numbers.event(tag)
        if self.server is not None:
            self.server.hear(tag, {key: value for key, value in data.items() if key not in _UNSEEN})

    async def answer(self, question: dict[str, Any]) -> Mapping[str, Any]:
        """Answer a question of the server, or do what it was told to; `at` is the time after which decisions show that."""
        name = question["name"]
        if name == METRICS:
            return {"ok": True, "data": await asyncio.to_thread(render, self.numbers.registry)}
        if name == JOB:
            return {"ok": True, "data": await asyncio.to_thread(self._find_job, question["arguments"]["job"])}
        if name == PLAN:
            return await self._plan()
        return {**await self._obey(question), "at": self._clock()}

    async def _plan(self) -> Mapping[str, Any]:
        """Return the plan as JSON: it has a line for each job, too many to be taken apart and put together where requests wait."""
        reply = await self._obey({"name": "plan", "arguments": {}, "by": ""})
        if not reply.get("ok"):
            return reply
        return {**reply, "data": await asyncio.to_thread(dumps, {"message": reply["message"], **reply["data"]})}

    def _find_job(self, job: str) -> Mapping[str, Any] | None:
        return self._jobs.find(self._core, job) if self._core is not None else None
