"""Join what the batch system, the clouds and the memory know of each worker node into one view of it."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from ..model import BatchView, HoldBy, Host, Instance, InstanceState, NodeRecord, NodeState, Phase, WorkerNode
from ..settings import Settings
from ..snapshot import Snapshot
from .memory import Memory

BEFORE_SERVICE = frozenset({Phase.ASKED, Phase.BOOTING, Phase.JOINING, Phase.CONFIGURING})


def find_host(batch: BatchView | None, hostname: str) -> Host | None:
    """Return the batch system's host of this name; a short name finds its long form when just one has it (row S10)."""
    if batch is None or not hostname:
        return None
    index = _host_index(batch)
    return index.get(hostname.lower()) or index.get(_short(hostname))


def _short(hostname: str) -> str:
    return hostname.lower().partition(".")[0]


def _host_index(batch: BatchView) -> dict[str, Host | None]:
    """Return hosts by full name, and by short name where that is unambiguous (None marks an ambiguous one)."""
    cached = _INDEX.get(id(batch))
    if cached is not None and cached[0] is batch:
        return cached[1]
    index: dict[str, Host | None] = {}
    for host in batch.hosts:
        short = _short(host.name)
        if short != host.name.lower():
            index[short] = None if short in index else host
    index.update({host.name.lower(): host for host in batch.hosts})
    _INDEX.clear()
    _INDEX[id(batch)] = (batch, index)
    return index


# One entry: the newest reading. A view is frozen, so its index never changes.
_INDEX: dict[int, tuple[BatchView, dict[str, Host | None]]] = {}


def find_instances(snapshot: Snapshot) -> dict[tuple[str, str], Instance]:
    """Return every listed instance of ours by (resource, cloud id)."""
    return {
        (resource, instance.id): instance
        for resource, reading in snapshot.clouds.items()
        if reading.value is not None
        for instance in reading.value.instances
    }


def combine(
    snapshot: Snapshot, settings: Settings, memory: Memory, now: float, before: Iterable[WorkerNode] = ()
) -> tuple[WorkerNode, ...]:
    """Return all worker nodes, ours and physical ones, sorted by host name.

    `before` are those of the same moment with another memory: nodes whose records did not change stay what they are.
    """
    batch = snapshot.batch.value
    known = {node.record.name: node for node in before if node.record is not None}
    instances = find_instances(snapshot) if len(known) < len(memory.nodes) or not known else None
    nodes, claimed = [], set()
    for record in memory.nodes.values():
        node = known.get(record.name)
        if node is None or node.record is not record:
            instances = find_instances(snapshot) if instances is None else instances
            instance = instances.get((record.resource, record.instance_id))
            node = _our_node(record, find_host(batch, record.hostname), instance, settings, snapshot, now)
        if node.host is not None:
            claimed.add(node.host.name)
        nodes.append(node)
    physical = [host for host in (batch.hosts if batch else ()) if host.name not in claimed]
    nodes.extend(WorkerNode(host.name, state_of_host(host), 0.0, host=host) for host in physical)
    return tuple(sorted(nodes, key=attrgetter("hostname")))


def _our_node(
    record: NodeRecord,
    host: Host | None,
    instance: Instance | None,
    settings: Settings,
    snapshot: Snapshot,
    now: float,
) -> WorkerNode:
    state = state_of_record(record, host, batch_known=snapshot.batch.value is not None)
    resource = settings.cloud.get(record.resource)
    return WorkerNode(
        hostname=record.hostname or record.name,
        state=state,
        since=record.shown_at if record.shown is state and record.shown_at else now,
        resource=record.resource,
        type=resource.type if resource else "unknown",
        host=host,
        instance=instance,
        record=record,
        reason=record.failed or record.leaving_for or record.held_for or record.cause,
    )


def state_of_host(host: Host) -> NodeState:
    """Return the state of a host that is none of ours."""
    if not host.cores:
        return NodeState.INEXISTENT  # a placeholder: a name without slots
    if host.up is False or host.error:
        return NodeState.ERROR
    return _state_in_service(host)


def state_of_record(record: NodeRecord, host: Host | None, *, batch_known: bool = True) -> NodeState:
    """Return the state of one of our nodes from its phase and what the batch system shows."""
    if record.phase in (Phase.LEAVING, Phase.DESTROYING):
        return NodeState.DELETING
    if record.gone:
        return NodeState.ERROR
    if record.phase in BEFORE_SERVICE:
        return NodeState.STARTING
    if not batch_known:
        return record.shown
    if host is None or host.up is False or host.error:
        return NodeState.ERROR
    if host.up is None and record.shown in (NodeState.IDLE, NodeState.BUSY):
        return record.shown  # the server has just restarted: not known is not down
    if record.phase is Phase.DRAINING and not host.busy:
        return NodeState.HELD if host.hold is not HoldBy.NOBODY else NodeState.HOLDING
    if record.phase is Phase.DRAINING:
        return NodeState.HOLDING
    return _state_in_service(host)


def _state_in_service(host: Host) -> NodeState:
    if host.hold is not HoldBy.NOBODY:
        return NodeState.HOLDING if host.busy else NodeState.HELD
    return NodeState.BUSY if host.busy else NodeState.IDLE


def runs(instance: Instance | None) -> bool:
    """Return whether the instance may still execute something; when in doubt it does."""
    return instance is None or not (instance.stopped or instance.state is InstanceState.INEXISTENT)
