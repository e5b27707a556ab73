"""Live events for many listeners from one bounded memory: a listener has a place in it, never a queue of its own."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from .encoding import dumps

_MOST_EVENTS = 2000
_MOST_BYTES = 4 * 1024 * 1024
_MOST_SENT = 256 * 1024  # bytes in one go
_LONGEST = 64 * 1024
MOST_LISTENERS = 200


class Hub:
    """The last events, each with a number. Used on the loop alone."""

    def __init__(self, clock: Callable[[], float] = time.time):
        self._clock = clock
        self._epoch = secrets.token_hex(4)
        self._events: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._last = 0
        self._notice = b""
        self._notices = 0
        self._listeners: set[Listener] = set()

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    @property
    def full(self) -> bool:
        return len(self._listeners) >= MOST_LISTENERS

    def add(self, tag: str, data: Mapping[str, Any]) -> None:
        """Keep an event and wake the listeners."""
        self._last += 1
        body = dumps({"tag": tag, "at": round(self._clock(), 3), "data": data})
        if len(body) > _LONGEST:
            body = dumps({"tag": tag, "at": round(self._clock(), 3), "data": {"truncated": True}})
        text = f"id: {self._epoch}-{self._last}\ndata: ".encode() + body + b"\n\n"
        self._events.append((self._last, text))
        self._bytes += len(text)
        while len(self._events) > _MOST_EVENTS or self._bytes > _MOST_BYTES:
            self._bytes -= len(self._events.popleft()[1])
        self._wake()

    def notify(self, at: float, etag: str) -> None:
        """Tell that there is another snapshot. Only the newest such notice is sent."""
        self._notice = b"event: snapshot\ndata: " + dumps({"at": at, "etag": etag}) + b"\n\n"
        self._notices += 1
        self._wake()

    def listen(self, last_id: str) -> Listener:
        """Return a listener that goes on after the event of this id, or begins now."""
        listener = Listener(self, *self._find_place(last_id))
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    def close(self) -> None:
        """Have every listener end."""
        for listener in tuple(self._listeners):
            listener.closed = True
        self._wake()

    def since(self, place: int) -> tuple[int, bytes]:
        """Return what came after a place, not too much at once, and the new place; a place that is forgotten gets a reset."""
        found, size = [], 0
        if self._events and place < self._events[0][0] - 1:
            found, place = [_reset("events were missed")], self._last
        for number, text in self._events:
            if number <= place:
                continue
            found.append(text)
            place, size = number, size + len(text)
            if size > _MOST_SENT:
                break
        return place, b"".join(found)

    def notice(self, seen: int) -> tuple[int, bytes]:
        return self._notices, self._notice if seen != self._notices else b""

    def _find_place(self, last_id: str) -> tuple[int, bytes]:
        if not last_id:
            return self._last, b""
        epoch, _, number = last_id.rpartition("-")
        oldest = self._events[0][0] if self._events else self._last + 1
        if epoch == self._epoch and number.isdecimal() and len(number) < 18 and oldest - 1 <= int(number) <= self._last:
            return int(number), b""
        return self._last, _reset("the engine was restarted" if epoch != self._epoch else "events were missed")

    def _wake(self) -> None:
        for listener in self._listeners:
            listener.woken.set()


class Listener:
    """One client's place."""

    def __init__(self, hub: Hub, place: int, greeting: bytes):
        self._hub, self._place, self._greeting = hub, place, greeting
        self._notices = 0
        self.woken = asyncio.Event()
        self.closed = False

    async def next(self, patience: float) -> bytes:
        """Return what is new; a comment when nothing was for `patience` seconds, b"" when it is over."""
        if greeting := self._greeting:
            self._greeting = b""
            return greeting
        until = asyncio.get_running_loop().time() + patience
        while not self.closed:
            self.woken.clear()
            self._place, events = self._hub.since(self._place)
            self._notices, notice = self._hub.notice(self._notices)
            if events or notice:
                return events + notice
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                return b": still here\n\n"
            try:
                await asyncio.wait_for(self.woken.wait(), left)
            except TimeoutError:
                pass
        return b""


def _reset(reason: str) -> bytes:
    return b"event: reset\ndata: " + dumps({"reason": reason}) + b"\n\n"
