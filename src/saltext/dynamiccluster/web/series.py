"""The engine's own numbers over time, in a small file, so that graphs need nothing else. Losing it loses pictures only."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from .schemas import SERIES_STATES

log = logging.getLogger(__name__)

# step and how long it is kept, in seconds: each tier is made of the one before
TIERS = ((10, 6 * 3600), (60, 7 * 86400), (900, 180 * 86400))
_JOBS = ("pending", "running")
_KEYS = [*(f"nodes.{state}" for state in SERIES_STATES), *(f"cores.{state}" for state in SERIES_STATES), "cost"]
_TOTAL_KEYS = [*_KEYS, *(f"jobs.{state}" for state in _JOBS), "waiting"]

Numbers = Mapping[str, float | None]


class Series:
    """Samples by resource ("" is the whole). Any thread may call it; what its file does wrong is logged once and harms nothing else."""

    def __init__(self, path: Path | str = ":memory:", clock: Callable[[], float] = time.time):
        self._path, self._clock = path, clock
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._broken = ""
        self._last: dict[int, int] = {}

    def add(self, at: float, samples: Mapping[str, Numbers]) -> None:
        """Keep a sample; more than one within 10 seconds count as the last of them."""
        with self._lock:
            try:
                self._add(self._open(), at, samples)
                self._broken = ""
            except (sqlite3.Error, OSError, ValueError) as error:
                self._complain(error)

    def read(self, since: float, until: float, resource: str, points: int) -> dict[str, Any]:
        """Return columns over a time, of about so many points."""
        step = _choose_step(since, until, points, self._clock())
        tier = max((tier for tier, _ in TIERS if tier <= step), default=TIERS[0][0])
        first = int(since // step) * step
        buckets = range(first, int(until) + 1, step) if since <= until else range(0)
        rows: dict[int, list[Numbers]] = {}
        with self._lock:
            try:
                for at, data in self._rows(self._open(), tier, resource, first, until):
                    rows.setdefault((at - first) // step, []).append(json.loads(data))
            except (sqlite3.Error, OSError, ValueError) as error:
                self._complain(error)
        means = [_mean(rows.get(index, [])) for index in range(len(buckets))]
        return _columns(means, [float(at) for at in buckets], since, until, float(step), resource)

    def close(self) -> None:
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    # -- inside -----------------------------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            if self._path != ":memory:":
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=1.0)
            self._db.executescript(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
                "CREATE TABLE IF NOT EXISTS samples (tier INTEGER, resource TEXT, at INTEGER, data TEXT, "
                "PRIMARY KEY (tier, resource, at)) WITHOUT ROWID;"
            )
        return self._db

    def _add(self, db: sqlite3.Connection, at: float, samples: Mapping[str, Numbers]) -> None:
        step = TIERS[0][0]
        bucket = int(at // step) * step
        db.execute("BEGIN")
        try:
            for resource, numbers in samples.items():
                self._put(db, step, resource, bucket, numbers)
            self._condense(db, bucket)
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise

    def _condense(self, db: sqlite3.Connection, now: int) -> None:
        """Make the longer steps that have just ended out of the shorter ones, and drop what is too old."""
        for (finer, _), (coarser, _) in zip(TIERS, TIERS[1:], strict=False):
            bucket = now // coarser * coarser
            if self._last.setdefault(coarser, bucket - coarser) == bucket:
                continue
            begin, self._last[coarser] = self._last[coarser], bucket
            for (resource,) in db.execute("SELECT DISTINCT resource FROM samples WHERE tier = ? AND at >= ?", (finer, begin)).fetchall():
                found = [json.loads(data) for _, data in self._rows(db, finer, resource, begin, bucket - 1)]
                if found:
                    self._put(db, coarser, resource, begin, _mean(found))
            for tier, kept in TIERS:
                db.execute("DELETE FROM samples WHERE tier = ? AND at < ?", (tier, now - kept))

    def _put(self, db: sqlite3.Connection, tier: int, resource: str, at: int, numbers: Numbers) -> None:
        small = {key: value for key, value in numbers.items() if value is not None}
        row = (tier, resource, at, json.dumps(small, separators=(",", ":")))
        db.execute("INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?)", row)

    def _rows(self, db: sqlite3.Connection, tier: int, resource: str, since: float, until: float) -> list[tuple[int, str]]:
        query = "SELECT at, data FROM samples WHERE tier = ? AND resource = ? AND at >= ? AND at <= ? ORDER BY at"
        return db.execute(query, (tier, resource, since, until)).fetchall()

    def _complain(self, error: Exception) -> None:
        if self._broken != str(error):
            log.warning("the numbers for graphs cannot be kept (%s): %s; all else goes on", self._path, error)
        self._broken = str(error)
        with suppress(sqlite3.Error):
            if self._db is not None:
                self._db.close()
        self._db = None
        if isinstance(error, sqlite3.DatabaseError) and "malformed" in str(error) or "not a database" in str(error):
            with suppress(OSError):
                Path(self._path).unlink()


def _choose_step(since: float, until: float, points: int, now: float) -> int:
    """Return the shortest step that gives no more points: a whole number of the shortest one that was kept for so long."""
    finest = min((tier for tier, kept in TIERS if since >= now - kept), default=TIERS[-1][0])
    least = max((until - since) / points, finest)
    tier = max((tier for tier, _ in TIERS if finest <= tier <= least), default=finest)
    return int(-(-least // tier) * tier)


def _mean(found: list[Numbers]) -> dict[str, float | None]:
    keys = {key for numbers in found for key in numbers}
    values = {key: [value for numbers in found if (value := numbers.get(key)) is not None] for key in keys}
    return {key: round(sum(items) / len(items), 3) if items else None for key, items in values.items()}


def _columns(means: list[dict[str, float | None]], times: list[float], since: float, until: float, step: float, resource: str) -> dict[str, Any]:
    def column(key: str) -> list[float | None]:
        return [numbers.get(key) for numbers in means]

    return {
        "from": since,
        "to": until,
        "step": step,
        "resource": resource,
        "time": times,
        "nodes": {state: column(f"nodes.{state}") for state in SERIES_STATES},
        "cores": {state: column(f"cores.{state}") for state in SERIES_STATES},
        "jobs": {state: column(f"jobs.{state}") for state in _JOBS},
        "waiting": column("waiting"),
        "cost": column("cost"),
    }


def sample(document: Mapping[str, Any], waiting: float | None) -> dict[str, dict[str, float | None]]:
    """Return the numbers of a document for readers: of the whole, and of each resource."""
    prices = {row["name"]: row["price"] for row in document["resources"]}
    found: dict[str, dict[str, float | None]] = {name: dict.fromkeys(_KEYS, 0.0) for name in prices}
    whole: dict[str, float | None] = dict.fromkeys(_TOTAL_KEYS, 0.0)
    for node in document["nodes"]:
        state, cores = str(node["state_name"]).lower(), float(node["num_proc"])
        for numbers in (whole, found.get(node["resource"])):
            if numbers is None:
                continue
            for key, value in ((f"nodes.{state}", 1.0), ("nodes.total", 1.0), (f"cores.{state}", cores), ("cores.total", cores)):
                if key in numbers:
                    numbers[key] = (numbers[key] or 0.0) + value
    for name, numbers in found.items():
        numbers["cost"] = None if prices[name] is None else round((numbers["nodes.total"] or 0.0) * prices[name], 6)
    priced = [numbers["cost"] for numbers in found.values() if numbers["nodes.total"] or numbers["cost"] is not None]
    whole["cost"] = None if not priced or None in priced else round(sum(cost or 0.0 for cost in priced), 6)
    jobs = document["totals"]["jobs"]
    whole.update({f"jobs.{state}": float(jobs.get(state, 0)) for state in _JOBS}, waiting=waiting)
    return {"": whole, **found}
