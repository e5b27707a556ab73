"""How many nodes may be ordered: a resource's maximum, the limits over all resources, and what stops a resource altogether."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from ..model import HoldBy, NodeState, Phase, ResourceFlag, WorkerNode
from ..settings import Settings
from .bins import is_arriving
from .breaker import trial_under_way, tries_one
from .maximum import count_machines
from .memory import SPOT
from .packing import Budget
from .world import World

HOUR = 3600.0
_LEAVING = frozenset({Phase.DRAINING, Phase.LEAVING, Phase.DESTROYING})


@dataclass(frozen=True, slots=True)
class Count:
    """A resource's nodes. `billed`: all that the cloud has or may have; `kept`: usable ones and those on their way."""

    billed: int
    kept: int


def count_nodes(world: World) -> dict[str, Count]:
    """Count the nodes of each resource, also of those that left the settings."""
    billed = count_machines(world.snapshot, world.memory)
    kept = Counter([node.resource for node in world.nodes if node.steady or counts_for_minimum(world, node)])
    names = {*world.settings.cloud, *billed}
    return {name: Count(billed[name], kept[name]) for name in sorted(names)}


def counts_for_minimum(world: World, node: WorkerNode) -> bool:
    """Tell whether a node of ours is in service or on its way: not in error, not leaving, not held by an administrator."""
    record, host = node.record, node.host
    if node.steady:
        return True
    if record is None or record.gone or record.leaving_for or record.phase in _LEAVING:
        return False
    if is_arriving(world, node):
        return True
    if record.phase is not Phase.SERVING or record.held_for or host is None or host.error:
        return False
    if host.up is None:  # not known is not down, until it has been so for too long
        return node.state is not NodeState.ERROR
    return host.up and host.hold is HoldBy.NOBODY


def missing(world: World, resource: str, count: Count) -> int:
    """Return how many nodes a resource lacks to its minimum."""
    return max(world.settings.cloud[resource].quantity.min - count.kept, 0)


# -- what may be ordered --------------------------------------------------------------------------------------------


def budget_of(world: World, counts: dict[str, Count]) -> Budget:
    """Return what the limits over all resources still allow."""
    limits = world.settings.dynamic_cluster.limits
    nodes = math.inf if limits.max_nodes is None else limits.max_nodes - sum(count.billed for count in counts.values())
    launches = math.inf
    if limits.max_launches_per_hour is not None:
        launches = limits.max_launches_per_hour - sum(at > world.now - HOUR for at in world.memory.launches)
    money = math.inf
    if limits.max_cost_per_day is not None:
        money = limits.max_cost_per_day - spent_of_day(world) - hourly_cost(world, counts)
    return Budget(nodes, launches, money)


def spent_of_day(world: World) -> float:
    """Return what the nodes cost in the last 24 hours."""
    return sum(cost for hour, cost in world.memory.costs.items() if hour > int(world.now // HOUR) - 24)


def hourly_cost(world: World, counts: dict[str, Count]) -> float:
    """Return what all nodes that the cloud has will cost in the hour to come."""
    return sum(
        count.billed * (world.settings.cloud[name].price or 0.0) for name, count in counts.items() if name in world.settings.cloud
    )


def room_for(world: World, resource: str) -> tuple[int, str]:
    """Return how many more nodes a resource may have now, and the sentence that names the limit."""
    counts = count_nodes(world)
    budget = budget_of(world, counts)
    wanted = world.settings.cloud[resource]
    own = max(wanted.quantity.max - counts[resource].billed, 0)
    shared = budget.allows(wanted.price or 0.0)
    if own <= shared:
        return own, at_maximum(world.settings, resource)
    return shared, spent_limit(world.settings, budget, wanted.price or 0.0)


def at_maximum(settings: Settings, resource: str) -> str:
    most = settings.cloud[resource].quantity.max
    return f"{resource} is at its maximum of {most} node{'' if most == 1 else 's'}"


def spent_limit(settings: Settings, budget: Budget, price: float) -> str:
    """Return which of the limits over all resources allows least."""
    limits = settings.dynamic_cluster.limits
    affordable = budget.money // price if price > 0 and budget.money < math.inf else math.inf
    least = min((budget.nodes, 0), (budget.launches, 1), (affordable, 2))[1]
    if least == 0:
        return f"limits.max_nodes ({limits.max_nodes}) is reached"
    if least == 1:
        return f"limits.max_launches_per_hour ({limits.max_launches_per_hour}) is reached"
    return f"limits.max_cost_per_day ({limits.max_cost_per_day:g}) is nearly spent"


# -- what stops a resource ------------------------------------------------------------------------------------------


def blocked_resources(world: World) -> dict[str, str]:
    """Return for each resource in which nothing may be launched now, whoever asks, why."""
    found = {name: _why_blocked(world, name) for name in sorted(world.settings.cloud)}
    return {name: reason for name, reason in found.items() if reason}


def batch_problem(world: World) -> str:
    """Return why nothing of the batch system is known now, "" when its last reading is good."""
    batch = world.snapshot.batch
    if batch.fresh:
        return ""
    if batch.value is None and not batch.error:
        return "the batch system has not been read yet"
    return f"the batch system could not be read: {batch.error}"


def cloud_problem(world: World, resource: str) -> str:
    """Return why nothing of a resource's cloud is known now, "" when its last listing is good."""
    reading = world.snapshot.clouds.get(resource)
    if reading is not None and reading.fresh:
        return ""
    if reading is None or not reading.error:
        return f"the cloud of {resource} has not been read yet"
    return f"the cloud of {resource} could not be read: {reading.error}"


def _why_blocked(world: World, resource: str) -> str:
    flag, backoff, offer = world.flag(resource), world.remembered(resource).backoff, world.offer(resource)
    if flag is not ResourceFlag.NORMAL:
        return f"{resource} is {flag.name.lower()}"
    if backoff is not None and backoff.until > world.now and backoff.kind != SPOT:
        return f"{resource} is tried again in {backoff.until - world.now:.0f} s ({backoff.kind}: {backoff.reason})"
    if backoff is not None and tries_one(world, resource) and trial_under_way(world, resource):
        return f"one machine tries whether {resource} works again ({backoff.reason})"
    if problem := cloud_problem(world, resource):
        return problem
    if world.shape(resource) is None:
        return f"what a node of {resource} gives is not known yet"
    if offer is None:
        return f"how a node of {resource} would join the batch system is not known yet"
    return f"a node of {resource} could not join: {offer.problem}" if offer.problem else ""
