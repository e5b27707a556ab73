"""Several nodes with one call of the cloud, where the administrator's user-data lets machines name themselves.

The machines of one call share all that it says: their user-data, with one secret in it, and their tags. So each names itself after its own id in the
cloud, and shows the secret under that name; the secret lets in the ids that this very call made, each once. A node is ordered before its machine exists,
under a name and an intent of its own; which of the machines it gets is decided when they are known, by the call's answer or by a listing.
"""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..errors import CloudError, ConfigurationError, Refusal
from ..intents import batch_of, count_of, members_of, new_batch, number_of
from ..model import BatchOrder, Instance, NodeRecord, Phase
from ..policy.batches import hand_out
from ..policy.maximum import find_beyond_maximum
from ..policy.memory import Memory
from . import announce, refusals
from .journal import Entry, Order
from .parts import Parts
from .scene import Scene

_UNDER_WAY: set[str] = set()
_LOCK = threading.Lock()


def is_under_way(intent: str) -> bool:
    """Tell whether another node's launch is asking for this one just now."""
    return batch_of(intent) in _UNDER_WAY


def name_themselves(parts: Parts, resource: str) -> bool:
    """Tell whether the machines of a resource name themselves, so that one call may launch several."""
    asked = getattr(parts.render, "names_itself", None)
    return asked is not None and _most(parts, resource) > 0 and bool(asked(resource))


def launch(scene: Scene) -> str:
    """Ask the cloud with one call for the node and those that wait for the same. Raises CloudError, JournalError."""
    members = _gather(scene)
    return _launch(scene, members) if members else "it is wanted no more"


def repeat(scene: Scene) -> str:
    """Ask again for the batch of a node whose answer was lost, in the same words. Raises CloudError, JournalError."""
    batch, count = batch_of(scene.node.intent), count_of(scene.node.intent)
    members = [record for record in scene.ledger.memory.nodes.values() if batch_of(record.intent) == batch]
    members.sort(key=lambda record: number_of(record.intent))
    if len(members) != count:
        # The answer would hold machines of nodes that are gone: only the listings can tell now what became of this one.
        raise CloudError(f"{count - len(members)} nodes of its launch are gone; its machine is awaited in the listing", Refusal.FAILED, certain=False)
    others = [record for record in members if record.name != scene.node.name]
    scene.ledger.commit(lambda memory: _count_try(memory, others))
    return _launch(scene, members)


def let_in(scene: Scene, records: Iterable[NodeRecord]) -> None:
    """Let the minions in whose machines have named themselves; again is harmless. Raises JournalError."""
    for record in records:
        order = scene.ledger.order(record.name) if record.minion else None
        if order is not None:
            scene.parts.minions.expect(record.minion, order.token, record.resource)


def _count_try(memory: Memory, members: Sequence[NodeRecord]) -> Memory:
    """Return the memory with one more try of each: its machine may be made only now."""
    known = [memory.nodes[record.name] for record in members if record.name in memory.nodes]
    return memory.with_nodes([replace(record, tries=record.tries + 1) for record in known])


# -- inside -----------------------------------------------------------------------------------------------------------


def _most(parts: Parts, resource: str) -> int:
    return int(getattr(parts.clouds[resource], "most_at_once", 0))


def _gather(scene: Scene) -> list[NodeRecord]:
    """Choose the nodes of one call, the scene's own first; write down that they were asked for together, and what the call leaves out.

    While the resource is held back a single machine is tried.
    """
    now, chosen = scene.parts.clock.now(), []

    def choose(memory: Memory) -> Memory:
        known = memory.resource(scene.node.resource)
        beyond = find_beyond_maximum(scene.snapshot, scene.parts.settings, memory)
        chosen[:] = _members(memory, scene.node, _most(scene.parts, scene.node.resource) if known.backoff is None else 1, beyond)
        intents = members_of(new_batch(len(chosen)), [record.name for record in chosen])
        avoid = refusals.avoided(known, now)
        chosen[:] = [
            replace(record, intent=intents[record.name], tried_at=record.tried_at or now, tries=max(record.tries, 1), avoid=avoid) for record in chosen
        ]
        return memory.with_nodes(chosen).with_resource(scene.node.resource, refusals.begin_probe(known, now))

    scene.ledger.commit(choose, durable=True)
    return chosen


def _members(memory: Memory, first: NodeRecord, most: int, beyond: Container[str]) -> list[NodeRecord]:
    """Return the first node and those that wait for the same call; none that the cloud may have heard of alone, or that is too many by now."""
    own = memory.nodes.get(first.name)
    if own is None:
        return []
    waiting = [
        record
        for record in memory.nodes.values()
        if record.resource == first.resource
        and record.phase is Phase.ASKED
        and not record.tried_at
        and not record.leaving_for
        and record.name != first.name
        and record.name not in beyond
    ]
    waiting.sort(key=lambda record: (record.asked_at, record.name))
    return [own, *waiting[: most - 1]]


