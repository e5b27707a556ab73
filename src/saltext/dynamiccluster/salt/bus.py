"""Salt's event bus: a sender that never blocks the loop, a reader that never loses its place, and a heartbeat."""

from __future__ import annotations

import asyncio
import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import salt.utils.event

from ..ports import Event

log = logging.getLogger(__name__)

ROOT = "dynamiccluster"
MAX_BYTES = 64 * 1024
_LONGEST_TEXT = 500
_MASK = "**********"
_SHORTEST_SECRET = 6  # a shorter one would mask half of the words

Handler = Callable[[str, dict[str, Any]], None]


def cluster_tag(cluster: str, tag: str) -> str:
    """Return the full tag of an event of this cluster."""
    return f"{ROOT}/{cluster}/{tag}"


class Bus:
    """Fires events from a thread of its own (ports.Announcer). `secrets` gives the texts that must never leave."""

    def __init__(
        self, opts: Mapping[str, Any], cluster: str, secrets: Callable[[], Iterable[str]] = tuple, capacity: int = 10_000
    ):
        self._opts = opts
        self._cluster = cluster
        self._secrets = secrets
        self._queue: queue.Queue[tuple[str, dict[str, Any]] | None] = queue.Queue(capacity)
        self.lost = 0
        self._thread = threading.Thread(target=self._send_all, name="dynamiccluster-announcer", daemon=True)
        self._thread.start()

    def fire(self, event: Event) -> None:
        """Queue the event. Never raises and never waits; what cannot be sent is counted in `lost` and logged."""
        try:
            data = shrink(self.mask({"cluster": self._cluster, **event.data}))
            self._queue.put_nowait((event.tag, data))
        except Exception:  # an event must not stop the loop, whatever is wrong with it
            self._count_lost(event.tag)

    def mask(self, value: Any) -> Any:
        """Return a copy in plain types with every secret masked."""
        return redact(value, self._secrets())

    def close(self, within: float = 2.0) -> None:
        """Send what is queued, for at most `within` seconds."""
        try:
            self._queue.put(None, timeout=within)
        except queue.Full:
            return
        self._thread.join(within)

    def _send_all(self) -> None:
        sender = None
        while (item := self._queue.get()) is not None:
            tag, data = item
            for _attempt in range(2):
                sender = sender or self._connect()
                if sender is not None and _fire(sender, data, tag):
                    break
                _destroy(sender)
                sender = None
            else:
                self._count_lost(tag)
        _destroy(sender)

    def _connect(self) -> Any:
        try:
            return salt.utils.event.get_event("master", opts=dict(self._opts), listen=False)
        except Exception:  # Salt raises many kinds here; the next event tries again
            log.debug("no connection to the event bus", exc_info=True)
            return None

    def _count_lost(self, tag: str) -> None:
        self.lost += 1
        log.warning("event %s could not be fired (%d lost so far)", tag, self.lost, exc_info=self.lost == 1)


class Reader:
    """Hands every event with a wanted tag to `handler` on the loop, in the order in which they came."""

    def __init__(self, opts: Mapping[str, Any], loop: asyncio.AbstractEventLoop, wanted: Callable[[str], bool], handler: Handler):
        self._opts = opts
        self._loop = loop
        self._wanted = wanted
        self._handler = handler
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._read_all, name="dynamiccluster-reader", daemon=True)
        self._thread.start()

    def wait_ready(self, within: float) -> bool:
        """Wait until the reader listens, so that nothing fired from now on is missed."""
        return self._ready.wait(within)

    def end(self) -> None:
        """Have it end within a second; does not wait."""
        self._stop.set()

    def close(self, within: float = 2.0) -> None:
        """End it and wait."""
        self.end()
        self._thread.join(within)

    def _read_all(self) -> None:
        while not self._stop.is_set():
            source = None
            try:
                # No subscription: the reader takes each event as it comes, so nothing piles up inside Salt's client.
                source = salt.utils.event.get_event("master", opts=dict(self._opts), listen=True)
                self._read(source)
            except RuntimeError:
                log.debug("the loop is closed", exc_info=True)
                return
            except Exception:  # a broken connection: connect again
                log.warning("reading the event bus failed, connecting again", exc_info=True)
                self._stop.wait(1.0)
            finally:
                _destroy(source)

    def _read(self, source: Any) -> None:
        source.connect_pub(timeout=5)
        self._ready.set()
        while not self._stop.is_set():
            event = source.get_event(wait=1, full=True, auto_reconnect=True)
            if event and isinstance(event.get("data"), dict) and self._wanted(event.get("tag", "")):
                self._loop.call_soon_threadsafe(self._handler, event["tag"], event["data"])


class Heartbeat:
    """Fires an event to itself and tells when it no longer comes back: then the master's event bus is dead."""

    def __init__(self, fire: Callable[[Event], None], tag: str, nonce: str, interval: float = 20.0, misses: int = 3):
        self._fire = fire
        self.tag = tag
        self._nonce = nonce
        self._patience = interval * misses
        self.interval = interval
        self._heard = time.monotonic()
        self.alive = True

    def beat(self) -> bool:
        """Fire one beat; return True when the bus has just been lost or has just come back (see `alive`)."""
        self._fire(Event(self.tag, {"id": self._nonce}))
        alive = time.monotonic() - self._heard <= self._patience
        changed, self.alive = alive != self.alive, alive
        return changed

    def hear(self, data: Mapping[str, Any]) -> None:
        """Take note of a beat that came back."""
        if data.get("id") == self._nonce:
            self._heard = time.monotonic()


def redact(value: Any, secrets: Iterable[str]) -> Any:
    """Return the value with every occurrence of a secret masked, at any depth; keys stay."""
    known = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
    return _redact(value, known)


def _redact(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, _MASK)
        return value
    if isinstance(value, Mapping):
        return {str(key): _redact(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redact(item, secrets) for item in value]
    return value if isinstance(value, (int, float, bool, type(None))) else _redact(str(value), secrets)


def shrink(data: dict[str, Any], limit: int = MAX_BYTES) -> dict[str, Any]:
    """Return data that fits into `limit` bytes; what is cut is told by `truncated` (Salt would replace parts silently)."""
    if _size(data) <= limit:
        return data
    short = {key: _shorten(value) for key, value in data.items()}
    if _size(short) > limit:
        short = {key: value for key, value in short.items() if not isinstance(value, (dict, list))}
    return {**short, "truncated": True}


def _shorten(value: Any) -> Any:
    return value[:_LONGEST_TEXT] + "..." if isinstance(value, str) and len(value) > _LONGEST_TEXT else value


def _size(data: Any) -> int:
    return len(json.dumps(data, default=str).encode())


def _fire(sender: Any, data: dict[str, Any], tag: str) -> bool:
    try:
        return bool(sender.fire_event(dict(data), tag))
    except Exception:  # the connection is broken; the caller connects again
        log.debug("firing %s failed", tag, exc_info=True)
        return False


def _destroy(connection: Any) -> None:
    if connection is None:
        return
    try:
        connection.destroy()
    except Exception:  # nothing depends on how a broken connection ends
        log.debug("closing the event bus failed", exc_info=True)
