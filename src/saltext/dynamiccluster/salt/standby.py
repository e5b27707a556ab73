"""The engine of a master that stands by: it waits for the right to act, tells who has it, and answers everybody meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from .. import __version__
from ..ports import Event
from ..settings import Settings
from ..settings.standby import Standby
from ..standby.lease import Held, Lease
from ..standby.opening import open_place
from ..standby.place import Place, PlaceUnreachable, plain_address
from .bus import cluster_tag
from .line import Line
from .outlets import Outlets
from .places import cluster_directory, read_json, write_json
from .process import sleep
from .snapshot import mask_rows, write_snapshot

log = logging.getLogger(__name__)

_FILE = "standby.json"
_TELL = 5.0  # seconds between two documents
_TRIES = 20  # in one lease
_REREAD = 60.0  # seconds between two looks at the settings
ALONE: Mapping[str, str] = {"role": "alone", "acting": "", "trouble": ""}

Secrets = Callable[[], Iterable[str]]
Still = Callable[[], Awaitable[bool]]


class StandBy:
    """One engine's wish to act. `on_lost` is called, from any thread, when it must not act any more."""

    def __init__(self, opts: Mapping[str, Any], settings: Settings, wanted: Standby, on_lost: Callable[[], object]):
        self.wanted, self._settings = wanted, settings
        self._opts, self._on_lost = opts, on_lost
        self._directory = cluster_directory(opts, settings.name, create=True)
        self._url = wanted.url.get_secret_value()
        self._started_at = time.time()
        self._lease: Lease | None = None
        self._held = False
        self._trouble = ""

    # -- what others see --------------------------------------------------------------------------------------------------

    def describe(self) -> dict[str, str]:
        """Return {"role": "acting" or "standing by", "acting": who, "trouble": why that may end or cannot begin}."""
        lease = self._lease
        trouble = self._trouble or (lease.trouble if lease is not None else "")
        return {"role": "acting" if self._held else "standing by", "acting": lease.acting if lease is not None else "", "trouble": trouble}

    def problems(self) -> list[str]:
        """Return what an administrator should look at."""
        seen = self.describe()
        if not seen["trouble"]:
            return []
        then = "when its lease ends this engine stops to act" if self._held else "nobody can take over until it answers"
        return [f"{plain_address(self._url)}: {seen['trouble']}; {then}"]

    async def obey(self, command: dict[str, Any]) -> Mapping[str, Any]:
        """Answer a command meanwhile: it is for the one who acts."""
        acting = self.describe()["acting"] or "nobody yet"
        return {"ok": False, "message": f"this engine stands by, {acting} acts: say it there", "data": {}, "kind": "standby"}

    # -- waiting ----------------------------------------------------------------------------------------------------------

    async def wait(self, stop: asyncio.Event, still: Still, secret_texts: Secrets) -> Held | None:
        """Return the right to act once it is ours; None when `stop` is set, or `still()` says that it is no longer wanted so."""
        held = await self._try()
        if held is not None or stop.is_set():
            return held
        line = Line(self._opts, self._settings.name, self.obey, secret_texts)
        over = asyncio.Event()
        await line.open()
        outlets = Outlets(self._opts, self._settings, line, self.obey, self._directory, secret_texts)
        serving = asyncio.create_task(outlets.run(over))
        try:
            return await self._wait_on(stop, still, lambda: self._tell(line, outlets, secret_texts))
        finally:
            over.set()
            with contextlib.suppress(Exception):  # it has logged what was wrong
                await asyncio.wait_for(serving, 3.0)
            await line.close()

    async def _wait_on(self, stop: asyncio.Event, still: Still, tell: Callable[[], None]) -> Held | None:
        told, said = -_TELL, ""
        asked = time.monotonic()
        while not stop.is_set():
            if (now := time.monotonic()) - told >= _TELL or said != self.describe()["acting"]:
                told, said = now, self.describe()["acting"]
                tell()
            await sleep(stop, min(max(self.wanted.lease / _TRIES, 0.2), 2.0))
            if (held := await self._try()) is not None:
                return held
            if time.monotonic() - asked > _REREAD:
                asked = time.monotonic()
                if not await still():
                    return None
        return None

    async def _try(self) -> Held | None:
        """Try once, in a thread: the place may hang."""
        loop = asyncio.get_running_loop()
        try:
            held = await loop.run_in_executor(None, self._take)
        except (PlaceUnreachable, ImportError) as error:
            hint = "; salt-pip install 'saltext.dynamiccluster[standby]', then restart the salt-master" if isinstance(error, ImportError) else ""
            self._note_trouble(f"{error}{hint}")
            return None
        self._note_trouble("")
        return held

    def _take(self) -> Held | None:
        lease = self._lease or self._make_lease()
        self._lease = lease
        before = lease.acting
        taken = lease.try_take()
        if before != lease.acting and not taken:
            log.warning("%s acts for cluster %s, this engine stands by", lease.acting, self._settings.name)
        self._remember(lease)
        if taken is None:
            return None
        lease.keep()
        self._held = True
        log.warning("this engine acts for cluster %s now (term %d)", self._settings.name, taken.term)
        return Held(lease, taken)

    def _make_lease(self) -> Lease:
        known = read_json(self._directory / _FILE)
        known = known if isinstance(known, dict) else {}
        holder = str(known.get("holder") or f"{socket.gethostname()}-{secrets.token_hex(4)}")
        place: Place = open_place(self._url, self._settings.name, holder, self.wanted.lease)
        return Lease(place, holder, self.wanted.lease, known_term=int(known.get("term") or 0), on_lost=self._on_lost)

    def _remember(self, lease: Lease) -> None:
        """Keep our name, and the highest term that we have seen: a place that knows less has forgotten something."""
        document = {"holder": lease.holder, "term": lease.known_term}
        if read_json(self._directory / _FILE) != document:
            write_json(self._directory / _FILE, document)

    def _note_trouble(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            log.error("who acts cannot be settled: %s", trouble)
        self._trouble = trouble

    def _tell(self, line: Line, outlets: Outlets, secret_texts: Secrets) -> None:
        document = standing_document(self._settings, self.describe(), [*line.problems(), *outlets.problems(), *self.problems()], self._started_at)
        document = mask_rows(document, secret_texts(), line.bus.mask)
        outlets.stand_by(document, self._settings)
        try:
            write_snapshot(self._opts, self._settings.name, document)
        except OSError as error:
            log.error("the snapshot for readers cannot be written: %s", error)
        line.bus.fire(Event(cluster_tag(self._settings.name, "engine/standby"), {"cluster": self._settings.name, **self.describe()}))

    def close(self) -> None:
        """Let the other engine act at once."""
        if self._lease is not None:
            self._lease.close()


def standing_document(settings: Settings, standby: Mapping[str, str], problems: list[str], started_at: float) -> dict[str, Any]:
    """Return the document for readers of an engine that looks at nothing (the keys are those of control.present)."""
    general, now = settings.dynamic_cluster, time.time()
    sentence = f"this engine stands by, {standby['acting'] or 'nobody yet'} acts: look there"
    engine = {
        "version": __version__, "started_at": started_at, "alive_at": now, "stopped": False, "auto_mode": general.auto_mode,
        "auto_provision_interval": general.auto_provision_interval, "cluster_poller_interval": general.cluster_poller_interval,
        "cloud_poller_interval": general.cloud_poller_interval, "config_error": "", "config_faults": [], "degraded": {}, "journal": "",
        "trouble": "", "failures": {}, "bugs": 0, "in_flight": 0, "counters": {}, "standby": dict(standby),
    }  # fmt: skip
    cluster = {"name": settings.name, "type": settings.cluster.type, "health": {}, "warnings": [],
               "read_at": 0.0, "read_age": None, "error": "", "failing_since": 0.0}  # fmt: skip
    return {
        "engine": engine,
        "cluster": cluster,
        "nodes": [],
        "jobs": [],
        "resources": [],
        "plan": {"at": 0.0, "actions": [], "launches": {}, "blocked": {"": sentence}, "stays": {}},
        "orphans": [],
        "problems": [sentence, *problems],
        "totals": {"nodes": {"total": 0}, "cores": {"total": 0}, "jobs": {}, "pending_cores": 0},
        "history": [],
    }
