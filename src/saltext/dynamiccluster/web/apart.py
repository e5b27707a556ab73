"""The admin server in a process of its own: neither side ever waits for the other's interpreter.

A decision over a large cluster keeps an interpreter busy for a second, now and then without a break; requests must not wait for that, nor the engine
for hundreds of clients. The process ends with the engine, and is started again when it ends by itself.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from . import wire
from .desk import News, Obey

log = logging.getLogger(__name__)

_AGAIN = 2.0
_LAST_ANSWERS = 3.0  # seconds for the process to end; the engine has 5 s in all
_MOST_QUEUED = 10_000  # frames; a process that takes none of so many is stuck
_LOOK = 5.0
_SILENCE = 60.0  # seconds without a sign of life, which comes every 5, after which a process is replaced


class Apart:
    """A desk.Server. `take` and `hear` may be called from any thread, also while nothing runs; `run` and `problems` on the loop."""

    def __init__(self, recipe: wire.Recipe, answer: Obey):
        self._recipe, self._answer = recipe, answer
        self._newest: News | None = None
        self._unsent = False
        self._told: list[str] = []
        self._trouble = ""
        self._life: _Life | None = None

    def take(self, news: News) -> None:
        """Send a document, unless a newer one overtakes it."""
        self._newest, self._unsent = news, True
        self._put(wire.NEWS)

    def hear(self, tag: str, data: Mapping[str, Any]) -> None:
        self._put(wire.EVENT, tag, dict(data))

    def problems(self) -> list[str]:
        return [self._trouble] if self._trouble else self._told

    @property
    def pid(self) -> int:
        """Return the process's number, 0 while there is none."""
        return self._life.process.pid if self._life is not None else 0

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the process until `stop`."""
        while not stop.is_set():
            status = await self._live(stop)
            if stop.is_set():
                return
            self._trouble = f"the admin server's process ended by itself (status {status}); it is started again"
            log.error("%s", self._trouble)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _AGAIN)

    async def _live(self, stop: asyncio.Event) -> int:
        """Run one process until it ends or is to; return its status."""
        self._told = []
        life = await asyncio.to_thread(_Life, asyncio.get_running_loop(), self._heard)
        self._life = life
        threading.Thread(target=self._write, args=(life,), name="admin-server-writer", daemon=True).start()
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not (stopping.done() or life.ended.done() or life.is_stuck()):
                await asyncio.wait((stopping, life.ended), timeout=_LOOK, return_when=asyncio.FIRST_COMPLETED)
            life.put((wire.STOP,))
            await asyncio.wait((life.ended,), timeout=_LAST_ANSWERS)
        finally:
            stopping.cancel()
            self._life = None
            status = life.end()
        return status

    def _put(self, *frame: Any) -> None:
        life = self._life
        if life is not None:
            life.put(frame)

    # -- threads ------------------------------------------------------------------------------------------------------------

    def _write(self, life: _Life) -> None:
        with suppress(OSError):
            life.channel.send(self._recipe)
            self._unsent = self._newest is not None
            self._send_news(life)
            while True:
                frame = life.out.get()
                if frame[0] == wire.NEWS:
                    self._send_news(life)
                else:
                    life.channel.send(frame)
                if frame[0] == wire.STOP:
                    return

    def _send_news(self, life: _Life) -> None:
        if self._unsent and self._newest is not None:
            self._unsent = False
            for frame in wire.split(self._newest):
                life.channel.send(frame)

    # -- what the process says ------------------------------------------------------------------------------------------------

    def _heard(self, life: _Life, frame: wire.Frame) -> None:
        """Take a frame, on the loop."""
        self._trouble, life.heard_at = "", time.monotonic()
        if frame[0] == wire.ASK:
            life.tasks.add(task := asyncio.ensure_future(self._reply(life, frame[1], frame[2])))
            task.add_done_callback(life.tasks.discard)
        elif frame[0] == wire.PROBLEMS:
            self._told = frame[1]
        elif frame[0] == wire.LOG:
            logging.getLogger(frame[1]).log(frame[2], "%s", frame[3])

    async def _reply(self, life: _Life, number: int, question: dict[str, Any]) -> None:
        try:
            reply = await self._answer(question)
        except Exception as error:  # a question must never end the engine
            log.exception("the question %s failed", question.get("name"))
            reply = {"ok": False, "message": f"the engine failed on it: {type(error).__name__}", "data": {}, "kind": "failed"}
        life.put((wire.ANSWER, number, reply))


class _Life:
    """One process with its line. `ended` is done when the line is."""

    def __init__(self, loop: asyncio.AbstractEventLoop, heard: Any):
        self.out: queue.Queue[wire.Frame] = queue.Queue(_MOST_QUEUED)
        self.tasks: set[asyncio.Task[None]] = set()
        self.heard_at = time.monotonic()
        self.ended: asyncio.Future[None] = loop.create_future()
        self._loop, self._heard = loop, heard
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "saltext.dynamiccluster.web.child", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
        self.channel = Connection(ours.detach())
        threading.Thread(target=self._read, name="admin-server-reader", daemon=True).start()

    def put(self, frame: wire.Frame) -> None:
        """Have a frame sent. A process that takes no more is ended, so that another one is started."""
        try:
            self.out.put_nowait(frame)
        except queue.Full:
            self.process.kill()

    def is_stuck(self) -> bool:
        """Tell whether the process has given no sign of life for long."""
        return time.monotonic() - self.heard_at > _SILENCE

    def end(self) -> int:
        """See to it that the process has ended; return its status."""
        if not self.ended.done():
            self.process.kill()
        try:
            status = self.process.wait(1.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        with suppress(queue.Full):
            self.out.put_nowait((wire.STOP,))
        return status

    def _read(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                frame = self.channel.recv()
                self._loop.call_soon_threadsafe(self._heard, self, frame)
        with suppress(RuntimeError):  # the loop may have ended before
            self._loop.call_soon_threadsafe(lambda: self.ended.done() or self.ended.set_result(None))
