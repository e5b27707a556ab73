"""The engine's process: settle who acts, read the settings, wire the parts, run the loop, end in time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .. import __version__
from ..control.journal import Journal
from ..control.loop import Loop
from ..control.parts import Parts, unfenced
from ..control.shared import SharedJournal
from ..errors import ConfigurationError, Fault
from ..notice import Notice
from ..settings import Settings
from ..standby.lease import Held
from .front import Front
from .highstate import Highstate, Publisher
from .keys import Keys, check_master
from .line import Line
from .minions import SaltMinions
from .mirror import CacheMirror
from .notices import Notices
from .outlets import Outlets
from .pillar import load_settings
from .places import cluster_directory, known_clusters
from .process import Lock, MasterIsGone, die_with_parent, sleep, stop_on_signals
from .snapshot import mask_rows, write_snapshot
from .standby import ALONE, StandBy
from .tornados import use_real_tornado
from .waiting import Waiting
from .wiring import make_batch, make_check, make_clouds, make_render, master_address, secret_texts

log = logging.getLogger(__name__)

_REREAD = 60.0
_THREADS = 4
_LAST_ANSWERS = 3.0  # seconds for the admin server's last answers; counted from the same moment as the loop's own end

Opts = Mapping[str, Any]


class SystemClock:
    """The real time (ports.Clock)."""

    def now(self) -> float:
        return time.time()

    def steady(self) -> float:
        return time.monotonic()


def run(opts: Opts, minion_id: str | None = None, cluster: str | None = None, master: str | None = None) -> None:
    """Run the engine until SIGTERM, or until the master dies. What `start()` of `_engines/dynamiccluster.py` calls."""
    try:
        die_with_parent()
        use_real_tornado()
        asyncio.run(Engine(opts, minion_id, cluster, master).run())
    except MasterIsGone as error:
        log.warning("%s", error)


class Engine:
    """One engine process. `run` returns when it was told to stop."""

    def __init__(self, opts: Opts, minion_id: str | None = None, cluster: str | None = None, master: str | None = None):
        self._opts = dict(opts)
        self._identity = minion_id or str(opts["id"])
        self._cluster = cluster
        self._master = master_address(opts, master)
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="dynamiccluster-salt")
        self._stop = asyncio.Event()
        self._reread = asyncio.Lock()
        self._secrets: tuple[str, ...] = ()
        self._standby: StandBy | None = None
        self._held: Held | None = None
        self._faults: tuple[Fault, ...] = ()  # of the pillar as it was read last
        self._front = Front(self._opts, self._identity)

    async def run(self) -> None:
        stop_on_signals(self._stop)
        lock = None
        try:
            while not self._stop.is_set():
                settings, trouble = await self._read()
                name = settings.name if settings is not None else self._provisional_name()
                lock = await self._take_lock(name, lock)
                if lock is None:
                    return
                if settings is not None:
                    await self._front.close()
                    if await self._may_act(settings):
                        await self._serve(settings)
                        return
                    continue
                await Waiting(self._opts, name, trouble, self._front, self._faults).wait(self._stop, _REREAD)
        finally:
            await self._front.close()
            if self._standby is not None:
                self._standby.close()
            if lock is not None:
                lock.release()
            self._executor.shutdown(wait=False, cancel_futures=True)

    # -- before there are settings --------------------------------------------------------------------------------------

    async def _read(self) -> tuple[Settings | None, str]:
        """Return the settings of the pillar, or None and what is wrong with them."""
        loop = asyncio.get_running_loop()
        self._faults = ()
        try:
            settings = await loop.run_in_executor(None, load_settings, self._opts, self._identity, self._cluster)
        except ConfigurationError as error:
            self._faults = error.faults
            return None, str(error)
        except Exception as error:  # the pillar's own code can fail in any way; the next reading may succeed
            log.exception("reading the settings failed")
            return None, f"reading the settings failed: {type(error).__name__}: {error}"
        return settings, ""

    def _provisional_name(self) -> str:
        """Return under which name to tell that there are no usable settings: they would have said it."""
        known = known_clusters(self._opts)
        return self._cluster or (known[0] if len(known) == 1 else "default")

    async def _take_lock(self, name: str, held: Lock | None) -> Lock | None:
        """Return the right to act for `name`, after standing by for as long as another engine has it; None when told to stop."""
        lock = Lock(cluster_directory(self._opts, name, create=True))
        if held is not None:
            if held.path == lock.path:
                return held
            held.release()
        if not lock.acquire():
            log.warning("another engine acts for cluster %s, standing by", name)
            if not await lock.wait(self._stop):
                return None
        return lock

    async def _may_act(self, settings: Settings) -> bool:
        """Return whether this engine is the one that acts; where another master's may be, stand by for a while before that is asked again."""
        wanted = settings.dynamic_cluster.standby
        if self._standby is not None and self._standby.wanted != wanted:
            self._standby.close()
            self._standby = None
        if wanted is None:
            return True
        self._secrets = secret_texts(settings)
        loop = asyncio.get_running_loop()
        if self._standby is None:
            self._standby = StandBy(self._opts, settings, wanted, lambda: loop.call_soon_threadsafe(self._stop.set))
        self._held = await self._standby.wait(self._stop, lambda: self._is_still(settings), lambda: self._secrets)
        return self._held is not None

    async def _is_still(self, settings: Settings) -> bool:
        """Tell whether the pillar says the same; one that cannot be read changes nothing."""
        found, _trouble = await self._read()
        return found is None or found == settings

    # -- with settings ----------------------------------------------------------------------------------------------------

    async def _serve(self, settings: Settings) -> None:
        name = settings.name
        self._secrets = secret_texts(settings)
        running = asyncio.get_running_loop()
        self._line = Line(self._opts, name, self._obey, self._known_secrets)
        try:
            self._keys = await running.run_in_executor(None, self._make_keys, name)
            self._highstate = Highstate(
                Publisher(self._opts, name), self._defer, utc_jid=bool(self._opts.get("utc_jid")), news=self._poke
            )
            self._minions = SaltMinions(self._keys, self._highstate)
            self._line.listen(self._minions.wants, self._minions.hear)
            notices = Notices(self._opts, self._heed, self._defer)
            self._line.listen(notices.wants, notices.hear)
            await self._line.open()
            directory = cluster_directory(self._opts, name, create=True)
            self._outlets = Outlets(self._opts, settings, self._line, self._obey, directory, self._known_secrets)
            if await self._make_first_loop(settings):
                await self._run_loop()
        finally:
            await self._line.close()

    async def _make_first_loop(self, settings: Settings) -> bool:
        """Make the loop; where it cannot be made (a plugin that does not import, a resource that moved) try again until told to stop."""
        while not self._stop.is_set():
            try:
                parts = await asyncio.get_running_loop().run_in_executor(None, self._make_parts, settings)
                self._loop = self._make_loop(parts)
                await self._front.close()
                return True
            except ConfigurationError as error:
                self._waiting = Waiting(self._opts, settings.name, str(error), self._front, error.faults, self._line)
                await self._waiting.wait(self._stop, _REREAD)
            settings = (await self._read())[0] or settings
        return False

    async def _run_loop(self) -> None:
        duties = [asyncio.create_task(work) for work in self._duties()]
        try:
            await self._loop.run(self._stop)
            await asyncio.wait(duties, timeout=_LAST_ANSWERS)
        finally:
            for duty in duties:
                duty.cancel()

    def _duties(self) -> list[Coroutine[Any, Any, None]]:
        return [self._line.keep_beating(self._stop), self._line.stop_reading_at(self._stop), self._watch_settings(), self._outlets.run(self._stop)]

    def _make_keys(self, name: str) -> Keys:
        return Keys(self._opts, name, self._identity, self._line.bus, self._defer)

    def _make_parts(self, settings: Settings) -> Parts:
        """Return the adapters for these settings. Raises ConfigurationError."""
        parts = Parts(
            settings=settings,
            batch=make_batch(settings),
            clouds=make_clouds(settings),
            check=make_check(settings, self._highstate),
            minions=self._minions,
            announcer=self._line.bus,
            clock=SystemClock(),
            render=make_render(settings, self._master),
            fence=self._held.check if self._held is not None else unfenced,
        )
        return self._outlets.meter(parts)

    def _make_loop(self, parts: Parts) -> Loop:
        name = parts.settings.name
        path = cluster_directory(self._opts, name, create=True) / "journal.sqlite"
        journal = Journal(path) if self._held is None else SharedJournal(path, self._held)
        return Loop(
            parts.settings,
            parts.batch,
            parts.clouds,
            parts.check,
            parts.minions,
            parts.announcer,
            parts.clock,
            journal,
            render=parts.render,
            mirror=CacheMirror(self._opts, name),
            write_snapshot=self._write_snapshot,
            version=__version__,
            meter=self._outlets.loop_part,
            fence=parts.fence,
        )

    def _write_snapshot(self, document: dict[str, Any]) -> None:
        found = (*self._line.problems(), *self._outlets.problems(), *self._setup_problems(), *(self._standby.problems() if self._standby else ()))
        standby = self._standby.describe() if self._standby is not None else ALONE
        document = {**document, "engine": {**document["engine"], "standby": dict(standby)}, "problems": [*found, *document.get("problems", ())]}
        document = mask_rows(document, self._known_secrets(), self._line.bus.mask)
        self._outlets.publish(document, self._loop.core)
        write_snapshot(self._opts, self._loop.core.parts.settings.name, document)

    def _setup_problems(self) -> list[str]:
        return [f"{finding.what}: {finding.detail}; {finding.remedy}" for finding in check_master(self._opts) if not finding.ok]

    # -- while it runs ----------------------------------------------------------------------------------------------------

    async def _watch_settings(self) -> None:
        while not await sleep(self._stop, _REREAD):
            await self._reload()

    async def _reload(self) -> str:
        """Read the settings again and go on with them; return what is wrong with them, "" when nothing is."""
        async with self._reread:
            settings, trouble = await self._read()
            if settings is not None and settings.name != self._loop.core.parts.settings.name:
                trouble = f"dynamiccluster:name: changed to {settings.name!r}; restart the salt-master for another cluster"
            elif settings is not None and settings.dynamic_cluster.standby != (self._standby.wanted if self._standby else None):
                trouble = "dynamiccluster:dynamic-cluster:standby: changed; restart the salt-master for that"
            if settings is None or trouble:
                self._loop.reject(trouble, self._faults)
                return trouble
            self._secrets = tuple({*self._secrets, *secret_texts(settings)})
            try:
                await self._loop.reload(settings, self._make_parts)
                self._outlets.use(settings)
            except ConfigurationError as error:
                self._loop.reject(str(error), error.faults)
                return str(error)
            return ""

    async def _obey(self, command: dict[str, Any]) -> Mapping[str, Any]:
        """Answer one command; whatever goes wrong is an answer, too."""
        if not hasattr(self, "_loop"):
            if hasattr(self, "_waiting"):
                return await self._waiting.obey(command)
            return {"ok": False, "message": "the engine is still starting; try again in a few seconds", "data": {}, "kind": "starting"}
        try:
            if command.get("name") == "reconcile" and not (command.get("arguments") or {}).get("test"):
                if trouble := await self._reload():
                    return {"ok": False, "message": f"the settings are not usable, the last good ones stay: {trouble}", "data": {}}
            return await self._loop.command(command)
        except Exception as error:  # a command must never end the engine
            log.exception("the command %s failed", command.get("name"))
            return {"ok": False, "message": f"the engine failed on it: {type(error).__name__}: {error}; see the master's log", "data": {}, "kind": "failed"}

    def _heed(self, notice: Notice, node: str, instance: str) -> None:
        """Take in what a node has heard of its machine's future, and act on it at once."""
        if hasattr(self, "_loop") and self._loop.core.hear(notice, node=node, instance=instance):
            self._loop.poke()

    def _poke(self) -> None:
        if hasattr(self, "_loop"):
            self._loop.poke()

    def _defer(self, function: Callable[..., object], *arguments: Any) -> None:
        self._executor.submit(function, *arguments)

    def _known_secrets(self) -> tuple[str, ...]:
        return (*self._secrets, *(self._keys.guests.secrets() if hasattr(self, "_keys") else ()))

