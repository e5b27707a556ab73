"""A Redis server as the place. tooz's lock there expires by itself, unless it is prolonged, one lease after its holder's last word."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qs, unquote, urlencode, urlsplit, urlunsplit

import redis
import tooz
from redis.backoff import NoBackoff
from redis.retry import Retry
from tooz import coordination

from .place import Changes, Claim, PlaceUnreachable

P = ParamSpec("P")
R = TypeVar("R")
_TIMEOUT = 3  # seconds for one call
_KEPT_FOR = 86400  # seconds for which rows of older terms stay


def _reaching(work: Callable[P, R]) -> Callable[P, R]:
    """Have what the client or tooz raises mean that the place does not answer."""

    @functools.wraps(work)
    def tried(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            return work(*arguments, **options)
        except (redis.RedisError, tooz.ToozError, OSError, ValueError) as error:
            raise PlaceUnreachable(f"the Redis server cannot be used: {type(error).__name__}: {error}") from error

    return tried


class RedisPlace:
    """Implements place.Place under the keys `dynamiccluster:<cluster>:...` of one server."""

    @_reaching
    def __init__(self, url: str, cluster: str, member: str, lease: float):
        self._prefix = f"dynamiccluster:{cluster}:"
        self._client = _connect(url)
        self._client.ping()  # tooz would try for a minute what fails at once here
        self._coordinator = coordination.get_coordinator(_for_tooz(url, lease), member.encode())
        self._coordinator.start()
        self._lock = self._coordinator.get_lock(f"dynamiccluster:{cluster}".encode())

    @_reaching
    def try_lock(self) -> bool:
        if self._lock.acquired and self._lock.is_still_owner():
            return True
        return bool(self._lock.acquire(blocking=False))

    @_reaching
    def keep_lock(self) -> None:
        if not self._lock.acquired:
            return
        try:
            self._lock.heartbeat()
        except coordination.ToozConnectionError:
            raise
        except tooz.ToozError:  # it expired or the server forgot it: the term decides, and a lock that is free is taken again
            self._lock.acquire(blocking=False)

    @_reaching
    def unlock(self) -> None:
        if self._lock.acquired:
            self._lock.release()

    @_reaching
    def current(self) -> Claim | None:
        found = self._client.get(self._prefix + "claim")
        return _read_claim(found) if found else None

    @_reaching
    def claim(self, claim: Claim) -> bool:
        key = self._prefix + "claim"
        with self._client.pipeline() as pipe:
            pipe.watch(key)
            found = pipe.get(key)
            if found and _read_claim(found).term >= claim.term:
                return False
            pipe.multi()
            pipe.set(key, json.dumps({"term": claim.term, "holder": claim.holder}))
            try:
                pipe.execute()
            except redis.WatchError:
                return False
        return True

    @_reaching
    def beat(self, term: int, sign: str) -> None:
        self._client.set(f"{self._prefix}beat:{term}", sign, ex=_KEPT_FOR)

    @_reaching
    def sign(self, term: int) -> str:
        found = self._client.get(f"{self._prefix}beat:{term}")
        return found.decode() if found else ""

    @_reaching
    def rows(self, term: int) -> dict[str, str]:
        found = self._client.hgetall(f"{self._prefix}rows:{term}")
        return {key.decode(): text.decode() for key, text in found.items()}

    @_reaching
    def write(self, term: int, changes: Changes) -> None:
        key = f"{self._prefix}rows:{term}"
        with self._client.pipeline(transaction=True) as pipe:
            for field, text in changes.items():
                pipe.hdel(key, field) if text is None else pipe.hset(key, field, text)
            pipe.execute()

    @_reaching
    def forget_before(self, term: int) -> None:
        self._client.expire(f"{self._prefix}rows:{term - 1}", _KEPT_FOR)

    def close(self) -> None:
        with suppress(PlaceUnreachable):
            self.unlock()
        with suppress(tooz.ToozError, redis.RedisError, OSError):
            self._coordinator.stop()
        with suppress(redis.RedisError, OSError):
            self._client.close()


def _connect(url: str) -> Any:
    parts = urlsplit(url)
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    where: dict[str, Any] = {"unix_socket_path": parts.path}
    if parts.hostname:
        where = {"host": parts.hostname, "port": parts.port or 6379}
        if parts.scheme == "rediss":
            where |= {"ssl": True, "ssl_ca_certs": options.get("ssl_ca_certs")}
    return redis.Redis(
        **where,
        db=int(options.get("db", 0)),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        socket_timeout=_TIMEOUT,
        socket_connect_timeout=_TIMEOUT,
        retry=Retry(NoBackoff(), 1),
    )


def _for_tooz(url: str, lease: float) -> str:
    """Return the address as tooz wants it, with the lock's life in it."""
    parts = urlsplit(url)
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    if parts.scheme == "rediss":
        options["ssl"] = "true"
    options |= {"lock_timeout": str(int(lease)), "timeout": str(_TIMEOUT), "socket_timeout": str(_TIMEOUT)}
    return urlunsplit(("redis", parts.netloc, parts.path, urlencode(options), ""))


def _read_claim(found: bytes) -> Claim:
    document = json.loads(found)
    return Claim(int(document["term"]), str(document["holder"]))
