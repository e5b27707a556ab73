"""Threads for blocking calls, whose end never waits for a call that hangs.

`concurrent.futures` joins its threads when the interpreter exits; an engine must end within seconds even while a cloud does not answer.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_Job = tuple[Callable[[], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class Pool:
    """At most `size` threads, started when they are needed. A call that fails hands its error to whoever waits for it."""

    def __init__(self, name: str, size: int):
        self.name, self.size = name, size
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads = 0
        self._waiting = 0
        self._lock = threading.Lock()

    async def run(self, work: Callable[[], T]) -> T:
        """Run the work in one of the threads; return what it returns, raise what it raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._lock:
            self._waiting += 1
            if self._waiting > self._threads and self._threads < self.size:
                self._threads += 1
                threading.Thread(target=self._serve, name=f"{self.name}-{self._threads}", daemon=True).start()
        self._jobs.put((work, future, loop))
        return await future

    def close(self) -> None:
        """Let the threads end once they are idle; a call that hangs is left behind."""
        for _ in range(self._threads):
            self._jobs.put(None)

    def _serve(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            work, future, loop = job
            try:
                result, error = work(), None
            except Exception as problem:
                result, error = None, problem
            except BaseException as problem:  # SystemExit from some library would end the whole loop
                result, error = None, RuntimeError(f"a thread was told to end: {problem!r}")
            with self._lock:
                self._waiting -= 1
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, future, result, error)


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
