"""Who asks, and what they may do: tokens looked up with whoever knows them, and kept for a moment; which hosts and origins are ours."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import re
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,256}\Z")
_FRESH = 15.0  # seconds that an answer about a token is believed
_MOST = 1000
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\s/@\[\]]+)(?::\d{1,5})?\Z")


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a token belongs to. `rights`: runner functions without `dynamiccluster.`; `expires`: Unix time, None for never."""

    user: str
    rights: frozenset[str]
    expires: float | None = None


class Authority(Protocol):
    """Knows tokens (Salt's external authentication). Its methods block; an exception means that it cannot tell now."""

    def kinds(self) -> tuple[str, ...]:
        """Return the names of the ways to log in."""

    def identify(self, token: str) -> Identity | None:
        """Return whose token this is, None when it is wrong or has expired."""

    def login(self, username: str, password: str, kind: str) -> str | None:
        """Return a new token, None when name and password do not fit."""

    def revoke(self, token: str) -> None:
        """Make a token that `login` returned invalid."""


class Doubt(Exception):
    """Nobody can tell now whose token it is."""


class Identities:
    """Whose token is whose. Each token is looked up once at a time, and again after 15 seconds."""

    def __init__(self, authority: Authority, executor: Executor, clock: Callable[[], float] = time.time):
        self._authority, self._executor, self._clock = authority, executor, clock
        self._known: OrderedDict[str, tuple[float, asyncio.Future[Identity | None]]] = OrderedDict()

    async def find(self, token: str) -> Identity | None:
        """Return whose token it is, None for a wrong or expired one. Raises Doubt."""
        if not _TOKEN.match(token):
            return None
        identity = await asyncio.shield(self._ask(token))
        if identity is not None and identity.expires is not None and identity.expires <= self._clock():
            return None
        return identity

    def forget(self, token: str) -> None:
        self._known.pop(_digest(token), None)

    def _ask(self, token: str) -> asyncio.Future[Identity | None]:
        key, now = _digest(token), self._clock()
        at, future = self._known.get(key, (0.0, None))
        if future is not None and 0 <= now - at < _FRESH and not _failed(future):
            return future
        future = asyncio.ensure_future(self._look_up(token))
        self._known[key] = (now, future)
        self._known.move_to_end(key)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return future

    async def _look_up(self, token: str) -> Identity | None:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, self._authority.identify, token)
        except Exception as error:  # whatever its source raises: it is no answer
            raise Doubt(f"whose token it is cannot be told now: {type(error).__name__}") from error


def _digest(token: str) -> str:
    """Return what a token is remembered by: memory and tracebacks then hold no token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _failed(future: asyncio.Future[Identity | None]) -> bool:
    return future.done() and (future.cancelled() or future.exception() is not None)


class Doors:
    """Which `Host` and `Origin` are ours. Addresses always are: a foreign name that leads here (DNS rebinding) is none."""

    def __init__(self, names: Iterable[str] = ()):
        self._names = frozenset(name.lower().rstrip(".") for name in ("localhost", *names) if name)

    def knows_host(self, host: str) -> bool:
        found = _HOST.match(host)
        if found is None:
            return False
        name = found[1].strip("[]").lower().rstrip(".")
        return name in self._names or _is_address(name)

    @staticmethod
    def is_own_origin(origin: str, host: str) -> bool:
        """Tell whether a page of this very server asks. The scheme may differ: a proxy may do TLS for us."""
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        default = {"http": ":80", "https": ":443"}.get(parts.scheme)
        return default is not None and parts.netloc.lower().removesuffix(default) == host.lower().removesuffix(default)


def own_names() -> tuple[str, ...]:
    """Return what this host calls itself. May wait for the name service."""
    return socket.gethostname(), socket.getfqdn()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
