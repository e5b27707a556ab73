"""Virtual time: it stands still until it is moved, and everything due on the way happens in order."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable


class VirtualClock:
    """A clock for tests and replays. Implements `ports.Clock`; moved by one thread."""

    def __init__(self, start: float = 1_700_000_000.0):
        self._now = start
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()  # what is due at the same moment happens in the order it was asked for

    def now(self) -> float:
        """Return the virtual Unix time in seconds."""
        return self._now

    steady = now  # this time never jumps by itself

    def call_at(self, when: float, what: Callable[[], object]) -> None:
        """Have `what` called when the time comes; at the next move if `when` is past."""
        heapq.heappush(self._due, (when, next(self._order), what))

    def call_later(self, seconds: float, what: Callable[[], object]) -> None:
        """Have `what` called in so many seconds."""
        self.call_at(self._now + seconds, what)

    def advance(self, seconds: float) -> None:
        """Move the time forward; what falls due is called at its own moment. Raises ValueError for a step back."""
        if seconds < 0:
            raise ValueError("time does not go backwards")
        end = self._now + seconds
        while self._due and self._due[0][0] <= end:
            when, _order, what = heapq.heappop(self._due)
            self._now = max(self._now, when)
            what()
        self._now = end
