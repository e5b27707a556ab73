"""Many nodes with one call of the cloud, where the cloud and the administrator's user-data know how.

Each node keeps a name, a one-time token and an intent of its own: the batch's intent and the node's number in it. The machines of one call share their
user-data, which holds a row for each; a machine finds its own by its number. So nothing else changes for a node of a batch: its key,
its listing and its adoption are those of any other one.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..errors import CloudError, ConfigurationError, Refusal
from ..model import BatchOrder, Instance, NodeRecord, Phase
from ..policy.maximum import find_beyond_maximum
from ..policy.memory import Memory
from .intents import batch_of, count_of, members_of, new_batch, number_of
from .journal import Entry, Order
from .refusals import take_back
from .scene import Scene

_UNDER_WAY: set[str] = set()
_LOCK = threading.Lock()


def is_under_way(intent: str) -> bool:
    """Tell whether another node's launch is asking for this one just now."""
    return batch_of(intent) in _UNDER_WAY


def gather(scene: Scene) -> tuple[NodeRecord, ...]:
    """Return the nodes that one call may launch, the scene's own first; write down that they were asked for together. () for a single one."""
    most = getattr(scene.cloud, "most_at_once", 1)
    if most < 2 or scene.node.tried_at or not _knows_many(scene):
        return ()
    now, chosen = scene.parts.clock.now(), []

    def choose(memory: Memory) -> Memory:
        beyond = find_beyond_maximum(scene.snapshot, scene.parts.settings, memory) - {scene.node.name}
        chosen[:] = [record for record in _members(memory, scene.node, most + len(beyond)) if record.name not in beyond][:most]
        if len(chosen) < 2:
            return memory
        intents = members_of(new_batch(len(chosen)), [record.name for record in chosen])
        chosen[:] = [replace(record, intent=intents[record.name], tried_at=now, tries=1) for record in chosen]
        return replace(memory, nodes={**memory.nodes, **{record.name: record for record in chosen}})

    scene.ledger.commit(choose, durable=True)
    return tuple(chosen) if len(chosen) > 1 else ()


def launch(scene: Scene, members: tuple[NodeRecord, ...]) -> str:
    """Ask the cloud for all of them with one call. Raises CloudError, JournalError."""
    batch = batch_of(members[0].intent)
    with _under_way(batch):
        try:
            instances = _ask(scene, batch, members)
        except CloudError as error:
            if error.certain and not scene.node.tried_at:
                _drop(scene, [record for record in members if record.name != scene.node.name], error)
            raise
        return _bear(scene, members, instances)


def repeat(scene: Scene) -> str:
    """Ask again for the batch of a node whose answer was lost, in the same words. Raises CloudError, JournalError."""
    batch, count = batch_of(scene.node.intent), count_of(scene.node.intent)
    members = [record for record in scene.ledger.memory.nodes.values() if batch_of(record.intent) == batch]
    members.sort(key=lambda record: number_of(record.intent))
    if len(members) != count:
        # Not the same words any more: only the listings can tell now what became of the call.
        raise CloudError(f"{count - len(members)} nodes of its launch are gone; its machine is awaited in the listing", Refusal.FAILED, certain=False)
    others = [record for record in members if record.name != scene.node.name]
    scene.ledger.commit(lambda memory: _count_try(memory, others))
    return launch(scene, tuple(members))


def _count_try(memory: Memory, members: list[NodeRecord]) -> Memory:
    """Return the memory with one more try of each: its machine may be made only now."""
    known = [memory.nodes[record.name] for record in members if record.name in memory.nodes]
    return memory.with_nodes([replace(record, tries=record.tries + 1) for record in known])


# -- inside -----------------------------------------------------------------------------------------------------------


def _knows_many(scene: Scene) -> bool:
    """Tell whether the user-data finds its row by itself, and nothing speaks for trying a single machine first."""
    many = getattr(scene.parts.render, "knows_many", None)
    if many is None or scene.ledger.memory.resource(scene.node.resource).backoff is not None:
        return False
    return scene.parts.settings.dynamic_cluster.hostname == "instance_name" and bool(many(scene.node.resource))


def _members(memory: Memory, first: NodeRecord, most: int) -> list[NodeRecord]:
    """Return the first node and those that wait for the same call; none that the cloud may have heard of alone."""
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
    ]
    waiting.sort(key=lambda record: (record.asked_at, record.name))
    return [own, *waiting[: most - 1]]


def _ask(scene: Scene, batch: str, members: tuple[NodeRecord, ...]) -> tuple[Instance, ...]:
    rows = [(record, _token(scene, record)) for record in members]
    for record, token in rows:
        scene.parts.minions.expect(record.name, token, record.resource)
    try:
        user_data = scene.parts.render.many(rows)  # type: ignore[attr-defined]
    except ConfigurationError as error:
        setting = error.faults[0].path if error.faults else ""
        raise CloudError(str(error), Refusal.BAD_REQUEST, setting=setting) from error
    order = BatchOrder(batch, tuple(record.name for record in members), user_data, members[0].asked_at)
    scene.parts.fence()  # after all that was written down for the one who may go on with it
    cloud: Any = scene.cloud
    instances: tuple[Instance, ...] = cloud.launch_many(order)
    return instances


def _token(scene: Scene, record: NodeRecord) -> str:
    """Return the node's token, written down before anybody hears of it."""
    kept = scene.ledger.order(record.name) or Order(record.name, secrets.token_urlsafe(24))
    scene.ledger.commit(lambda memory: memory, order=kept, durable=True)
    return kept.token


def _bear(scene: Scene, members: tuple[NodeRecord, ...], instances: tuple[Instance, ...]) -> str:
    """Give each node its machine; nodes for which the call had none are dropped, and their tokens, which the others could read, are void."""
    by_intent = {instance.intent: instance for instance in instances}
    now = scene.parts.clock.now()

    def bear(memory: Memory) -> Memory:
        for member in members:
            known, instance = memory.nodes.get(member.name), by_intent.get(member.intent)
            if known is not None and instance is not None:
                phase = Phase.BOOTING if known.phase is Phase.ASKED else known.phase
                born = replace(known, phase=phase, instance_id=instance.id, address=instance.address or known.address, failed="")
                memory = memory.with_node(born)
        return memory

    entries = [
        Entry(now, "action", f"launch: {record.cause} ({by_intent[record.intent].id})", record.resource, record.name, {"act": "launch", "ok": True})
        for record in members
        if record.intent in by_intent and record.name != scene.node.name
    ]
    scene.ledger.update(bear, entries=entries)
    missing = [record for record in members if record.intent not in by_intent]
    if missing:
        lack = CloudError(f"the cloud had {len(instances)} of {len(members)} machines", Refusal.NO_CAPACITY)
        _drop(scene, [record for record in missing if record.name != scene.node.name], lack)
        if any(record.name == scene.node.name for record in missing):
            raise lack
    return f"{len(instances)} of {len(members)} with one call"


def _drop(scene: Scene, members: list[NodeRecord], error: CloudError) -> None:
    """Take nodes back that the cloud has surely not launched."""
    for record in members:
        scene.parts.minions.forget(record.name)

    def drop(memory: Memory) -> Memory:
        for record in members:
            memory = take_back(memory, record.name, error)
        return memory

    scene.ledger.update(drop)


@contextmanager
def _under_way(batch: str) -> Iterator[None]:
    with _LOCK:
        _UNDER_WAY.add(batch)
    try:
        yield
    finally:
        with _LOCK:
            _UNDER_WAY.discard(batch)