def _launch(scene: Scene, members: Sequence[NodeRecord]) -> str:
    batch = batch_of(members[0].intent)
    with _under_way(batch):
        try:
            instances = _ask(scene, batch, members)
        except CloudError as error:
            if error.certain and not scene.node.tried_at:
                _drop(scene, [record.name for record in members if record.name != scene.node.name], error)
            raise
        return _bear(scene, members, instances)


def _ask(scene: Scene, batch: str, members: Sequence[NodeRecord]) -> tuple[Instance, ...]:
    token, first = _share_token(scene, members), members[0]
    try:
        user_data = scene.parts.render.shared(first, token)
    except ConfigurationError as error:
        setting = error.faults[0].path if error.faults else ""
        raise CloudError(str(error), Refusal.BAD_REQUEST, setting=setting) from error
    order = BatchOrder(batch, count_of(first.intent), user_data, first.asked_at, first.avoid)
    scene.parts.fence()  # after all that was written down for the one who may go on with it
    cloud: Any = scene.cloud
    instances: tuple[Instance, ...] = cloud.launch_many(order)
    return instances


def _share_token(scene: Scene, members: Sequence[NodeRecord]) -> str:
    """Return the secret of the call, written down for each node before anybody hears of it.

    Secrets that differ are of earlier calls that were refused: this one was not made yet, for by then they are the same. Of a node
    that serves already it is forgotten.
    """
    kept = {record.name: scene.ledger.order(record.name) for record in members}
    known = {order.token for order in kept.values() if order is not None and order.user_data is None}
    token = known.pop() if len(known) == 1 else secrets.token_urlsafe(24)
    for record in members:
        order = Order(record.name, token)
        if kept[record.name] != order and not record.instance_id:
            scene.ledger.commit(lambda memory: memory, order=order, durable=True)
    return token


def _bear(scene: Scene, members: Sequence[NodeRecord], instances: tuple[Instance, ...]) -> str:
    """Give each node a machine of the answer, unless a listing did; those for which there is none are given up."""
    now, resource = scene.parts.clock.now(), scene.node.resource
    born: list[NodeRecord] = []

    def bear(memory: Memory) -> Memory:
        given = hand_out(memory.nodes.values(), resource, instances)
        born[:] = [_born(memory.nodes[name], instance) for name, instance in given.items()]
        known = memory.resource(resource)
        for instance in instances:
            known = refusals.note_launch(known, instance, now)
        return memory.with_nodes(born).with_resource(resource, known)

    _tell(scene, *scene.ledger.update(bear))
    nodes = scene.ledger.memory.nodes
    ours = [nodes[record.name] for record in members if record.name in nodes]
    let_in(scene, ours)
    _note(scene, born, now)
    lack = CloudError(f"the cloud had {len(instances)} of {len(members)} machines", Refusal.NO_CAPACITY, alone=True)
    _drop(scene, [record.name for record in ours if not record.instance_id], lack)
    return f"{len(instances)} of {len(members)} with one call"


def _born(record: NodeRecord, instance: Instance) -> NodeRecord:
    return replace(
        record,
        phase=Phase.BOOTING if record.phase is Phase.ASKED else record.phase,
        instance_id=instance.id,
        minion=instance.name,
        address=instance.address or record.address,
        spot=instance.market == "spot",
        failed="",
    )


def _note(scene: Scene, born: Iterable[NodeRecord], now: float) -> None:
    """Write into the history which machine each node got; of the scene's own it is written by who asked for the launch."""
    entries = [
        Entry(now, "action", f"launch: {record.cause} ({record.minion}, {record.instance_id})", record.resource, record.name, {"act": "launch", "ok": True})
        for record in born
        if record.name != scene.node.name
    ]
    scene.ledger.update(lambda memory: memory, entries=entries)


def _drop(scene: Scene, names: Sequence[str], error: CloudError) -> None:
    """Take nodes back that the cloud has surely not launched; first of all their resource is held back, for that decides what becomes of them."""
    resource, now = scene.node.resource, scene.parts.clock.now()
    if not names:
        return

    def drop(memory: Memory) -> Memory:
        if not error.alone:
            chance = random.Random(f"{resource} {now}")
            memory = refusals.remember(memory, resource, error, scene.parts.settings, now, chance)
        for name in names:
            memory = refusals.take_back(memory, name, error)
        return memory

    _tell(scene, *scene.ledger.update(drop))


def _tell(scene: Scene, before: Memory, after: Memory) -> None:
    for event in announce.events(scene.parts.settings.name, before, after):
        scene.parts.announcer.fire(event)


@contextmanager
def _under_way(batch: str) -> Iterator[None]:
    with _LOCK:
        _UNDER_WAY.add(batch)
    try:
        yield
    finally:
        with _LOCK:
            _UNDER_WAY.discard(batch)
