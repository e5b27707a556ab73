"""An engine that has no usable settings yet: it tells so, answers commands, and waits for better ones."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from .. import __version__
from ..errors import CommandRefused, Fault
from ..ports import Event
from .bus import cluster_tag
from .front import NOTHING_DONE, Front
from .line import Line
from .snapshot import read_snapshot, write_snapshot

log = logging.getLogger(__name__)


class Waiting:
    """Waits once. `line` where one is open already; else one of its own, so that `reconcile` is heard."""

    _told: dict[str, str] = {}  # by cluster: what was told last, so that it is told once

    def __init__(
        self, opts: Mapping[str, Any], cluster: str, trouble: str, front: Front, faults: tuple[Fault, ...] = (), line: Line | None = None
    ):
        self._opts, self._cluster, self._trouble = opts, cluster, trouble
        self._front, self._faults = front, faults
        self._line = line
        self._again = asyncio.Event()

    async def wait(self, stop: asyncio.Event, seconds: float) -> None:
        """Wait for `seconds`, for `reconcile`, or for `stop`."""
        own = self._line is None
        line = self._line or Line(self._opts, self._cluster, self.obey, tuple)
        try:
            if own:
                await line.open()
            self._tell(line)
            await self._front.show(self._cluster, self._trouble, self._faults, self.obey)
            waits = [asyncio.ensure_future(event.wait()) for event in (stop, self._again)]
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        finally:
            if own:
                await line.close()

    def _tell(self, line: Line) -> None:
        self._leave_snapshot()
        if self._told.get(self._cluster) == self._trouble:
            return
        self._told[self._cluster] = self._trouble
        log.error("%s: %s", NOTHING_DONE, self._trouble)
        data = {"cluster": self._cluster, "reason": self._trouble[:2000], "version": __version__}
        line.bus.fire(Event(cluster_tag(self._cluster, "engine/config_error"), data))

    def _leave_snapshot(self) -> None:
        """Keep what the last engine saw, with the present trouble on top."""
        try:
            before = read_snapshot(self._opts, self._cluster)
        except CommandRefused:
            before = {}
        engine = {"version": __version__, **before.get("engine", {}), "config_error": self._trouble}
        try:
            write_snapshot(self._opts, self._cluster, {**before, "engine": engine, "problems": [f"{NOTHING_DONE}: {self._trouble}"]})
        except OSError as error:
            log.error("the snapshot for readers cannot be written: %s", error)

    async def obey(self, command: dict[str, Any]) -> Mapping[str, Any]:
        """Answer a command meanwhile: only `reconcile` can be done."""
        if command.get("name") == "reconcile":
            self._again.set()
            return {"ok": True, "message": "the settings are read again", "data": {}}
        return {"ok": False, "message": f"the settings are not usable: {self._trouble}", "data": {}, "kind": "starting"}
