"""The decision: one pure function from what is seen, wanted and remembered to what to do, and why.

The loop, the dry run (`plan`), `explain`, the simulator and the property tests all call `decide`, so that no explanation can drift from
what is done.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import repeat
from operator import attrgetter

from ..calm import undisturbed
from ..model import Phase, ResourceFlag
from ..settings import Settings
from ..snapshot import Snapshot
from .breaker import count_failures
from .economy import keep_spare, note_wave
from .lessons import learn
from .lifecycle import next_step
from .memory import Memory
from .nodes import combine, find_instances
from .notices import heed
from .placement import Allocation, Order, allocate
from .plan import Act, Action, Plan
from .scale_in import ScaleIn, down_too_long, scale_in
from .track import track
from .view import look_at
from .world import World


_ORDER, _REASON = Act.ORDER, attrgetter("reason")  # for each new node (see nodes.py)
_NEW_ACTION = partial(tuple.__new__, Action)  # there may be ten thousands of them: made at once, they take half as long


def decide(snapshot: Snapshot, settings: Settings, memory: Memory, now: float) -> Plan:
    """Return what to do now. Never raises for anything that a snapshot or a memory can hold."""
    with undisturbed():
        return _decide(snapshot, settings, memory, now)


def _decide(snapshot: Snapshot, settings: Settings, memory: Memory, now: float) -> Plan:
    before = memory
    world = _see(snapshot, settings, track(snapshot, settings, memory, now), now)
    world = _see_again(world, heed(world))
    allocation = keep_spare(world, allocate(world))
    idle = scale_in(world, allocation)
    world = _see_again(world, _mark(world, allocation, idle))
    memory, actions = _step_all(world)
    memory = count_failures(before, memory, now)
    orders = _due(world, allocation)
    memory = learn(memory, before, world, allocation, idle.going, orders)
    memory = note_wave(memory, world)
    memory = _note_orders(memory, orders, now)
    actions += [*_adoptions(world), *_as_actions(orders)]
    return Plan(
        memory=memory,
        actions=tuple(actions),
        fates=allocation.fates,
        nodes=_see_again(world, memory).nodes,
        stays=idle.stays,
        blocked={**allocation.blocked, **_forsaken(world)},
    )


def _see(snapshot: Snapshot, settings: Settings, memory: Memory, now: float) -> World:
    return World(snapshot, settings, memory, now, combine(snapshot, settings, memory, now))


def _see_again(world: World, memory: Memory) -> World:
    """Return the world as it is with another memory."""
    if memory.nodes is world.memory.nodes:
        return replace(world, memory=memory)
    return replace(world, memory=memory, nodes=combine(world.snapshot, world.settings, memory, world.now, world.nodes))


# -- nodes that change their course ---------------------------------------------------------------------------------


def _mark(world: World, allocation: Allocation, idle: ScaleIn) -> Memory:
    """Write into the records who is to go and who is wanted back; the node's own steps carry it out."""
    leaving = (*idle.going, *down_too_long(world))
    if not leaving and not allocation.unhold:
        return world.memory
    nodes = dict(world.memory.nodes)
    for name in allocation.unhold:
        nodes[name] = replace(nodes[name], phase=Phase.SERVING, leaving_for="", empty_seen=0)
    for going in leaving:
        if going.name not in allocation.unhold:
            nodes[going.name] = replace(nodes[going.name], leaving_for=going.reason)
    return replace(world.memory, nodes=nodes)


def _step_all(world: World) -> tuple[Memory, list[Action]]:
    """Take every node's next step, in the order of their names."""
    instances = find_instances(world.snapshot)
    drained = {name for name in world.settings.cloud if world.flag(name) is ResourceFlag.DRAINING}
    records = world.memory.nodes
    settled = {node.record.name for node in world.nodes if node.steady and node.record is not None and node.resource not in drained}
    steps = {name: next_step(look_at(world, records[name], instances)) for name in sorted(records.keys() - settled)}
    changed = {name: step.record for name, step in steps.items() if step.record is not records[name]}
    memory = replace(world.memory, nodes={**records, **changed}) if changed else world.memory
    return memory, [action for step in steps.values() for action in step.actions]


# -- new nodes ------------------------------------------------------------------------------------------------------


def _due(world: World, allocation: Allocation) -> tuple[Order, ...]:
    """Return the orders to give now. Those for jobs wait for the interval and for a quiet queue; refills and manual ones do not."""
    if _time_to_grow(world):
        return tuple(allocation.orders)
    return tuple(order for order in allocation.orders if not order.jobs)


def _time_to_grow(world: World) -> bool:
    general = world.settings.dynamic_cluster
    memory, now = world.memory, world.now
    if memory.planned_at and now - memory.planned_at < general.auto_provision_interval:
        return False
    quiet = now - memory.queue_since >= general.batch_window.quiet
    return quiet or now - memory.queue_dirty_since >= general.batch_window.most


def _note_orders(memory: Memory, orders: tuple[Order, ...], now: float) -> Memory:
    """Remember that it was planned for the queue as it is; an administrator's wishes are used up by their orders."""
    if any(order.jobs for order in orders):
        memory = replace(memory, planned_at=now, queue_dirty_since=0.0)
    for resource, count in Counter(order.resource for order in orders if order.manual).items():
        known = memory.resource(resource)
        memory = memory.with_resource(resource, replace(known, wanted=max(known.wanted - count, 0)))
    return memory


def _as_actions(orders: tuple[Order, ...]) -> list[Action]:
    rows = zip(repeat(_ORDER), (order.resource for order in orders), repeat(""), map(_REASON, orders), repeat(""))
    return list(map(_NEW_ACTION, rows))


def _adoptions(world: World) -> list[Action]:
    return [
        Action(Act.ADOPT, name, reason="an administrator adopts it", detail=id_)
        for name in sorted(world.settings.cloud)
        for id_ in world.remembered(name).adopting
    ]


def _forsaken(world: World) -> dict[str, str]:
    """Return a sentence for each resource that left the settings while it still had nodes."""
    count = Counter(record.resource for record in world.memory.nodes.values() if record.resource not in world.settings.cloud)
    return {
        name: f"not in the pillar any more, but {number} of its nodes are: put it back and drain it first"
        for name, number in sorted(count.items())
    }
