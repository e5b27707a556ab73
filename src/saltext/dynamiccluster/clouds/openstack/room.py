"""The project's quota, asked before a launch: what cannot succeed is not tried, and whoever is told is told the numbers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ...errors import Refusal
from ...model import Shape
from .api import Api, NovaError

_DOING = "launch a server"
# Nova counts a server once a host has been found for it; launches that are younger are counted here.
_UNCOUNTED = 3.0
_PATIENCE = 10.0  # seconds that a launch waits at most for younger ones to be counted
_LOOK = 0.5
_COUNTED = (  # limit, what is used, what the setting's flavor takes of it, in words
    ("maxTotalInstances", "totalInstancesUsed", lambda shape: 1, "servers"),
    ("maxTotalCores", "totalCoresUsed", lambda shape: shape.cores, "cores"),
    ("maxTotalRAMSize", "totalRAMUsed", lambda shape: shape.memory_mb, "MiB of memory"),
)


class Room:
    """What the project may still have. Launches of this resource that run side by side count each other."""

    def __init__(self, api: Api, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep):
        self._api, self._clock, self._sleep = api, clock, sleep
        self._pending: dict[object, float | None] = {}  # until when each launch is counted here; None: it is under way
        self._queue = threading.Lock()  # held by the one launch that looks for room
        self._lock = threading.Lock()

    @contextmanager
    def taken_for(self, shape: Shape) -> Iterator[None]:
        """Hold the room for one server while it is asked for. Raises CloudError (QUOTA) when there is none."""
        mark = object()
        with self._queue:
            self._await_room(shape)
            self._note(mark, None)
        try:
            yield
        except BaseException:
            self._note(mark, self._clock())
            raise
        self._note(mark, self._clock() + _UNCOUNTED)

    def limits(self) -> Mapping[str, int]:
        """Return Nova's absolute limits and what is used of them; {} where the project may not see them."""
        try:
            return self._api.read("read the quota", lambda client: dict(client.limits.get().to_dict().get("absolute") or {}))
        except NovaError as error:
            if error.status in (403, 404):
                return {}
            raise

    # -- inside -------------------------------------------------------------------------------------------------

    def _await_room(self, shape: Shape) -> None:
        ends = self._clock() + _PATIENCE
        while True:
            limits = self.limits()
            short = shortage(limits, shape)
            if short:
                raise self._api.refused(_DOING, f"the quota does not allow one more: {short}", kind=Refusal.QUOTA)
            if not shortage(limits, shape, 1 + self._count_pending()) or self._clock() > ends:
                return
            self._sleep(_LOOK)

    def _note(self, mark: object, until: float | None) -> None:
        with self._lock:
            self._pending[mark] = until

    def _count_pending(self) -> int:
        now = self._clock()
        with self._lock:
            self._pending = {mark: until for mark, until in self._pending.items() if until is None or until > now}
            return len(self._pending)


def shortage(limits: Mapping[str, Any], shape: Shape, count: int = 1) -> str:
    """Return in words of what so many servers would take too much, "" when the quota has room for them. A limit of -1 is none."""
    for limit, used, need, what in _COUNTED:
        most, now = int(limits.get(limit, -1)), int(limits.get(used, 0))
        if most >= 0 and now + count * need(shape) > most:
            return f"{now} of {most} {what} are used, {count * need(shape)} more are needed"
    return ""
