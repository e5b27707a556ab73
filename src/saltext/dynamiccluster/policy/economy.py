"""Spare nodes: a few more than the jobs of the moment need, so that the next ones wait for no boot."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from ..model import HoldBy, NodeRecord, Phase, WorkerNode
from ..settings.general import General
from .limits import budget_of, count_nodes
from .memory import Memory
from .packing import Budget
from .placement import FOR_JOBS, Allocation, Order
from .world import COMING, World

SPARE = "to keep spare nodes"
_RECENT = 600.0  # seconds
_WAVES, _PATTERN = 3, 86400.0  # so many waves of orders within so many seconds: more than a wave by itself


def keep_spare(world: World, allocation: Allocation) -> Allocation:
    """Return the allocation with spare nodes (`headroom`, `surge`): so many stay idle, or are ordered, beyond what jobs count on."""
    wanted = _wanted(world)
    if not wanted or "" in allocation.blocked:
        return allocation
    free = [node for node in world.nodes if _is_spare(world, allocation, node)]
    idle = sorted((node for node in free if node.record and node.record.phase is Phase.SERVING), key=partial(_cheapest_first, world))
    coming = len(free) - len(idle)
    kept = frozenset(node.record.name for node in idle[: max(wanted - coming, 0)] if node.record)
    orders = _order(world, allocation, wanted - len(free))
    return replace(allocation, spare=kept, orders=(*allocation.orders, *orders))


def _wanted(world: World) -> int:
    """Return how many spare nodes there should be: soon none for a cluster without jobs, so that it can shrink to its minimum."""
    general = world.settings.dynamic_cluster
    if not general.headroom and not general.surge:
        return 0
    busy = sum(1 for node in world.nodes if node.record is not None and node.host is not None and node.host.busy)
    recent = sum(1 for record in world.memory.nodes.values() if _is_recent(world, record)) if _expects_more(world) else 0
    return math.ceil(general.headroom * busy + general.surge * math.sqrt(recent))


def note_wave(memory: Memory, world: World) -> Memory:
    """Return the memory with the wave that begins now: nodes that jobs asked for have come into service, the first ones in ten minutes."""
    if not world.settings.dynamic_cluster.surge:
        return memory
    past = tuple(at for at in memory.waves if at <= world.now)
    since = max([world.now - _RECENT, *(at + _RECENT for at in past[-1:])])
    came = [known.ready_at for known in memory.nodes.values() if since <= known.ready_at <= world.now and known.cause.startswith(FOR_JOBS)]
    waves = (*past, max(came))[-_WAVES:] if came else past
    return memory if waves == memory.waves else replace(memory, waves=waves)


def _expects_more(world: World) -> bool:
    """Tell whether who has just ordered nodes may soon order more: where load came in waves before, not for the first jobs of all."""
    waves = world.memory.waves
    return bool(world.settings.dynamic_cluster.surge) and len(waves) >= _WAVES and 0 <= world.now - waves[0] < _PATTERN


def recent_time(general: General) -> float:
    """Return for how many seconds after an order spare nodes are kept for what may follow."""
    return min(general.max_idle_time, _RECENT)


def _is_recent(world: World, record: NodeRecord) -> bool:
    """Tell whether a node was ordered for jobs so lately that more of them may follow."""
    age = world.now - record.asked_at
    return 0 <= age < recent_time(world.settings.dynamic_cluster) and not record.leaving_for and record.cause.startswith(FOR_JOBS)


def name_spare(world: World) -> str:
    """Return which settings make nodes spare now, as in "headroom 0.1, surge 0.5"."""
    general = world.settings.dynamic_cluster
    rules = (("headroom", general.headroom), ("surge", general.surge if _expects_more(world) else 0.0))
    return ", ".join(f"{name} {value:g}" for name, value in rules if value)


def _is_spare(world: World, allocation: Allocation, node: WorkerNode) -> bool:
    record, host = node.record, node.host
    if record is None or record.leaving_for or record.held_for or record.name in allocation.counted or record.resource not in world.settings.cloud:
        return False
    if record.phase in COMING:
        return True
    return record.phase is Phase.SERVING and host is not None and host.up is True and not host.busy and host.hold is HoldBy.NOBODY


def _cheapest_first(world: World, node: WorkerNode) -> tuple[float, float, str]:
    """Return what idle nodes are ordered by: those of the dearest resource go first, then those that have been idle longest."""
    assert node.record is not None
    return (world.settings.cloud[node.record.resource].price or 0.0, -node.record.idle_since, node.record.name)


def _order(world: World, allocation: Allocation, lacking: int) -> list[Order]:
    """Order spare nodes where nothing is in the way, in the order of priority and price, within every limit."""
    orders: list[Order] = []
    counts = count_nodes(world)
    budget = budget_of(world, dict(counts))
    cloud = world.settings.cloud
    for name in sorted(cloud, key=lambda name: (cloud[name].priority, cloud[name].price or 0.0, name)):
        if name in allocation.blocked or world.remembered(name).backoff is not None:
            continue
        given = [*allocation.orders, *orders]
        own = world.settings.cloud[name].quantity.max - counts[name].billed - sum(order.resource == name for order in given)
        room = min(own, _left(world, budget, given).allows(world.settings.cloud[name].price or 0.0), lacking - len(orders))
        orders += [Order(name, f"{SPARE} ({name_spare(world)})")] * max(room, 0)
    return orders


def _left(world: World, budget: Budget, given: list[Order]) -> Budget:
    """Return what the limits over all resources allow after these orders."""
    cost = sum(world.settings.cloud[order.resource].price or 0.0 for order in given)
    return Budget(budget.nodes - len(given), budget.launches - len(given), budget.money - cost)
