"""The admin server's process: `python -m saltext.dynamiccluster.web.child FD`. It ends when the engine says so, or is gone."""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import queue
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from . import wire
from .server import WebServer

log = logging.getLogger(__name__)

_LOOK = 0.5  # seconds between two looks at what is wrong
_SIGN = 10  # looks between two signs of life
_PATIENCE = 60.0  # seconds for the engine's answer


def main() -> None:
    """Serve until the line to the engine ends."""
    sys.setswitchinterval(0.0005)  # a request must not wait 5 ms for the interpreter while a document is prepared
    gc.set_threshold(1000, 5, 10_000)  # rows go by their references alone; looking through all of them would hold up requests
    asyncio.run(_serve(Connection(int(sys.argv[1]))))


async def _serve(channel: Connection) -> None:
    line, stop = Line(channel), asyncio.Event()
    recipe: wire.Recipe = channel.recv()
    root = logging.getLogger()
    root.addHandler(_Telling(line))
    root.setLevel(logging.INFO)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = WebServer(recipe.admin, line.ask, recipe.make_authority(), recipe.directory, time.time)
    line.open(server, stop)
    telling = asyncio.create_task(_tell_problems(server, line))
    await server.run(stop)
    telling.cancel()


async def _tell_problems(server: WebServer, line: Line) -> None:
    """Tell what is wrong when that changes, and now and then as a sign of life."""
    told: list[str] = []
    for number in itertools.count():
        if number % _SIGN == 0 or server.problems() != told:
            told = server.problems()
            line.send(wire.PROBLEMS, told)
        await asyncio.sleep(_LOOK)


class Line:
    """The end of the line in this process. Made on the loop; `send` may be called from any thread."""

    def __init__(self, channel: Connection):
        self._channel, self._sending = channel, threading.Lock()
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._news: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def open(self, server: WebServer, stop: asyncio.Event) -> None:
        """Hand what comes to the server; set `stop` at the line's end."""
        threading.Thread(target=self._read, args=(server, stop), name="line", daemon=True).start()
        threading.Thread(target=self._prepare, args=(server,), name="preparation", daemon=True).start()

    def send(self, *frame: Any) -> None:
        """Send a frame. To an engine that is gone nothing is sent; the reading thread sees that end."""
        with self._sending, suppress(OSError):
            self._channel.send(frame)

    async def ask(self, question: dict[str, Any]) -> Mapping[str, Any]:
        """Return the engine's answer."""
        number = next(self._numbers)
        future = self._asked[number] = self._loop.create_future()
        self.send(wire.ASK, number, question)
        try:
            async with asyncio.timeout(_PATIENCE):
                answer: Mapping[str, Any] = await future
                return answer
        except TimeoutError:
            return {"ok": False, "message": f"the engine has not answered for {_PATIENCE:.0f} s; see the master's log", "data": {}, "kind": "failed"}
        finally:
            del self._asked[number]

    # -- threads ------------------------------------------------------------------------------------------------------------

    def _read(self, server: WebServer, stop: asyncio.Event) -> None:
        rows: dict[str, list[Any]] = {}
        with suppress(EOFError, OSError):
            while (frame := self._channel.recv())[0] != wire.STOP:
                if frame[0] == wire.ROWS:
                    rows.setdefault(frame[1], []).extend(frame[2])
                elif frame[0] == wire.NEWS:
                    self._news.put(wire.join(frame[1], rows))
                    rows = {}
                elif frame[0] == wire.EVENT:
                    self._loop.call_soon_threadsafe(server.hear, frame[1], frame[2])
                elif frame[0] == wire.ANSWER:
                    self._loop.call_soon_threadsafe(self._settle, frame[1], frame[2])
        with suppress(RuntimeError):  # the loop may have ended before
            self._loop.call_soon_threadsafe(stop.set)

    def _settle(self, number: int, answer: Mapping[str, Any]) -> None:
        future = self._asked.get(number)
        if future is not None and not future.done():
            future.set_result(answer)

    def _prepare(self, server: WebServer) -> None:
        """Prepare the newest document; those that came meanwhile are left out."""
        while True:
            news = self._news.get()
            while not self._news.empty():
                news = self._news.get()
            try:
                server.take(news)
            except Exception:  # the next document may be better
                log.exception("the admin server could not take a document")


class _Telling(logging.Handler):
    """Has the engine log what is logged here: it has the master's log, and knows what must not stand there."""

    def __init__(self, line: Line):
        super().__init__()
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._line.send(wire.LOG, record.name, record.levelno, self.format(record))
        except Exception:
            self.handleError(record)


if __name__ == "__main__":
    main()
