"""The engine's loop: observers, decisions and actions side by side, every blocking call in a thread of its own kind."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from ..errors import Fault
from ..policy.plan import Act, Action
from ..ports import Announcer, BatchSystem, Check, Clock, Cloud, Minions
from ..settings import Settings
from ..snapshot import Command
from . import announce, lifecycle, observe
from .backoff import BATCH_READ, CLOUD_READ
from .core import Core
from .journal import Journal
from .ledger import Ledger, Mirror
from .parts import Parts, Render, unfenced
from .pool import Pool
from .present import Status, present
from .queries import QUERIES, ask, history

log = logging.getLogger(__name__)

_CHECKERS = 8  # configuration checks at a time
_HOOKS = 4
_SHOWN_HISTORY = 200  # entries in the document for readers
_PATIENCE = 3.5  # seconds that a clean stop waits for what is under way
_PULSE = 1.0  # seconds between decisions while something is under way
_HEARTBEAT = 5.0  # seconds between snapshots written although nothing changed
_SHORT_PAUSE = 0.5  # seconds at least between two readings of the batch system

Make = Callable[[Settings], Parts]


class Loop:
    """One engine. Made and run on one asyncio loop; `poke` may be called from any thread. Raises what Core raises."""

    def __init__(
        self,
        settings: Settings,
        batch: BatchSystem,
        clouds: Mapping[str, Cloud],
        check: Check,
        minions: Minions,
        announcer: Announcer,
        clock: Clock,
        journal: Journal,
        *,
        render: Render,
        mirror: Mirror | None = None,
        write_snapshot: Callable[[dict[str, Any]], None] = lambda document: None,
        version: str = "",
        chance: random.Random | None = None,
        meter: Callable[[str, float], None] = lambda part, seconds: None,
        fence: Callable[[], None] = unfenced,
    ):
        parts = Parts(settings, batch, dict(clouds), check, minions, announcer, clock, render, fence)
        self.ledger = Ledger(journal, mirror)
        self.core = Core(parts, self.ledger, chance=chance)
        self._write_snapshot, self._meter = write_snapshot, meter
        self._status = Status(version, clock.now())
        self._pools: dict[str, Pool] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._watched: dict[str, asyncio.Task[Any]] = {}
        self._checked: dict[str, float] = {}
        self._checking: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._sooner: dict[str, asyncio.Event] = {}
        self._urgent: dict[str, asyncio.Event] = {}
        self._failing: dict[str, str] = {}
        self._unpublished = ""

    # -- what others call ---------------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then let what is under way end, for a few seconds. What did not end is in the journal."""
        self._loop = asyncio.get_running_loop()
        self._fire("started", self.ledger.degraded or "the engine has started")
        await self._in("core", self.core.resume)
        keepers = [self._start(self._keep(name, work)) for name, work in self._duties().items()]
        try:
            await stop.wait()
        finally:
            await self._end(keepers)

    def poke(self) -> None:
        """Have checks asked and a decision made at once; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._poked)

    async def command(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Obey {"name", "arguments", "by"}; return {"ok", "message", "data"}. `test` among the arguments: only say what would be."""
        arguments = dict(message.get("arguments") or {})
        test = bool(arguments.pop("test", False))
        command = Command(str(message.get("name", "")), arguments, str(message.get("by") or ""))
        if command.name == "reconcile":
            return self._reconcile(test)
        if command.name in QUERIES:
            reply: dict[str, Any] = await self._in("query", partial(ask, self.core, command.name, arguments))
            return reply
        answer: dict[str, Any] = await self._in("core", partial(self.core.command, command, test=test))
        self._poked()
        return answer

    async def reload(self, settings: Settings, make: Make) -> bool:
        """Take other settings: make their adapters and go on with them. Equal settings change nothing; return whether they did.

        Raises what `make` raises, and ConfigurationError when a resource would move away from its machines; the old settings then stay in force.
        """
        if settings == self.core.parts.settings and not self._status.config_error:
            return False
        self._status.config_error, self._status.config_faults = "", ()
        if settings == self.core.parts.settings:
            return False
        parts = await self._in("core", lambda: make(settings))
        await self._in("core", lambda: self.core.use(parts))
        log.info("the settings have changed and are in force")
        self._poked()
        return True

    def reject(self, trouble: str, faults: tuple[Fault, ...] = ()) -> None:
        """Note that the pillar cannot be used: the last good settings stay in force, and everybody can see why."""
        if trouble != self._status.config_error:
            log.error("the settings are not usable, the last good ones stay in force: %s", trouble)
            self._status.config_error, self._status.config_faults = trouble, faults
            self._fire("config_error", trouble)

    def snapshot(self) -> dict[str, Any]:
        """Return the document for readers: what is seen, planned and done, without any secret."""
        self._status.in_flight = len(self._tasks)
        return {**present(self.core, self._status), "history": history(self.core, limit=_SHOWN_HISTORY)}

    # -- observing ----------------------------------------------------------------------------------------------------

    async def _watch_clouds(self) -> None:
        """Keep one observer for each resource of the settings in force."""
        while True:
            clouds = self.core.parts.clouds
            for name in [name for name in self._watched if name not in clouds]:
                self._watched.pop(name).cancel()
            for name in clouds.keys() - self._watched.keys():
                self._watched[name] = self._start(self._keep(f"observer of {name}", partial(self._watch_cloud, name)))
            await asyncio.sleep(_PULSE)

    async def _watch_batch(self) -> None:
        while True:
            took = await self._timed("batch read", self.core.see_batch)
            failures = self._count_failures("batch", bool(self.core.snapshot.batch.error))
            interval = self.core.parts.settings.dynamic_cluster.cluster_poller_interval
            await self._rest("batch", observe.pause(interval, took, failures, BATCH_READ, self.core.chance), took)

    async def _watch_cloud(self, name: str) -> None:
        while True:
            took = await self._timed(f"cloud read {name}", partial(self.core.see_cloud, name))
            reading = self.core.snapshot.clouds.get(name)
            failures = self._count_failures(f"cloud {name}", reading is not None and bool(reading.error))
            interval = self.core.parts.settings.dynamic_cluster.cloud_poller_interval
            await self._rest(f"cloud {name}", observe.pause(interval, took, failures, CLOUD_READ, self.core.chance), took)

    async def _rest(self, source: str, pause: float, took: float) -> None:
        """Wait for the next reading; one that is asked for comes sooner, but reading never takes more than a fifth of the time.

        An administrator's word is above that: after a call that hung for a minute nobody wants to wait for four.
        """
        self._wake.set()
        sooner, urgent = (events.setdefault(source, asyncio.Event()) for events in (self._sooner, self._urgent))
        least = min(max(4 * took, _SHORT_PAUSE), pause)
        await _wait(urgent, least)
        if not urgent.is_set():
            await _wait(sooner, pause - least)
        sooner.clear()
        urgent.clear()

    async def _watch_nodes(self) -> None:
        """Ask checks and names of the nodes that wait for them, a few at a time."""
        while True:
            every = min(max(self.core.parts.settings.dynamic_cluster.cluster_poller_interval / 2, 0.2), 5.0)
            for name in self._to_look_at(every):
                self._checked[name] = time.monotonic()
                self._checking.add(name)
                self._start(self._look_at_node(name))
            await asyncio.sleep(min(every, 0.5))

    def _to_look_at(self, every: float) -> list[str]:
        nodes, settings = self.core.memory.nodes, self.core.parts.settings
        due = time.monotonic() - every
        self._checked = {name: at for name, at in self._checked.items() if name in nodes}
        return [
            name
            for name, record in nodes.items()
            if name not in self._checking
            and self._checked.get(name, due) <= due
            and (observe.wants_check(record) or observe.wants_address(record) or observe.wants_hostname(record, settings))
        ]

    async def _look_at_node(self, name: str) -> None:
        try:
            await self._in("check", partial(self.core.see_check, name))
            await self._in("check", partial(self.core.see_name, name))
            self._wake.set()
        finally:
            self._checking.discard(name)

    # -- deciding and acting --------------------------------------------------------------------------------------------

    async def _decide_for_ever(self) -> None:
        while True:
            await _wait(self._wake, _PULSE if self._restless() else _HEARTBEAT)
            self._wake.clear()
            began = time.monotonic()
            for action in await self._in("core", self.core.decide):
                self._start(self._carry_out(action))
            # a decision that takes long must not be all that is done
            await asyncio.sleep(min(4 * (time.monotonic() - began), _PULSE))

    def _restless(self) -> bool:
        """Return whether something may fall due before the next reading."""
        return bool(self.core.memory.queue_dirty_since) or not all(
            record.phase.value == "serving" for record in self.core.memory.nodes.values()
        )

    async def _carry_out(self, action: Action) -> None:
        pool = lifecycle.TRANSITIONS[action.act].pool
        await self._in(f"cloud {action.resource}" if pool == lifecycle.CLOUD else pool, lambda: self.core.carry_out(action))
        self._wake.set()
        if pool == lifecycle.BATCH and not self.core.snapshot.batch.error:
            self._sooner.setdefault("batch", asyncio.Event()).set()
        if action.act in (Act.DESTROY, Act.ADOPT):  # nothing goes on with this machine before a listing shows it
            self._sooner.setdefault(f"cloud {action.resource}", asyncio.Event()).set()

    async def _publish_for_ever(self) -> None:
        """Write the document for readers when it has changed, and now and then to show that we live."""
        planned_at, written = -1.0, 0.0
        while True:
            if self.core.planned_at != planned_at or time.monotonic() - written > _HEARTBEAT:
                planned_at, written = self.core.planned_at, time.monotonic()
                await self._publish()
            await asyncio.sleep(_PULSE)

    async def _publish(self) -> None:
        """Write the document; a disk that takes nothing is told once, and stops nothing else."""
        trouble = ""
        try:
            await self._in("publish", lambda: self._write_snapshot(self.snapshot()))
        except OSError as error:
            trouble = f"the document for readers cannot be written: {error}"
        if trouble and trouble != self._unpublished:
            log.error("%s", trouble)
        self._unpublished = trouble

    # -- inside -------------------------------------------------------------------------------------------------------

    def _duties(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "observer of the batch system": self._watch_batch,
            "observers of the clouds": self._watch_clouds,
            "observer of new nodes": self._watch_nodes,
            "decision": self._decide_for_ever,
            "publication": self._publish_for_ever,
        }

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do a duty for ever. What it raises is a bug: logged once with its cause, counted, and the duty is taken up again."""
        while True:
            try:
                await work()
            except Exception as error:
                self._status.bugs += 1
                text = f"{type(error).__name__}: {error}"
                if self._failing.get(name) != text:
                    log.exception("the %s failed in an unforeseen way; it is tried again", name)
                self._failing[name] = text
                self._status.trouble = f"the {name} fails: {text}"
                await asyncio.sleep(_PULSE * (1 + self.core.chance.random()))

    def _poked(self) -> None:
        self._checked.clear()
        self._wake.set()

    def _reconcile(self, test: bool) -> dict[str, Any]:
        if not test:
            for event in (*self._sooner.values(), *self._urgent.values()):
                event.set()
            self._poked()
        return {"ok": True, "message": "would be done: everything is read anew" if test else "everything is read anew", "data": {"test": test}}

    def _count_failures(self, source: str, failed: bool) -> int:
        self._status.failures[source] = self._status.failures.get(source, 0) + 1 if failed else 0
        return self._status.failures[source]

    async def _timed(self, pool: str, work: Callable[[], None]) -> float:
        began = time.monotonic()
        await self._in(pool, work)
        return time.monotonic() - began

    async def _in(self, name: str, work: Callable[[], Any]) -> Any:
        """Run blocking work on the pool of this name: a slow one delays only its own kind."""
        pool = self._pools.get(name)
        if pool is None:
            pool = self._pools[name] = Pool(name, 1)
        pool.size = self._threads_for(name)
        began = time.monotonic()
        try:
            return await pool.run(work)
        finally:
            self._meter(name, time.monotonic() - began)

    def _threads_for(self, name: str) -> int:
        if name.startswith("cloud ") and not name.startswith("cloud read "):
            return self.core.parts.settings.dynamic_cluster.worker_number
        return {"check": _CHECKERS, "hooks": _HOOKS, "salt": 2, "query": 2}.get(name, 1)

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a task whose end, whatever it is, is noticed."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._status.bugs += 1
            log.error("a part of the loop failed", exc_info=task.exception())

    def _fire(self, what: str, reason: str) -> None:
        parts = self.core.parts
        parts.announcer.fire(announce.engine_event(parts.settings.name, what, reason, version=self._status.version))

    async def _end(self, keepers: list[asyncio.Task[Any]]) -> None:
        """Begin nothing more, wait a little for what is under way, leave a last document and close the journal."""
        self._fire("stopping", "the engine is stopping")
        for task in (*keepers, *self._watched.values()):
            task.cancel()
        left = [task for task in self._tasks if not task.done()]
        if left:
            await asyncio.wait(left, timeout=_PATIENCE)
        self._status.stopped = True
        with suppress(Exception):
            self._write_snapshot(self.snapshot())
        for pool in self._pools.values():
            pool.close()
        self.ledger.close()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait until the event is set, for so long at most. (`asyncio.wait_for` may swallow a cancellation that comes with the event.)"""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
