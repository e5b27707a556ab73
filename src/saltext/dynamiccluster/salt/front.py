"""The admin server while there are no usable settings: it says so, fault by fault, at the place where an administrator looks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from .. import __version__
from ..errors import CommandRefused, Fault
from ..settings.general import AdminServer
from .outlets import make_web
from .pillar import load_admin_server
from .places import cluster_directory
from .snapshot import read_snapshot

log = logging.getLogger(__name__)

Obey = Callable[[dict[str, Any]], Awaitable[Mapping[str, Any]]]
NOTHING_DONE = "the settings are not usable, nothing is done until they are"
_NEVER: Mapping[str, Any] = {"read_at": 0.0, "read_age": None, "error": "", "failing_since": 0.0}


class Front:
    """Open from the first fault to `close`. It serves where the pillar says, if so much of it can be read, else on loopback."""

    def __init__(self, opts: Mapping[str, Any], minion_id: str):
        self._opts, self._minion_id = opts, minion_id
        self._desk: Any = None
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._obey: Obey | None = None

    async def show(self, cluster: str, trouble: str, faults: tuple[Fault, ...], obey: Obey) -> None:
        """Tell what is wrong; `obey` answers commands from now on. Never raises: it must keep nobody from waiting for better settings."""
        self._obey = obey
        try:
            document, admin = await asyncio.to_thread(self._prepare, cluster, trouble, faults)
            if self._task is None:
                self._open(cluster, admin)
            self._desk.show(document, {}, admin)
        except ImportError as error:
            log.error("the admin server cannot tell what is wrong: %s", error)
        except Exception:
            log.exception("the admin server cannot tell what is wrong")

    async def close(self) -> None:
        """Give the port back."""
        if self._task is not None:
            self._stop.set()
            await asyncio.wait((self._task,), timeout=5.0)
            self._task, self._stop = None, asyncio.Event()

    def _prepare(self, cluster: str, trouble: str, faults: tuple[Fault, ...]) -> tuple[dict[str, Any], AdminServer]:
        try:
            before = read_snapshot(self._opts, cluster)
        except CommandRefused:
            before = {}
        return tell_faults(before, cluster, trouble, faults, time.time()), load_admin_server(self._opts, self._minion_id)

    def _open(self, cluster: str, admin: AdminServer) -> None:
        self._desk, server = make_web(self._opts, admin, self._answer, cluster_directory(self._opts, cluster, create=True))
        self._task = asyncio.ensure_future(server.run(self._stop))

    async def _answer(self, question: dict[str, Any]) -> Mapping[str, Any]:
        assert self._obey is not None
        return await self._obey(question)


def tell_faults(before: Mapping[str, Any], cluster: str, trouble: str, faults: tuple[Fault, ...], now: float) -> dict[str, Any]:
    """Return a document for readers that tells the faults, over what this version's last engine saw, if one did."""
    known = before if before.get("engine", {}).get("version") == __version__ and "plan" in before else _nothing(cluster)
    engine = {**known["engine"], "alive_at": now, "stopped": True, "config_error": trouble, "config_faults": [asdict(fault) for fault in faults]}
    return {**known, "engine": engine, "problems": [f"{NOTHING_DONE}: {trouble}"]}


def _nothing(cluster: str) -> dict[str, Any]:
    """Return the document of an engine that has seen nothing (the keys are those of control.present)."""
    return {
        "engine": {
            "version": __version__,
            "started_at": 0.0,
            "auto_mode": False,
            "auto_provision_interval": 0.0,
            "cluster_poller_interval": 0.0,
            "cloud_poller_interval": 0.0,
            "degraded": {},
            "journal": "",
            "trouble": "",
            "failures": {},
            "bugs": 0,
            "in_flight": 0,
            "counters": {},
            "standby": {"role": "alone", "acting": "", "trouble": ""},
        },
        "cluster": {"name": cluster, "type": "", "health": {}, "warnings": [], **_NEVER},
        "nodes": [],
        "jobs": [],
        "resources": [],
        "plan": {"at": 0.0, "actions": [], "launches": {}, "blocked": {}, "stays": {}},
        "orphans": [],
        "totals": {"nodes": {"total": 0}, "cores": {"total": 0}, "jobs": {}, "pending_cores": 0},
        "history": [],
    }
