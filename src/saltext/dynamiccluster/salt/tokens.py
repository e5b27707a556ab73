"""Who may come in once, and with which token: the rules, without Salt.

A token is bound to the first key that showed it under its minion's id (machines launched with one call share a token, each under an id of its own). From then on it is worthless to everybody else, and harmless to show again for its owner
(an engine that was killed between the two halves of an acceptance finishes it that way).
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum


class Ruling(Enum):
    """What is to be done with a key that waits."""

    ACCEPT = "accept"
    REFUSE = "refuse"  # it stays pending and an event tells
    IGNORE = "ignore"  # none of our business: the administrator's own minion


@dataclass(frozen=True, slots=True)
class Judgement:
    ruling: Ruling
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Guest:
    """A minion that is expected. `key`: digest of the public key that the token was spent on, "" while it is unspent."""

    name: str
    token: str = field(repr=False)
    resource: str = ""
    key: str = ""


class Guests:
    """The minions that are expected, by id. Thread-safe."""

    def __init__(self, forbidden: str = ""):
        """`forbidden`: the id whose pillar holds the settings; no token opens the door to it."""
        self._forbidden = forbidden
        self._guests: dict[str, Guest] = {}
        self._lock = threading.Lock()

    def expect(self, name: str, token: str, resource: str, key: str = "") -> None:
        """Expect a minion; `key` when its token was spent already. The same again changes nothing."""
        if not token or not name or name == self._forbidden:
            raise ValueError(f"{name!r} cannot be expected: it needs a token, and must not be the id that holds the settings")
        with self._lock:
            known = self._guests.get(name)
            if known is None or not hmac.compare_digest(known.token, token):
                self._guests[name] = Guest(name, token, resource, key)

    def forget(self, name: str) -> None:
        with self._lock:
            self._guests.pop(name, None)

    def get(self, name: str) -> Guest | None:
        with self._lock:
            return self._guests.get(name)

    def unspent(self) -> tuple[str, ...]:
        """Return the tokens that still open a door, sorted."""
        with self._lock:
            return tuple(sorted(guest.token for guest in self._guests.values() if not guest.key))

    def secrets(self) -> tuple[str, ...]:
        """Return every token known, spent or not: what no event may hold."""
        with self._lock:
            return tuple(guest.token for guest in self._guests.values())

    def spend(self, name: str, public_key: str) -> bool:
        """Bind the token of `name` to a key; False when it is bound to another one already, or nobody is expected."""
        digest = key_digest(public_key)
        with self._lock:
            guest = self._guests.get(name)
            if guest is None or guest.key not in ("", digest):
                return False
            self._guests[name] = replace(guest, key=digest)
            return True

    def judge(self, minion_id: str, token: object, public_key: str) -> Judgement:
        """Say what to do with a key that waits under `minion_id` and showed `token` (None: it showed none)."""
        shown = token if isinstance(token, str) else ""
        if minion_id == self._forbidden:
            return Judgement(Ruling.REFUSE, "this id's pillar holds the settings: accept its key by hand, if it is yours")
        with self._lock:
            guest = self._guests.get(minion_id)
            owners = _owners(self._guests, shown)
        if guest is None:
            return _judge_stranger(shown, owners)
        if not shown:
            return Judgement(Ruling.REFUSE, "it showed no token")
        if minion_id not in owners:
            return Judgement(Ruling.REFUSE, "it showed the token of another instance" if owners else "it showed an unknown token")
        if guest.key not in ("", key_digest(public_key)):
            return Judgement(Ruling.REFUSE, "it showed a token that was spent on another key")
        return Judgement(Ruling.ACCEPT)


def _judge_stranger(shown: str, owners: frozenset[str]) -> Judgement:
    if not shown:
        return Judgement(Ruling.IGNORE)
    reason = "it showed the token of another instance" if owners else "no instance of this name is expected, and its token is unknown or void"
    return Judgement(Ruling.REFUSE, reason)


def _owners(guests: Mapping[str, Guest], token: str) -> frozenset[str]:
    """Return whose token it is: one minion's, or that of several whose machines were launched with one call. Looks at all, so that time tells nothing."""
    if not token:
        return frozenset()
    return frozenset([guest.name for guest in guests.values() if hmac.compare_digest(guest.token.encode(), token.encode())])


def key_digest(public_key: str) -> str:
    """Return a digest of a public key, blind to white space (masters strip it or not)."""
    return hashlib.sha256("".join(public_key.split()).encode()).hexdigest()


def token_digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
