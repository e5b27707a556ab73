"""The supply: what the nodes that exist or are on their way can still take, nodes that are alike in one group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from ..model import HoldBy, Host, Job, JobState, NodeRecord, NodeState, Offer, Phase, Reservation, ResourceFlag, Shape, WorkerNode
from . import reasons
from .demand import Asked, round_memory
from .lifecycle import LIFT
from .matching import UNKNOWN, Free, Kind
from .memory import SPOT
from .world import COMING, World

SYSTEM_MEMORY = 0.05  # share of its memory that a node which has just booted uses itself, until one is there to look at


class Stage(IntEnum):
    """How soon a node is there: jobs are placed on lower stages first."""

    __hash__ = int.__hash__  # an enumeration's own one is slow, and stages are parts of many keys

    BUSY = 0
    IDLE = 1
    HELD = 2  # held by us because it was idle: it can be let in again at once
    ARRIVING = 3
    DOUBT = 4  # nobody knows whether it is up: neither supply nor replaced
    DOUBT_PHYSICAL = 5
    NEW = 6
    STALLED = 7  # ordered, and the cloud refuses it for now: only for jobs that nothing else can serve


# what is looked at for each node has names of its own (see nodes.py)
_BUSY, _IDLE, _NODE_BUSY, _NOBODY = Stage.BUSY, Stage.IDLE, NodeState.BUSY, HoldBy.NOBODY
_ON_HOSTS = (JobState.RUNNING, JobState.SUSPENDED)


class Spot(NamedTuple):
    """A node by its record's name (or its host name, without a record), and as people know it."""

    name: str
    label: str


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Nodes that are alike in all that is asked for."""

    stage: Stage
    kind: Kind
    free: Free
    spots: tuple[Spot, ...]


class Kinds:
    """Makes kinds, each once, with only those traits that any request looks at."""

    def __init__(self, asked: Asked, reserves: bool) -> None:
        self.asked = asked
        self._reserves = reserves
        self._features = sorted(asked.features)
        self._made: dict[tuple[object, ...], Kind] = {}
        self._of_host: dict[int, tuple[Host, Kind]] = {}
        self._spare: dict[str, int] = {}

    def of_host(self, host: Host) -> Kind:
        """Return the kind of an existing host."""
        known = self._of_host.get(id(host))
        if known is None:
            known = self._of_host[id(host)] = (host, self._look_at(host))
        return known[1]

    def _look_at(self, host: Host) -> Kind:
        spare = host.free_memory_mb if host.free_memory_mb is not None else UNKNOWN
        names = tuple([queue.name for queue in host.queues])
        return self._make(names, host.groups, host.properties, host.features, host.reservation, "", spare)

    def of_offer(self, offer: Offer, reservation: Reservation, spare: int, *, new: bool) -> Kind:
        """Return the kind of a node that does not exist yet (`new`: that nobody ordered yet)."""
        enforced = Reservation(reservation.queue, reservation.account) if self._reserves else Reservation()
        only_for = reservation.property if new and self._reserves else ""
        return self._make(tuple(sorted(offer.queues)), offer.groups, offer.properties, offer.features, enforced, only_for, spare)

    def spare_memory(self, world: World, resource: str, shape: Shape) -> int:
        """Return how much memory will be free on a new node (see find_spare_memory), looked up once for each resource if anybody asks for it."""
        if not self.asked.memory_a_node:
            return UNKNOWN
        if resource not in self._spare:
            self._spare[resource] = find_spare_memory(world, resource, shape)
        return self._spare[resource]

    def _make(
        self,
        queues: tuple[str, ...],
        groups: frozenset[str],
        properties: frozenset[str],
        features: Mapping[str, str],
        reservation: Reservation,
        only_for: str,
        spare: int,
    ) -> Kind:
        asked = self.asked
        if spare != UNKNOWN:
            spare = min(spare, asked.memory_a_node) if asked.memory_a_node else UNKNOWN
        key = (
            queues,
            groups if asked.groups else frozenset(),
            properties & asked.properties if asked.properties else asked.properties,
            tuple([(name, features[name]) for name in self._features if name in features]) if self._features else (),
            reservation.queue,
            reservation.account,
            only_for,
            spare,
        )
        kind = self._made.get(key)
        if kind is None:
            kind = self._made[key] = Kind(*key[:4], Reservation(reservation.queue, reservation.account), only_for, spare)  # type: ignore[arg-type]
        return kind


def reserves_nodes(world: World) -> bool:
    """Tell whether the scheduler keeps reserved nodes for their account, queue or property. Grid Engine's host groups do not."""
    return world.settings.cluster.type != "sge"


# -- what is free ---------------------------------------------------------------------------------------------------


