"""Which launches the cloud may have heard of. Nova knows no client token: a launch whose answer was lost is looked for, not repeated.

Only when its server has not shown for a good while is the cloud asked again. Nothing here survives a restart, so that an order that any
cloud was called for before counts from when it is first seen.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ...model import LaunchOrder

_MOST_KEPT = 20_000


@dataclass(slots=True)
class _Known:
    """What is known of one order. `asked_at`: when the cloud was last asked without a sure answer; None: it surely has not heard."""

    asked_at: float | None = None
    server: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Intents:
    """The orders of one resource. Safe to use from several threads."""

    def __init__(self, settle: float, clock: Callable[[], float] = time.monotonic):
        self._settle, self._clock = settle, clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def only(self, order: LaunchOrder) -> Iterator[None]:
        """Keep a second call for the same order waiting until the first one is done."""
        with self._of(order).lock:
            yield

    def server(self, order: LaunchOrder) -> str:
        """Return the id of the order's server, "" while it is not known."""
        return self._of(order).server

    def left(self, order: LaunchOrder) -> float:
        """Return for how many seconds more the server of the order may still show, 0 when the cloud may be asked for one."""
        asked_at = self._of(order).asked_at
        return 0.0 if asked_at is None else max(asked_at + self._settle - self._clock(), 0.0)

    def ask(self, order: LaunchOrder) -> None:
        """Note that the cloud is asked now."""
        self._of(order).asked_at = self._clock()

    def refused(self, order: LaunchOrder) -> None:
        """Note that the cloud has surely made nothing of it."""
        self._of(order).asked_at = None

    def made(self, order: LaunchOrder, server: str) -> None:
        """Note the order's server."""
        self._of(order).server = server

    def _of(self, order: LaunchOrder) -> _Known:
        with self._lock:
            known = self._known.get(order.intent)
            if known is None:
                known = self._known[order.intent] = _Known(self._clock() if order.tried_at else None)
            self._known.move_to_end(order.intent)
            if len(self._known) > _MOST_KEPT:
                self._known.popitem(last=False)
            return known
