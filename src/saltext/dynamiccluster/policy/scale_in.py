"""Which nodes go because nobody needs them, and why every other one stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ..model import HoldBy, InstanceState, NodeRecord, Phase, ResourceFlag, WorkerNode
from . import reasons
from .billing import kept_as_paid, shorten
from .bins import is_stalled
from .economy import name_spare
from .lifecycle import LIFT
from .limits import batch_problem, cloud_problem, counts_for_minimum
from .placement import FOR_JOBS, Allocation
from .world import COMING, World


@dataclass(frozen=True, slots=True)
class Going:
    """A node, by its record's name, that is to go; `reason` is one of policy.reasons."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class ScaleIn:
    """Who goes, oldest idle first, and for every other node of ours why it stays and when it may go."""

    going: tuple[Going, ...] = ()
    stays: Mapping[str, str] = field(default_factory=dict)


def scale_in(world: World, allocation: Allocation) -> ScaleIn:
    """Return the idle nodes that go. A node goes only when everything about it is known and says that nobody will miss it."""
    ours = [(node, node.record) for node in world.nodes if node.record is not None]
    untouched = {name: _why_resource_untouched(world, name) for name in {record.resource for _, record in ours}}
    stays = {record.name: _why_it_stays(world, allocation, untouched, node, record) for node, record in ours}
    unneeded = sorted((record for _, record in ours if not stays[record.name]), key=_oldest_idle_first)
    return _keep_minimum(world, unneeded, stays) if unneeded else ScaleIn((), stays)


def _keep_minimum(world: World, unneeded: list[NodeRecord], stays: dict[str, str]) -> ScaleIn:
    """Let nodes that nobody needs go, in this order, as far as the minimum of their resource allows."""
    counting = {node.record.name for node in world.nodes if node.record and counts_for_minimum(world, node)}
    spare = _spare(world, counting)
    going: list[Going] = []
    for record in unneeded:
        if record.name in counting and spare[record.resource] <= 0:
            stays[record.name] = f"kept: minimum {_minimum(world, record.resource)} of {record.resource}"
        else:
            spare[record.resource] -= record.name in counting
            del stays[record.name]
            going.append(Going(record.name, reasons.IDLE if record.phase is Phase.SERVING else reasons.CANCELLED))
    return ScaleIn(tuple(going), stays)


def _oldest_idle_first(record: NodeRecord) -> tuple[float, str]:
    return (record.idle_since or float("inf"), record.name)


def _minimum(world: World, resource: str) -> int:
    settings = world.settings.cloud.get(resource)
    return settings.quantity.min if settings else 0


def _spare(world: World, counting: Collection[str]) -> Counter[str]:
    """Return how many nodes each resource has above its minimum; `counting` are the records' names of those that count for it."""
    kept = Counter(world.memory.nodes[name].resource for name in counting)
    names = {*world.settings.cloud, *(record.resource for record in world.memory.nodes.values())}
    return Counter({name: kept[name] - _minimum(world, name) for name in names})


def _why_it_stays(world: World, allocation: Allocation, untouched: Mapping[str, str], node: WorkerNode, record: NodeRecord) -> str:
    """Return why a node stays whatever the minimum says, "" when it may go. `untouched`: why nothing is decided in a resource."""
    if node.steady:
        return untouched[record.resource] or _why_in_use(world, allocation, node, record)
    if record.leaving_for or record.phase in (Phase.DRAINING, Phase.LEAVING, Phase.DESTROYING):
        return f"it is on its way out: {record.leaving_for or reasons.GONE}"
    if record.phase in COMING:
        return _why_it_comes(world, allocation, record)
    return _why_held(node, record) or untouched[record.resource] or _why_in_use(world, allocation, node, record)


def _why_it_comes(world: World, allocation: Allocation, record: NodeRecord) -> str:
    """An order that the cloud refuses for now is given up when other nodes took over its jobs; anything else arrives first."""
    given_up = is_stalled(world, record) and record.cause.startswith(FOR_JOBS) and record.name not in allocation.counted
    if given_up and world.auto and not batch_problem(world) and world.flag(record.resource) is ResourceFlag.NORMAL:
        return ""
    counts = _counting(allocation, record.name)
    return f"it is on its way ({record.phase.value} for {world.now - record.asked_at:.0f} s)" + (f"; {counts}" if counts else "")


def _why_held(node: WorkerNode, record: NodeRecord) -> str:
    if record.held_for:
        return f"held: {record.held_for}"
    return "held in the batch system by an administrator" if node.host is not None and node.host.hold is HoldBy.ADMINISTRATOR else ""


