"""Browsers' sessions, and how often somebody may try to log in."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

log = logging.getLogger(__name__)

_MOST = 1000
_WINDOW = 60.0  # seconds over which tries are counted


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's session: the token it stands for, and whether logging out ends that, too."""

    token: str
    csrf: str
    own: bool


class Sessions:
    """Sessions by a random id, of which only a digest is kept. A file, readable by the engine's user alone, has them survive a restart."""

    def __init__(self, path: Path | None = None):
        self._path = path
        self._open: OrderedDict[str, Session] = OrderedDict(self._load())

    def start(self, token: str, *, own: bool) -> tuple[str, Session]:
        """Return a new session and its id, which goes into the cookie."""
        identity = secrets.token_urlsafe(32)
        session = Session(token, secrets.token_urlsafe(24), own)
        self._open[_digest(identity)] = session
        while len(self._open) > _MOST:
            self._open.popitem(last=False)
        self._save()
        return identity, session

    def find(self, identity: str) -> Session | None:
        return self._open.get(_digest(identity))

    def end(self, identity: str) -> Session | None:
        session = self._open.pop(_digest(identity), None)
        if session is not None:
            self._save()
        return session

    def _load(self) -> dict[str, Session]:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8")) if self._path else {}
            return {digest: Session(**session) for digest, session in kept.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            log.warning("the sessions of the last engine cannot be read (%s): everybody has to log in again", error)
            return {}

    def _save(self) -> None:
        if self._path is None:
            return
        kept = {digest: asdict(session) for digest, session in self._open.items()}
        temporary = self._path.with_name(f".{self._path.name}.new")
        try:
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump(kept, file)
            os.replace(temporary, self._path)
        except OSError as error:
            log.warning("sessions cannot be kept over a restart: %s", error)


def _digest(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()


def is_same(given: str, expected: str) -> bool:
    """Compare secrets in a time that tells nothing."""
    return hmac.compare_digest(given.encode(), expected.encode())


class Throttle:
    """Counts failed tries by key over a minute. `limits` by the key's first word."""

    def __init__(self, limits: dict[str, int], clock: Callable[[], float] = time.monotonic):
        self._limits, self._clock = limits, clock
        self._failed: OrderedDict[tuple[str, str], list[float]] = OrderedDict()

    def wait(self, keys: Iterable[tuple[str, str]]) -> float:
        """Return for how many seconds no further try is taken, 0 when one is."""
        now = self._clock()
        return max((self._wait(key, now) for key in keys), default=0.0)

    def failed(self, keys: Iterable[tuple[str, str]]) -> None:
        now = self._clock()
        for key in keys:
            recent = [at for at in self._failed.get(key, ()) if at > now - _WINDOW]
            self._failed[key] = [*recent, now][-self._limits[key[0]] :]
            self._failed.move_to_end(key)
        while len(self._failed) > _MOST:
            self._failed.popitem(last=False)

    def _wait(self, key: tuple[str, str], now: float) -> float:
        recent = [at for at in self._failed.get(key, ()) if at > now - _WINDOW]
        return recent[0] + _WINDOW - now if len(recent) >= self._limits[key[0]] else 0.0
