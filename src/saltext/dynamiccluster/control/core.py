"""Decide and act without threads or waiting: what the loop runs on its executors and the simulation calls directly.

The one writer. Observers put readings in, `decide` returns the actions that may start now, `carry_out` does one of them.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..errors import CommandRefused, JournalError
from ..intents import batch_of
from ..model import BatchView, CloudView, NodeRecord, Notice
from ..policy import notices
from ..policy.commands import obey
from ..policy.decide import decide
from ..policy.memory import Memory
from ..policy.plan import Act, Action, Plan
from ..policy.records import minion_of
from ..snapshot import Command, Reading, Snapshot
from . import announce, belated, launching, observe, refusals
from .act import Actor
from .backoff import lift_for_settings
from .batches import name_themselves
from .health import Health
from .journal import Entry
from .ledger import Ledger
from .parts import Parts
from .places import NOTE as PLACES
from .places import check_places, note_places
from .scene import Scene

log = logging.getLogger(__name__)

LOST_GRACE = 180.0  # seconds after which a cloud surely lists what was launched before the journal was lost
_LOST = "journal lost"  # the ledger's note while that time is not over: another start must not cut it short


class Core:
    """The state of one engine. Any thread may call it; the parts' calls are made outside of its lock.

    Raises ConfigurationError when a resource that has machines has moved since the last start.
    """

    def __init__(self, parts: Parts, ledger: Ledger, *, chance: random.Random | None = None):
        self.parts, self.ledger = parts, ledger
        check_places(parts.settings, self.memory, ledger.note(PLACES, {}))
        self._note_places()
        self.chance = chance or random.Random()
        self.plan = Plan(ledger.memory)
        self.planned_at = 0.0
        self._lost = ledger.lost or bool(ledger.note(_LOST, False))
        if self._lost:
            ledger.keep(_LOST, True)
        self.counters: Counter[str] = Counter()
        self.health = Health(ledger, parts)
        self._actor = Actor(ledger, self._tell, self.chance)
        self._lock = threading.RLock()
        self._snapshot = Snapshot()
        self._under_way: dict[str, Action] = {}
        self._announced_plan: tuple[Any, ...] = ()

    # -- what is seen -------------------------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    @property
    def memory(self) -> Memory:
        return self.ledger.memory

    def see_batch(self) -> None:
        """Read the batch system."""
        parts = self.parts
        reading = observe.read_batch(parts.batch, self._snapshot.batch, parts.clock, tuple(self.memory.nodes.values()))
        self._see(parts, batch=reading)

    def see_cloud(self, name: str) -> None:
        """Read one resource's cloud."""
        parts = self.parts
        previous: Reading[CloudView] = self._snapshot.clouds.get(name, Reading())
        records = tuple(self.memory.nodes.values())
        reading = observe.read_cloud(name, parts.clouds[name], records, previous, parts.clock)
        with self._lock:
            self._see(parts, clouds={**self._snapshot.clouds, name: reading})

    def see_check(self, name: str) -> None:
        """Check one node's configuration."""
        record = self.memory.nodes.get(name)
        if record is None or not observe.wants_check(record):
            return
        result = observe.check_node(self.parts.check, record, self._snapshot.checks.get(name))
        with self._lock:
            self._snapshot = replace(self._snapshot, checks={**self._snapshot.checks, name: result})

    def see_name(self, name: str) -> None:
        """Learn a node's host name where a command tells it, and what the batch system's head resolves it to."""
        record = self.memory.nodes.get(name)
        if record is None:
            return
        if observe.wants_hostname(record, self.parts.settings):
            hostname = observe.ask_hostname(self.parts.settings, record)
            if hostname:
                self._write(lambda memory: _name(memory, name, hostname))
        elif observe.wants_address(record):
            address = observe.resolve_name(self.parts.batch, record.hostname)
            with self._lock:
                self._snapshot = replace(self._snapshot, addresses={**self._snapshot.addresses, record.hostname: address})

    def _see(self, parts: Parts, **changes: Any) -> None:
        """Keep a reading, unless it was made with adapters that other settings have replaced meanwhile."""
        with self._lock:
            if parts is self.parts:
                self._snapshot = replace(self._snapshot, **changes)

    def hear(self, notice: Notice, *, node: str, instance: str = "") -> bool:
        """Take in what a node heard of its own machine's future; return whether that was news.

        `node` is who said it; `instance` the machine that it means, which must be that node's own.
        """
        with self._lock, self.ledger.lock:
            record = find_speaker(self.memory, node)
            if record is None or (instance and record.instance_id and instance != record.instance_id):
                return False
            heard = notices.hear(record.notice, notice)
            if heard is record.notice:
                return False
            data = {"kind": heard.kind.value, "due": heard.due}
            entry = Entry(self.parts.clock.now(), "event", notices.explain(heard), record.resource, record.name, data)
            self._write(lambda memory: memory.with_node(replace(record, notice=heard)), entries=(entry,), durable=True)
            return True

    # -- decide -------------------------------------------------------------------------------------------------------

    def decide(self) -> tuple[Action, ...]:
        """Decide on what is known now, write it down; return the actions to start, each to be handed to `carry_out` once."""
        with self._lock:
            now = self.parts.clock.now()
            self._forget_the_old()
            with self.ledger.lock:
                plan = decide(self._snapshot, self.parts.settings, self.ledger.memory, now)
                self._remember(plan, now)
            self.plan, self.planned_at = plan, now
            self._announce(plan)
            self.health.look(self._snapshot, now)
            return self._begin(plan.actions, now)

    def _remember(self, plan: Plan, now: float) -> None:
        """Write down what the decision remembers, with the intents of new nodes in the same transaction."""
        before = self.ledger.memory
        orders = [action for action in plan.actions if action.act is Act.ORDER]
        memory = announce.show(plan.memory, plan.nodes, self._snapshot.batch.read_at, now)
        memory = self._actor.with_troubles(memory)
        for name, record in memory.nodes.items():
            if record.gone and not getattr(before.nodes.get(name), "gone", True) and not belated.is_belated(record):
                memory = refusals.note_freed(memory, record.resource, self.parts.settings)
        memory = belated.note(before, memory, self._snapshot, self.parts.settings, now, self.chance)
        if self._lost and self._is_settled(self.parts.clouds):
            self._lost = False
            self.ledger.keep(_LOST, False)
        settled = not self._lost or self._is_settled({action.resource for action in orders})
        if orders and settled and self._order(memory, orders, now):
            return
        if orders:  # not written, so not ordered: the wish for them stays
            memory = replace(memory, planned_at=before.planned_at, resources=before.resources)
        self._write(lambda _: memory)

    def _is_settled(self, resources: Iterable[str]) -> bool:
        """Tell whether these resources were listed well for so long after the journal was lost."""
        return all(self._listed_for(name) >= LOST_GRACE for name in resources)

    def _listed_for(self, resource: str) -> float:
        reading = self._snapshot.clouds.get(resource)
        return reading.lived if reading is not None else 0.0

    def _order(self, memory: Memory, orders: list[Action], now: float) -> bool:
        entries = [Entry(now, "action", f"order: {action.reason}", action.resource, "", {"act": "order", "ok": True}) for action in orders]
        memory = launching.order(memory, orders, self.parts.settings, now, self.chance)
        try:
            self._tell(*self.ledger.commit(lambda _: memory, entries=entries, durable=True))
        except JournalError:
            return False
        return True

    def _begin(self, actions: tuple[Action, ...], now: float) -> tuple[Action, ...]:
        """Return the actions that may start: one for each node, none that is under way or has just failed."""
        begun: list[Action] = []
        together: dict[str, bool] = {}
        for action in actions:
            if action.act is Act.ORDER or not self._may_begin(action, now, together):
                continue
            self._under_way[_subject(action)] = action
            begun.append(action)
        return tuple(begun)

    def _may_begin(self, action: Action, now: float, together: dict[str, bool]) -> bool:
        if _subject(action) in self._under_way or not self._actor.ready(action, now):
            return False
        if action.act is not Act.LAUNCH or not self._launches(action.resource):
            return True
        if self.memory.resource(action.resource).backoff is not None:
            return False  # one launch tries whether the trouble is over
        if action.resource not in together:
            together[action.resource] = name_themselves(self.parts, action.resource)
        return not together[action.resource]  # a call for several takes along all that wait; beside others it would take few

    def _launches(self, resource: str) -> bool:
        return any(other.act is Act.LAUNCH and other.resource == resource for other in self._under_way.values())

    def _forget_the_old(self) -> None:
        """Drop checks and addresses of nodes that no longer wait for them."""
        nodes = self.memory.nodes
        checks = {name: result for name, result in self._snapshot.checks.items() if name in nodes and observe.wants_check(nodes[name])}
        awaited = {record.hostname for record in nodes.values() if observe.wants_address(record)}
        addresses = {name: address for name, address in self._snapshot.addresses.items() if name in awaited}
        self._snapshot = replace(self._snapshot, checks=checks, addresses=addresses)
        self._actor.retries.keep_only(frozenset(nodes) | {""})

    # -- act ----------------------------------------------------------------------------------------------------------

    def carry_out(self, action: Action) -> bool:
        """Carry out one action that `decide` returned; return whether it succeeded. Never raises an Exception."""
        try:
            return self._actor.carry_out(action, Scene(self.parts, action, self._snapshot, self.ledger))
        finally:
            with self._lock:
                self._under_way.pop(_subject(action), None)

    def resume(self) -> None:
        """After a start: have the keys of nodes that are not configured yet let in, and their configuration asked for.

        What their minions said while no engine listened is lost; asking again does no harm.
        """
        waiting = [record for record in self.memory.nodes.values() if record.tried_at and not record.ready_at]
        for record in waiting:
            try:
                order = self.ledger.order(record.name)
                if order is not None and (record.minion or not batch_of(record.intent)):
                    self.parts.minions.expect(minion_of(record), order.token, record.resource)
                if record.configured_at:
                    self.parts.minions.configure([minion_of(record)])
            except Exception:
                log.exception("the key and the configuration of %s cannot be awaited", record.name)

    @property
    def waiting(self) -> str:
        """Return why nothing is ordered yet after a start, "" when it is."""
        left = LOST_GRACE - min(map(self._listed_for, self.parts.clouds), default=LOST_GRACE)
        why = "the journal was lost: until every machine launched before is surely listed again, nothing is ordered"
        return f"{why} ({left:.0f} s)" if self._lost and left > 0 else ""

    @property
    def failures(self) -> int:
        """Return how many actions failed through what must be a bug."""
        return self._actor.failures

    # -- what is asked ------------------------------------------------------------------------------------------------

    def command(self, command: Command, *, test: bool = False) -> dict[str, Any]:
        """Obey an administrator; return {"ok", "message", "data"}. `test`: only say what would happen."""
        with self._lock, self.ledger.lock:
            now = self.parts.clock.now()
            try:
                memory, reply = obey(command, self._snapshot, self.parts.settings, self.ledger.memory, now)
            except CommandRefused as error:
                return {"ok": False, "message": str(error), "data": {}, "kind": error.kind}
            if test:
                return {"ok": True, "message": f"would be done: {reply.message}", "data": {**reply.data, "test": True}}
            entry = Entry(now, "command", f"{command.name}: {reply.message}", data={"by": command.by, **reply.data})
            self._write(lambda _: memory, entries=(entry,), durable=True)
            warning = f" (not safe over a restart: {self.ledger.fault})" if self.ledger.fault else ""
            return {"ok": True, "message": reply.message + warning, "data": dict(reply.data)}

    def use(self, parts: Parts) -> None:
        """Go on with other settings and the adapters made for them.

        Raises ConfigurationError, and changes nothing, when they would move a resource away from its machines.
        """
        with self._lock:
            check_places(parts.settings, self.memory, self.ledger.note(PLACES, {}))
            old, self.parts, self.health.parts = self.parts, parts, parts
            before, now = old.settings, parts.settings
            changed = frozenset(name for name in now.cloud if before.cloud.get(name) != now.cloud[name])
            kept = {name: reading for name, reading in self._snapshot.clouds.items() if name in now.cloud}
            batch: Reading[BatchView] = self._snapshot.batch if before.cluster == now.cluster else Reading()
            self._snapshot = replace(self._snapshot, batch=batch, clouds=kept)
            self._note_places()
        self._write(lambda memory: lift_for_settings(memory, changed))

    def _note_places(self) -> None:
        self.ledger.keep(PLACES, note_places(self.parts.settings, self.memory, self.ledger.note(PLACES, {})))

    # -- telling ------------------------------------------------------------------------------------------------------

    def _write(self, change: Callable[[Memory], Memory], **options: Any) -> None:
        self._tell(*self.ledger.update(change, **options))

    def _tell(self, before: Memory, after: Memory) -> None:
        for event in announce.events(self.parts.settings.name, before, after):
            self.counters[event.tag.rsplit("/", 1)[-1]] += 1
            self.parts.announcer.fire(event)

    def _announce(self, plan: Plan) -> None:
        """Fire `plan/decided`, and write one line into the log, when the plan has something new to do."""
        planned: Mapping[str, int] = Counter(action.act.value for action in plan.actions)
        gist = tuple((action.act, action.resource, action.node, action.detail) for action in plan.actions)
        if gist and gist != self._announced_plan:
            self.parts.announcer.fire(announce.plan_event(self.parts.settings.name, plan, planned))
            log.info("decided: %s", announce.summary(plan.actions))
        self._announced_plan = gist


def _subject(action: Action) -> str:
    """Return what an action keeps others away from while it is under way: its node."""
    return action.node or f"{action.act.value} {action.resource} {action.detail}"


def find_speaker(memory: Memory, node: str) -> NodeRecord | None:
    """Return the node whose minion bears this id: its name, its machine's own one, or its instance's id."""
    if node in memory.nodes:
        return memory.nodes[node]
    return next((record for record in memory.nodes.values() if node and node in (record.minion, record.instance_id)), None)


def _name(memory: Memory, name: str, hostname: str) -> Memory:
    record = memory.nodes.get(name)
    return memory if record is None or record.hostname else memory.with_node(replace(record, hostname=hostname))