def free_of_shape(shape: Shape, queues: int, asked: Asked) -> Free:
    """Return what is free on a node that runs nothing: its cores, however many queues share them."""
    memory = round_memory(asked, shape.memory_mb or UNKNOWN, shape.cores)
    return Free((shape.cores,) * queues, shape.cores, memory, shape.gpus if asked.gpus else 0, True)


def free_of_host(host: Host, shape: Shape | None, used: tuple[int, int], asked: Asked, *, emptied: bool = False) -> Free:
    """Return what is free on a host; `used` is (MiB, GPUs) of its running jobs. `emptied`: as if it ran nothing."""
    slots = tuple([queue.slots for queue in host.queues]) if emptied else _open_slots(host)
    cores, busy = sum(slots), not emptied and host.busy
    shape = host.reported or shape or _NO_SHAPE
    memory_used, gpus_used = (0, 0) if emptied else used
    memory = shape.memory_mb - memory_used if shape.memory_mb else UNKNOWN
    if busy and host.free_memory_mb is not None:
        memory = host.free_memory_mb if memory == UNKNOWN else min(memory, host.free_memory_mb)
    gpus = max(shape.gpus - gpus_used, 0) if asked.gpus else 0
    return Free(slots, cores, round_memory(asked, memory, cores), gpus, not busy)


_NO_SHAPE = Shape(0)


def _open_slots(host: Host) -> tuple[int, ...]:
    """Return the free slots of each of the host's queues."""
    if host.exclusive:
        return (0,) * len(host.queues)
    held = host.hold is not _NOBODY  # our own hold disables every queue; it will be lifted
    return tuple([queue.slots - queue.used if queue.used < queue.slots and (queue.usable or held) else 0 for queue in host.queues])


