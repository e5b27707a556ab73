"""Join what the batch system, the clouds and the memory know of each worker node into one view of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter

from ..model import BatchView, HoldBy, Host, Instance, InstanceState, NodeRecord, NodeState, Phase, WorkerNode
from ..settings import Settings
from ..snapshot import Snapshot
from .memory import Memory

_HOSTNAME = attrgetter("hostname")
BEFORE_SERVICE = frozenset({Phase.ASKED, Phase.BOOTING, Phase.JOINING, Phase.CONFIGURING})
_AFTER_SERVICE = frozenset({Phase.LEAVING, Phase.DESTROYING})
# what is looked at for each node has names of its own: to find a member in its enumeration takes CPython 3.11 ten times as long
_DRAINING, _NOBODY, _IDLE, _BUSY = Phase.DRAINING, HoldBy.NOBODY, NodeState.IDLE, NodeState.BUSY


def find_host(batch: BatchView | None, hostname: str) -> Host | None:
    """Return the batch system's host of this name; a short name finds its long form when just one has it (row S10)."""
    if batch is None or not hostname:
        return None
    index = _host_index(batch)
    return index.get(hostname.lower()) or index.get(_short(hostname))


def look_up_hosts(batch: BatchView | None) -> Callable[[str], Host | None]:
    """Return `find_host` for many names of one reading."""
    index = _host_index(batch) if batch is not None else {}
    return lambda hostname: index.get(hostname) or find_host(batch, hostname)


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
    nodes = []
    look_at: Callable[[NodeRecord], WorkerNode] | None = None
    for name, record in memory.nodes.items():
        node = known.get(name)
        if node is None or node.record is not record:
            look_at = look_at or _onlooker(snapshot, settings, now)
            node = look_at(record)
        nodes.append(node)
    claimed = {node.host.name for node in nodes if node.host is not None}
    physical = [host for host in (batch.hosts if batch else ()) if host.name not in claimed]
    nodes.extend(WorkerNode(host.name, state_of_host(host), 0.0, host=host) for host in physical)
    return tuple(sorted(nodes, key=_HOSTNAME))


def _onlooker(snapshot: Snapshot, settings: Settings, now: float) -> Callable[[NodeRecord], WorkerNode]:
    """Return what makes a worker node of a record, with all that many of them need looked up once."""
    hosts, batch_known = look_up_hosts(snapshot.batch.value), snapshot.batch.value is not None
    types = {name: resource.type for name, resource in settings.cloud.items()}
    read_at = {name: reading.read_at for name, reading in snapshot.clouds.items()}
    instances = {
        name: {instance.id: instance for instance in reading.value.instances}
        for name, reading in snapshot.clouds.items()
        if reading.value is not None
    }

    def look_at(record: NodeRecord) -> WorkerNode:
        where, host = record.resource, hosts(record.hostname)
        instance = instances[where].get(record.instance_id) if where in instances else None
        state = state_of_record(record, host, batch_known=batch_known)
        return WorkerNode(
            record.hostname or record.name,
            state,
            record.shown_at if record.shown is state and record.shown_at else now,
            where,
            types.get(where, "unknown"),
            host,
            instance,
            record,
            record.failed or record.leaving_for or record.held_for or record.cause,
            read_at[where] if instance is not None else record.seen_at,
            _is_steady(record, state, host, instance),
        )

    return look_at


def _is_steady(record: NodeRecord, state: NodeState, host: Host | None, instance: Instance | None) -> bool:
    if state is not _IDLE and state is not _BUSY:
        return False
    if record.leaving_for or record.held_for or record.notice is not None or record.down_since:
        return False
    return host is not None and host.up is True and not (instance is not None and instance.stopped)


def state_of_host(host: Host) -> NodeState:
    """Return the state of a host that is none of ours."""
    if not host.cores:
        return NodeState.INEXISTENT  # a placeholder: a name without slots
    if host.up is False or host.error:
        return NodeState.ERROR
    return _state_in_service(host)


def state_of_record(record: NodeRecord, host: Host | None, *, batch_known: bool = True) -> NodeState:
    """Return the state of one of our nodes from its phase and what the batch system shows."""
    if record.phase in _AFTER_SERVICE:
        return NodeState.DELETING
    if record.gone:
        return NodeState.ERROR
    if record.phase in BEFORE_SERVICE:
        return NodeState.STARTING
    if not batch_known:
        return record.shown
    if host is None or host.up is False or host.error:
        return NodeState.ERROR
    if host.up is None and record.shown in (_IDLE, _BUSY):
        return record.shown  # the server has just restarted: not known is not down
    if record.phase is _DRAINING:
        return NodeState.HELD if host.hold is not _NOBODY and not host.busy else NodeState.HOLDING
    return _state_in_service(host)


def _state_in_service(host: Host) -> NodeState:
    if host.hold is not _NOBODY:
        return NodeState.HOLDING if host.busy else NodeState.HELD
    return _BUSY if host.busy else _IDLE


def runs(instance: Instance | None) -> bool:
    """Return whether the instance may still execute something; when in doubt it does."""
    return instance is None or not (instance.stopped or instance.state is InstanceState.INEXISTENT)
