"""Carry out one action: write the intent, call, write what came of it. The same code for the loop and for the simulation.

One handler an act, one file an idea: `launching` (clouds), `joining` (batch system), `tending` (Salt, hooks). A handler calls one
port and returns what it says in one line; it raises the port's errors, which are judged here.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import replace

from ..errors import BatchError, CloudError, HostHasJobs, JournalError, Refusal
from ..model import NodeRecord, Phase
from ..policy.memory import Memory
from ..policy.plan import Act, Action, describe
from . import belated, joining, launching, refusals, tending
from .again import is_overtaken
from .announce import node_event
from .backoff import NODE_WAIT, Retries, explain
from .journal import Entry
from .ledger import Ledger
from .lifecycle import BATCH, TRANSITIONS, intend, is_moot, succeed, trouble
from .scene import Scene

log = logging.getLogger(__name__)

Handler = Callable[[Scene], str]
HANDLERS: dict[Act, Handler] = {
    Act.LAUNCH: launching.launch,
    Act.ADOPT: launching.adopt,
    Act.DESTROY: launching.destroy,
    Act.JOIN: joining.join,
    Act.RELEASE: joining.release,
    Act.HOLD: joining.hold,
    Act.UNHOLD: joining.unhold,
    Act.VACATE: joining.vacate,
    Act.REQUEUE: joining.requeue,
    Act.CLEAR: joining.clear,
    Act.REMOVE: joining.remove,
    Act.CONFIGURE: tending.configure,
    Act.FORGET: tending.forget,
    Act.HOOK: tending.run_hook,
}


class Actor:
    """Carries out actions, one at a time for each node. `carry_out` never raises an Exception."""

    def __init__(self, ledger: Ledger, tell: Callable[[Memory, Memory], None], chance: random.Random):
        self._ledger, self._tell, self._chance = ledger, tell, chance
        self.retries = Retries(NODE_WAIT, chance)
        self.failures = 0
        self._bugs: set[str] = set()
        self._troubles: dict[str, tuple[Act, Phase, str]] = {}

    def ready(self, action: Action, now: float) -> bool:
        """Return whether the action may be tried now: nothing like it has just failed, and the journal lets it begin."""
        if self._ledger.fault and TRANSITIONS[action.act].new:
            return False
        if action.act is Act.LAUNCH:
            backoff = self._ledger.memory.resource(action.resource).backoff
            if backoff is not None and backoff.until > now:
                return False
        return self.retries.ready(_key(action), now)

    def carry_out(self, action: Action, scene: Scene) -> bool:
        """Do it; return whether it succeeded. Whatever fails is written down, told and retried later."""
        now = scene.parts.clock.now()
        if not self.ready(action, now):
            return False
        try:
            return self._carry_out(action, scene, now)
        except JournalError:
            return False  # the ledger has logged it; nothing was begun
        except Exception as error:
            self._note_bug(action, error)
            self._fail(action, scene, f"unforeseen: {type(error).__name__}: {error}")
            return False

    def with_troubles(self, memory: Memory) -> Memory:
        """Return the memory with the failure on each record whose last act failed, as long as the node got no further.

        Call it with the ledger's lock.
        """
        self._troubles = {name: item for name, item in self._troubles.items() if name in memory.nodes}
        stuck = [(memory.nodes[name], text) for name, (_, phase, text) in self._troubles.items() if memory.nodes[name].phase is phase]
        return memory.with_nodes([replace(record, failed=text) for record, text in stuck if not record.failed])

    def _note_bug(self, action: Action, error: Exception) -> None:
        """Log what must be a bug with its cause, once."""
        self.failures += 1
        what = f"{action.act.value}: {type(error).__name__}: {error}"
        if what not in self._bugs:
            log.exception("%s of %s failed in an unforeseen way", action.act.value, action.node or action.resource)
        self._bugs.add(what)

    def _carry_out(self, action: Action, scene: Scene, now: float) -> bool:
        record = self._ledger.memory.nodes.get(action.node)
        if action.node and record is None:
            return False
        if record is not None and is_moot(action, record):
            return False
        if record is not None:
            scene = replace(scene, record=record)
            if is_overtaken(scene):
                return False
            self._write_intent(action, record, now)
            if self._ledger.memory.nodes.get(record.name, record).intent != record.intent:
                return False  # another node's call asks for this one, too
        scene.parts.fence()
        try:
            said = HANDLERS[action.act](scene)
        except CloudError as error:
            self._judge_cloud(action, scene, error)
            return False
        except BatchError as error:
            self._judge_batch(action, scene, error)
            return False
        self._succeed(action, scene, said)
        return True

    def _write_intent(self, action: Action, record: NodeRecord, now: float) -> None:
        if intend(action, record, now) == record:
            return
        durable = TRANSITIONS[action.act].durable
        self._change(action.node, lambda known: intend(action, known, now), must=True, durable=durable)

    # -- what came of it ----------------------------------------------------------------------------------------------

    def _succeed(self, action: Action, scene: Scene, said: str) -> None:
        now = scene.parts.clock.now()
        self.retries.succeeded(_key(action))
        with self._ledger.lock:
            if self._troubles.get(action.node, (None,))[0] is action.act:
                del self._troubles[action.node]
        entry = self._entry(action, now, f"{action.act.value}: {action.reason}" + (f" ({said})" if said else ""), True)

        def change(memory: Memory) -> Memory:
            record = memory.nodes.get(action.node)
            if action.act is Act.FORGET:
                return memory.without_node(action.node)
            if record is not None:
                memory = memory.with_node(_stamp(action, succeed(action, record, now), now))
            if action.act is Act.LAUNCH:
                memory = launching.lift(memory, action.resource)
            if action.act is Act.ADOPT:
                memory = launching.end_adopting(memory, action)
            freed = action.act is Act.DESTROY and not (record is not None and belated.is_belated(record))
            return refusals.note_freed(memory, action.resource, scene.parts.settings) if freed else memory

        spent = action.node if action.act is Act.RELEASE else ""
        self._tell(*self._ledger.update(change, entries=(entry,), spent=spent))
        log.info("%s %s: %s", action.act.value, describe(scene.record) if scene.record else action.resource, action.reason)
        if action.act is Act.REMOVE and scene.record is not None:
            scene.parts.announcer.fire(node_event(scene.parts.settings.name, scene.record, "removed", action.reason))

    def _judge_cloud(self, action: Action, scene: Scene, error: CloudError) -> None:
        """Launches that fail hold the whole resource back, by the kind of failure; other calls only their node."""
        if action.act is not Act.LAUNCH:
            self._fail(action, scene, explain(error))
            if action.act is Act.ADOPT and error.certain and error.kind is Refusal.BAD_REQUEST:
                self._ledger.update(lambda memory: launching.end_adopting(memory, action))
            return
        now = scene.parts.clock.now()
        untried = scene.record is not None and not scene.record.tried_at

        def change(memory: Memory) -> Memory:
            if not error.alone:
                memory = refusals.remember(memory, action.resource, error, scene.parts.settings, now, self._chance)
            return refusals.take_back(memory, action.node, error) if error.certain and untried else memory

        said = "nothing was launched" if error.certain else "it is asked again with the same intent"
        entry = self._entry(action, now, f"launch failed ({error.kind.value}): {explain(error)}; {said}", False)
        self._tell(*self._ledger.update(change, entries=(entry,)))
        self.retries.failed(_key(action), now)
        log.warning("%s of %s failed, %s: %s", action.act.value, action.node, error.kind.value, explain(error))

    def _judge_batch(self, action: Action, scene: Scene, error: BatchError) -> None:
        back = isinstance(error, HostHasJobs) and action.act is Act.REMOVE
        self._fail(action, scene, str(error), back_to_draining=back)

    def _fail(self, action: Action, scene: Scene, message: str, *, back_to_draining: bool = False) -> None:
        """Write the trouble on the record, wait before the next try. Others are not concerned."""
        now = scene.parts.clock.now()
        wait = self.retries.failed(_key(action), now)
        log.warning("%s of %s: %s; next try in %.0f s", action.act.value, action.node or action.detail, message, wait)

        def change(record: NodeRecord) -> NodeRecord:
            self._troubles[record.name] = (action.act, record.phase, trouble(action.act, message))
            record = _stamp(action, replace(record, failed=trouble(action.act, message)), now)
            return replace(record, phase=Phase.DRAINING, empty_seen=0) if back_to_draining else record

        self._change(action.node, change, entries=(self._entry(action, now, f"{action.act.value} failed: {message}", False),))

    def _change(
        self,
        node: str,
        change: Callable[[NodeRecord], NodeRecord],
        *,
        must: bool = False,
        durable: bool = False,
        entries: tuple[Entry, ...] = (),
    ) -> None:
        def apply(memory: Memory) -> Memory:
            record = memory.nodes.get(node)
            return memory if record is None else memory.with_node(change(record))

        write = self._ledger.commit if must else self._ledger.update
        self._tell(*write(apply, durable=durable, entries=entries))

    def _entry(self, action: Action, now: float, text: str, ok: bool) -> Entry:
        return Entry(now, "action", text, action.resource, action.node, {"act": action.act.value, "ok": ok})


def _stamp(action: Action, record: NodeRecord, now: float) -> NodeRecord:
    """Note when the node was last changed: a reading begun before that does not show it."""
    transition = TRANSITIONS[action.act]
    if not transition.settles:
        return record
    return replace(record, batch_acted_at=now) if transition.pool == BATCH else replace(record, cloud_acted_at=now)


def _key(action: Action) -> tuple[str, Act, str]:
    return (action.node, action.act, action.detail)
