"""Whether the engine can see and write: told when that changes, remembered over a restart."""

from __future__ import annotations

import logging
from typing import Any

from ..snapshot import Reading, Snapshot
from .announce import engine_event
from .ledger import Ledger
from .parts import Parts

log = logging.getLogger(__name__)

_NOTE = "degraded"
_PATIENCE = 3  # intervals without a good reading


class Health:
    """Knows what is degraded now: {what: why}. Fires `engine/degraded` and `engine/recovered` when that changes."""

    def __init__(self, ledger: Ledger, parts: Parts):
        self.parts = parts
        self._ledger = ledger
        self.degraded: dict[str, str] = {}
        self._told: set[str] = set(ledger.note(_NOTE, []))

    def look(self, snapshot: Snapshot, now: float) -> None:
        """Compare the readings and the journal with what was told last."""
        self.degraded = self._find(snapshot, now)
        told = set(self.degraded)
        fire, cluster = self.parts.announcer.fire, self.parts.settings.name
        for what in sorted(told - self._told):
            log.error("degraded: %s", self.degraded[what])
            fire(engine_event(cluster, "degraded", self.degraded[what], part=what))
        for what in sorted(self._told - told):
            log.warning("recovered: %s", what)
            fire(engine_event(cluster, "recovered", f"{what} works again", part=what))
        if told != self._told:
            self._told = told
            self._ledger.update(lambda memory: memory, notes={_NOTE: sorted(told)})

    def _find(self, snapshot: Snapshot, now: float) -> dict[str, str]:
        general = self.parts.settings.dynamic_cluster
        found = {}
        if _fails(snapshot.batch, now, general.cluster_poller_interval):
            found["batch"] = f"the batch system cannot be read: {snapshot.batch.error}"
        for name, reading in sorted(snapshot.clouds.items()):
            if _fails(reading, now, general.cloud_poller_interval):
                found[f"resource {name}"] = f"resource {name} cannot be read: {reading.error}"
        if self._ledger.fault:
            found["journal"] = self._ledger.fault
        return found


def _fails(reading: Reading[Any], now: float, interval: float) -> bool:
    return bool(reading.error) and now - reading.failing_since >= _PATIENCE * interval
