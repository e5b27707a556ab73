"""The engine's line to the master's event bus for one cluster: announcer, reader, command desk and heartbeat."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..ports import Event
from .bus import Bus, Heartbeat, Reader, cluster_tag
from .commands import Command, CommandDesk
from .process import sleep

log = logging.getLogger(__name__)

Obey = Callable[[Command], "asyncio.Future[Mapping[str, Any]] | Any"]
_LAST_REPLIES = 0.5
SILENT = "the master's event bus is silent: keys, highstates and commands are not seen; restart the salt-master"


class Line:
    """Open while the engine acts. `obey(command)` is a coroutine function that returns the reply and never raises."""

    def __init__(self, opts: Mapping[str, Any], cluster: str, obey: Obey, secret_texts: Callable[[], Iterable[str]]):
        self._opts, self._cluster, self._obey = opts, cluster, obey
        self._prefix = cluster_tag(cluster, "")
        self._command_prefix = cluster_tag(cluster, "command/")
        self._listeners: list[tuple[Callable[[str], bool], Callable[[str, Mapping[str, Any]], None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._reader: Reader | None = None
        self.bus = Bus(opts, cluster, secret_texts)
        self.desk = CommandDesk(opts, cluster, self.bus, self._receive)
        self.heartbeat = Heartbeat(self.bus.fire, cluster_tag(cluster, "engine/heartbeat"), secrets.token_hex(8))

    def listen(self, wants: Callable[[str], bool], hear: Callable[[str, Mapping[str, Any]], None]) -> None:
        """Have every event whose tag is wanted handed to `hear`, on the loop."""
        self._listeners.append((wants, hear))

    async def open(self) -> None:
        """Start to read; returns once nothing is missed any more."""
        loop = asyncio.get_running_loop()
        self._reader = Reader(self._opts, loop, self._wants, self._hear)
        if not await loop.run_in_executor(None, self._reader.wait_ready, 30.0):
            log.warning("the event bus of the master does not answer yet")

    async def keep_beating(self, stop: asyncio.Event) -> None:
        """Fire the heartbeat until `stop`; log when the bus is lost or comes back."""
        while not await sleep(stop, self.heartbeat.interval):
            if self.heartbeat.beat():
                log.log(*((logging.INFO, "the event bus is back") if self.heartbeat.alive else (logging.CRITICAL, SILENT)))
                what = "recovered" if self.heartbeat.alive else "degraded"
                self.bus.fire(Event(cluster_tag(self._cluster, f"engine/{what}"), {"reason": "the master's event bus was silent"}))

    async def stop_reading_at(self, stop: asyncio.Event) -> None:
        """Have the reader end while the loop still waits for what is under way: together they must not take longer than 5 s."""
        await stop.wait()
        if self._reader is not None:
            self._reader.end()

    def problems(self) -> list[str]:
        return [] if self.heartbeat.alive else [SILENT]

    async def close(self) -> None:
        """End the commands under way, the reader, then the announcer, which sends what is queued first."""
        if tasks := list(self._tasks):
            # A command may be what led here (new settings are read): its runner waits for the reply.
            _, late = await asyncio.wait(tasks, timeout=_LAST_REPLIES)
            for task in late:
                task.cancel()
        loop = asyncio.get_running_loop()
        if self._reader is not None:
            await loop.run_in_executor(None, self._reader.close)
        await loop.run_in_executor(None, self.bus.close)

    def _wants(self, tag: str) -> bool:
        return self._is_ours(tag) or any(wants(tag) for wants, _hear in self._listeners)

    def is_news(self, tag: str) -> bool:
        """Tell whether an event is one of our cluster's that people may want to see: all but the heartbeat."""
        return tag.startswith(self._prefix) and tag != self.heartbeat.tag

    def _is_ours(self, tag: str) -> bool:
        return tag == self.heartbeat.tag or (tag.startswith(self._command_prefix) and tag.endswith("/new"))

    def _hear(self, tag: str, data: dict[str, Any]) -> None:
        try:
            if tag == self.heartbeat.tag:
                self.heartbeat.hear(data)
            elif self._is_ours(tag):
                self.desk.hear(data)
            for wants, hear in self._listeners:
                if wants(tag):
                    hear(tag, data)
        except Exception:  # one strange event must not end the hearing of the others
            log.exception("handling the event %s failed", tag)

    def _receive(self, identity: str, command: Command) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(identity, command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, identity: str, command: Command) -> None:
        reply = await self._obey(command)
        await asyncio.get_running_loop().run_in_executor(None, self.desk.reply, identity, reply)