def count_used(jobs: Iterable[Job], asked: Asked) -> dict[str, tuple[int, int]]:
    """Return (MiB, GPUs) that the running jobs asked for, by host; {} when no pending job asks for either."""
    used: dict[str, tuple[int, int]] = {}
    if not asked.memory_step and not asked.gpus:
        return used
    for job in jobs:
        if not job.hosts or job.state not in _ON_HOSTS:
            continue
        memory = sum(chunk.count * chunk.memory_mb for chunk in job.request.chunks)
        gpus = sum(chunk.count * chunk.gpus for chunk in job.request.chunks)
        for host in set(job.hosts):
            known = used.get(host, (0, 0))
            share = len(set(job.hosts))
            used[host] = (known[0] + -(-memory // share), known[1] + -(-gpus // share))
    return used


# -- the groups -----------------------------------------------------------------------------------------------------


def build_groups(world: World, kinds: Kinds) -> tuple[Group, ...]:
    """Return all supply that exists or is on its way, in the order in which it is to be used up."""
    asked = kinds.asked
    used = count_used(world.other_jobs, asked)
    together: dict[tuple[Stage, int, Free], list[tuple[tuple[object, ...], Spot]]] = {}
    by_id: dict[int, Kind] = {}
    for stage, kind, free, order, spot in _bins(world, kinds, used):
        if not free.used_up:
            by_id[id(kind)] = kind
            together.setdefault((stage, id(kind), free), []).append((order, spot))
    found = [(key, sorted(members)) for key, members in together.items()]
    found.sort(key=lambda item: (item[0][0], item[0][2].cores, item[1][0]))
    return tuple(
        Group(stage, by_id[kind], free, tuple(spot for _, spot in members)) for (stage, kind, free), members in found
    )


_Bin = tuple[Stage, Kind, Free, tuple[object, ...], Spot]


def _bins(world: World, kinds: Kinds, used: dict[str, tuple[int, int]]) -> Iterator[_Bin]:
    shapes = {name: world.shape(name) for name in world.settings.cloud}
    for node in world.nodes:
        spot = Spot(node.record.name if node.record else node.hostname, node.hostname)
        if not node.steady and is_arriving(world, node):
            yield from _arriving(world, kinds, node, spot)
            continue
        stage = stage_of(world, node)
        if stage is None or node.host is None:
            continue
        free = free_of_host(node.host, shapes.get(node.resource), used.get(node.host.name, (0, 0)), kinds.asked)
        if not free.cores:  # as most are while jobs wait: what else they are makes no difference
            continue
        idle_since = node.record.idle_since if node.record else 0.0
        yield stage, kinds.of_host(node.host), free, (-idle_since, spot.name), spot


def stage_of(world: World, node: WorkerNode) -> Stage | None:
    """Return where a registered host stands as supply, None when it can take no job."""
    host, record = node.host, node.record
    if node.steady:
        return _BUSY if node.state is _NODE_BUSY else _IDLE
    if host is None or host.error or (record is not None and (record.gone or record.held_for)):
        return None
    if is_recallable(world, node):
        return Stage.HELD
    if host.hold is not HoldBy.NOBODY or (record is not None and (record.phase is not Phase.SERVING or record.leaving_for)):
        return None
    if host.up is None:
        return _doubt(world, node)
    if not host.up:
        return None
    return _BUSY if host.busy else _IDLE


def _doubt(world: World, node: WorkerNode) -> Stage | None:
    """Return the stage of a host of which nobody knows whether it is up: our own counts as long as it may come back."""
    if node.record is None:
        return Stage.DOUBT_PHYSICAL
    return Stage.DOUBT if world.down_for(node.record) < world.settings.dynamic_cluster.max_down_time else None


def is_recallable(world: World, node: WorkerNode) -> bool:
    """Tell whether a node is only held because it was idle, so that a job may have it back at once."""
    host, record = node.host, node.record
    return (
        record is not None
        and record.phase is Phase.DRAINING
        and record.leaving_for == reasons.IDLE
        and not record.gone
        and not record.held_for
        and host is not None
        and host.up is True
        and not host.error
        and host.hold is not HoldBy.ADMINISTRATOR
        and world.flag(node.resource) in (ResourceFlag.NORMAL, ResourceFlag.FROZEN)
    )


def is_arriving(world: World, node: WorkerNode) -> bool:
    """Tell whether a node of ours is on its way into service (or was just let in, which the last reading does not show yet)."""
    record = node.record
    if node.steady or record is None or record.gone or record.leaving_for or record.held_for not in ("", LIFT):
        return False
    if record.resource not in world.settings.cloud or world.flag(record.resource) in (ResourceFlag.DRAINING, ResourceFlag.DRAINED):
        return False
    if record.phase is Phase.SERVING:
        return node.host is not None and not node.host.error and (node.host.hold is HoldBy.US or record.held_for == LIFT)
    if node.host is not None and node.host.hold is HoldBy.ADMINISTRATOR:
        return False
    limit = world.settings.dynamic_cluster.max_launch_time
    return record.phase in COMING and (world.now - record.asked_at <= limit or world.flag(record.resource) is ResourceFlag.FROZEN)


def is_stalled(world: World, record: NodeRecord) -> bool:
    """Tell whether an ordered node, unknown to the cloud, waits for its resource's backoff: its jobs may go elsewhere meanwhile.

    While spot machines are still tried for, they may not.
    """
    backoff = world.remembered(record.resource).backoff
    if backoff is None or backoff.kind == SPOT:
        return False
    return record.phase is Phase.ASKED and not record.tried_at and backoff.until > world.now


def _arriving(world: World, kinds: Kinds, node: WorkerNode, spot: Spot) -> Iterator[_Bin]:
    """Yield what a node on its way will be, as far as the cloud and the batch system have told."""
    record = node.record
    shape, offer = world.shape(node.resource), world.offer(node.resource)
    if record is None or shape is None or offer is None or offer.problem:
        return
    shape = _real_shape(world, node) or shape
    spare = kinds.spare_memory(world, node.resource, shape)
    kind = kinds.of_offer(offer, world.settings.cloud[node.resource].reservation, spare, new=False)
    free = free_of_shape(shape, len(kind.queues), kinds.asked)
    if record.phase is Phase.SERVING and node.host is not None:
        kind, free = kinds.of_host(node.host), free_of_host(node.host, shape, (0, 0), kinds.asked)
    stage = Stage.STALLED if is_stalled(world, record) else Stage.ARRIVING
    yield stage, kind, free, (-list(Phase).index(record.phase), record.asked_at, spot.name), spot


def _real_shape(world: World, node: WorkerNode) -> Shape | None:
    """Return the shape of a node's own machine where it differs from what the cloud promised of the resource, else None."""
    reading = world.snapshot.clouds.get(node.resource)
    own = node.instance.shape if node.instance is not None else None
    promised = reading.value.shape if reading is not None and reading.value is not None else None
    return own if own is not None and own != promised else None


def find_spare_memory(world: World, resource: str, shape: Shape) -> int:
    """Return how much memory will be free on a new node: as on idle ones of its resource, or all but what the system takes."""
    seen = [host.free_memory_mb for host in idle_hosts(world, resource) if host.free_memory_mb is not None]
    if seen:
        return min(max(seen), shape.memory_mb) if shape.memory_mb else max(seen)
    return int(shape.memory_mb * (1 - SYSTEM_MEMORY)) if shape.memory_mb else UNKNOWN


def idle_hosts(world: World, resource: str) -> list[Host]:
    """Return the resource's hosts that are up and run nothing: what they are, a new one will be."""
    return [
        node.host
        for node in world.by_resource.get(resource, ())
        if node.host is not None and stage_of(world, node) is _IDLE
    ]
