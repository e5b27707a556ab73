"""How fast an account may be asked. EC2 counts the requests of a whole account in a region, so that all of its resources slow down together."""

from __future__ import annotations

import random
import threading
import time
import weakref
from collections.abc import Callable

_FIRST, _MOST = 0.5, 8.0  # seconds between two calls, once EC2 said that it was too fast; doubled each time that it says so
_CALM = 30.0  # seconds without such a word, after which the calls come twice as fast again


class Pace:
    """Spaces the calls of one account. Any thread may call it. Until EC2 complains nothing is delayed."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: random.Random | None = None,
    ):
        self._clock, self._sleep, self._chance = clock, sleep, chance or random.Random()
        self._lock = threading.Lock()
        self._gap = 0.0
        self._next = 0.0
        self._told_at = 0.0

    def wait(self, most: float) -> bool:
        """Wait for this call's turn; return False at once, without waiting, when it would come only after `most` seconds."""
        with self._lock:
            now = self._clock()
            self._recover(now)
            if not self._gap:
                return True
            turn = max(self._next, now)
            if turn - now > most:
                return False
            self._next = turn + self._gap * (1 + self._chance.random() / 2)
        if turn > now:
            self._sleep(turn - now)
        return True

    def slow_down(self) -> None:
        """Note that EC2 found the account too fast. Calls that were under way together count once."""
        with self._lock:
            now = self._clock()
            if self._gap and now - self._told_at < self._gap:
                return
            self._gap = min(max(2 * self._gap, _FIRST), _MOST)
            self._told_at = now
            self._next = max(self._next, now + self._gap * (1 + self._chance.random() / 2))

    def _recover(self, now: float) -> None:
        while self._gap and now - self._told_at >= _CALM:
            self._gap = self._gap / 2 if self._gap > _FIRST else 0.0
            self._told_at += _CALM


_PACES: weakref.WeakValueDictionary[tuple[str, ...], Pace] = weakref.WeakValueDictionary()
_LOCK = threading.Lock()


def pace_of(account: tuple[str, ...]) -> Pace:
    """Return the pace that all resources of an account share."""
    with _LOCK:
        found = _PACES.get(account)
        if found is None:
            found = _PACES[account] = Pace()
        return found