def _why_resource_untouched(world: World, resource: str) -> str:
    """Return why nothing may be decided on nodes of this resource now."""
    if resource not in world.settings.cloud:
        return f"{resource} is not in the settings any more"
    if world.flag(resource) is not ResourceFlag.NORMAL:
        return f"{resource} is {world.flag(resource).name.lower()}"
    problem = batch_problem(world) or cloud_problem(world, resource)
    if problem:
        return problem
    return "" if world.auto else "the automatic mode is off"


def _why_in_use(world: World, allocation: Allocation, node: WorkerNode, record: NodeRecord) -> str:
    """Return why a serving node of a resource in its normal state stays."""
    host, general = node.host, world.settings.dynamic_cluster
    if host is None or host.up is False or host.error:
        return _why_down(world, node, record) or f"it goes: {reasons.DOWN}"
    if host.up is None:
        return "whether it is up is not known now"
    if host.busy:
        return f"busy with {len(host.jobs)} job{'s' if len(host.jobs) != 1 else ''}"
    if not record.idle_since or host.hold is HoldBy.US:
        return "it was just let in"
    idle, limit = world.now - record.idle_since, world.idle_limits.get(record.resource, general.max_idle_time)
    if record.resource in world.tariffs:
        limit = shorten(limit, world, record)
    if idle < limit:
        counts = _counting(allocation, record.name)
        return f"idle {idle:.0f} s of {limit:.0f} s" + (f"; {counts}" if counts else "")
    if record.name in allocation.needed or (record.name in allocation.hoped and idle < limit + general.max_launch_time):
        return _counting(allocation, record.name)
    if record.name in allocation.spare:
        return f"kept as a spare node ({name_spare(world)})"
    age = world.now - record.asked_at
    if age < general.minimum_node_life:
        return f"idle, but {age:.0f} s old and minimum_node_life is {general.minimum_node_life:.0f} s"
    left = kept_as_paid(world, record) if record.resource in world.tariffs else 0.0
    return f"idle, but paid for {left:.0f} s more" if left else ""


def _counting(allocation: Allocation, name: str) -> str:
    job = allocation.counted.get(name)
    return f"job {job} counts on it" if job else ""


# -- nodes that are down --------------------------------------------------------------------------------------------


def down_too_long(world: World) -> tuple[Going, ...]:
    """Return the nodes that the batch system has called down for max_down_time while their machine may run.

    One that lists jobs stays, unless the settings say destroy_down_nodes_with_jobs. The automatic mode has no part in this: it is the
    clearing away of what failed.
    """
    restless = [(node, node.record) for node in world.nodes if node.record is not None and not node.steady]
    return tuple(Going(name, reasons.DOWN) for name in sorted(record.name for node, record in restless if not _why_down(world, node, record)))


def _why_down(world: World, node: WorkerNode, record: NodeRecord) -> str:
    """Return why a node that is down stays, "" when it goes."""
    host, general = node.host, world.settings.dynamic_cluster
    if record.phase is not Phase.SERVING or record.leaving_for or not record.down_since:
        return "it is not down"
    if host is not None and host.up is None:
        return "whether it is up is not known now"
    if untouched := _why_down_is_untouched(world, node, record):
        return untouched
    trouble = host.error if host and host.error else "down" if host else "missing in the batch system"
    down = world.down_for(record)
    if down < general.max_down_time:
        return f"{trouble}, {down:.0f} s of {general.max_down_time:.0f} s"
    if host is not None and host.busy and not general.destroy_down_nodes_with_jobs:
        jobs = ", ".join(host.jobs[:4]) or "jobs"
        return f"{trouble} for {down:.0f} s, but it lists {jobs}: not ended without destroy_down_nodes_with_jobs or a forced remove"
    return ""


def _why_down_is_untouched(world: World, node: WorkerNode, record: NodeRecord) -> str:
    if record.held_for not in ("", LIFT) or (node.host is not None and node.host.hold is HoldBy.ADMINISTRATOR):
        return "down, and held by an administrator"
    if record.resource not in world.settings.cloud:
        return f"{record.resource} is not in the settings any more"
    if world.flag(record.resource) is ResourceFlag.FROZEN:
        return f"{record.resource} is frozen"
    problem = batch_problem(world) or cloud_problem(world, record.resource)
    if problem:
        return problem
    ended = node.instance is not None and node.instance.state in (InstanceState.INEXISTENT, InstanceState.DELETING)
    return "its machine is being ended already" if ended else ""
