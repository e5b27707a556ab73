"""From what pbsnodes says of nodes to model.Host: who answers, what is usable, whose hold it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...model import HoldBy, Host, QueueSlots, Reservation, Shape
from .nodes import NodeRecord

OUR_NOTE = "dynamiccluster:"  # begins the note of a node that we took offline
ANY_QUEUE = ""  # nodes of Torque serve all queues, unless a reservation keeps them for one
NOT_SENT = "MOM-list-not-sent"  # Torque 6, for some 10 s: defined, offline, and about to become online by itself
_DOUBT = frozenset({"state-unknown", "unknown", NOT_SENT})
_CLOSED = frozenset({"busy", "reserve"})


class Patience:
    """Remembers since when each node has been down, and which were ever heard of.

    After a restart pbs_server shows nodes as down until their daemons call again, which takes up to a minute: a silence is a fact only when it
    lasts. A node that was never heard of (a placeholder, a machine that still boots) is no node that went down.
    """

    SILENCE = 60.0

    def __init__(self) -> None:
        self._down: dict[str, float] = {}
        self._heard: frozenset[str] = frozenset()

    def update(self, records: Iterable[NodeRecord], now: float) -> None:
        """Take in a new reading."""
        records = tuple(records)
        self._down = {record.name: self._down.get(record.name, now) for record in records if record.down}
        names = frozenset(record.name for record in records)
        self._heard = (self._heard & names) | {record.name for record in records if record.heard or record.jobs}

    def forget(self) -> None:
        """Start again: pbs_server did not answer, so that it may have been restarted."""
        self._down.clear()

    def is_up(self, record: NodeRecord, now: float) -> bool | None:
        """Tell whether the node's daemon answers, None when nobody knows."""
        if record.broken or record.flags & _DOUBT:
            return None
        if not record.down:
            return True if record.heard else None  # a forced state says nothing: `set node state = free` makes dead ones free
        if record.offline and record.name not in self._heard:
            return None
        lasted = now - self._down.get(record.name, now)
        return False if lasted >= self.SILENCE else None


def whose_hold(record: NodeRecord) -> HoldBy:
    """Tell who took the node offline: a note that begins like ours is the mark of our hold. Torque 6 takes no note from a node just defined."""
    if not record.offline:
        return HoldBy.NOBODY
    if NOT_SENT in record.flags and not record.note:
        return HoldBy.US
    return HoldBy.US if record.note.startswith(OUR_NOTE) else HoldBy.ADMINISTRATOR


def view_host(record: NodeRecord, patience: Patience, running: Iterable[str], reservations: Mapping[str, Reservation], now: float) -> Host:
    """Return a host. `running` are ids of jobs that qstat shows on it: a starting or ending one is not on the node's own list."""
    if record.broken:
        return Host(record.name, None, jobs=tuple(running), error=record.broken)
    full = "job-exclusive" in record.flags
    used = record.np if full else min(record.used, record.np)
    usable = not record.offline and not record.flags & _CLOSED
    return Host(
        name=record.name,
        up=patience.is_up(record, now),
        queues=(QueueSlots(ANY_QUEUE, record.np, used, usable, ",".join(sorted(record.flags))),),
        jobs=tuple(dict.fromkeys((*record.jobs, *running))),
        hold=whose_hold(record),
        reported=Shape(record.ncpus, record.memory_mb, record.gpus) if record.ncpus else None,
        properties=frozenset(record.properties),
        reservation=reservations.get(record.name, Reservation()),
        exclusive=full and record.used < record.np,
        load=record.load,
    )
