"""Fold what was just read into the memory: phases that advance by themselves, times that start or end. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..intents import batch_of, is_batch
from ..model import CloudView, HoldBy, Host, Instance, InstanceState, JobState, NodeRecord, Phase, ResourceFlag, Shape
from ..settings import Settings
from ..snapshot import Reading, Snapshot
from . import reasons
from .demand import get_id, get_tasks, split_jobs
from .memory import Memory
from .batches import hand_out
from .names import hostname_of
from .nodes import find_host, look_up_hosts
from .notices import fold
from .records import amend

LISTING_GRACE = 180.0  # lived seconds for which a new instance may be missing from listings (EC2: eventual consistency)
_SEEN_AGAIN = 300.0  # seconds after which a machine that runs is noted to have been seen again: a record that stays the same costs nothing
_GOING = frozenset({Phase.DRAINING, Phase.LEAVING, Phase.DESTROYING})
_ENDED = (InstanceState.DELETING, InstanceState.INEXISTENT)
_RUNNING = (InstanceState.ACTIVE, InstanceState.READY)
# what is looked at for each node has names of its own (see nodes.py)
_ASKED, _BOOTING, _SERVING, _DRAINING, _INEXISTENT = Phase.ASKED, Phase.BOOTING, Phase.SERVING, Phase.DRAINING, InstanceState.INEXISTENT
_PENDING = JobState.PENDING


def track(snapshot: Snapshot, settings: Settings, memory: Memory, now: float) -> Memory:
    """Return the memory as the snapshot has changed it. Stale parts of the snapshot change nothing."""
    nodes = dict(memory.nodes)
    for resource, reading in sorted(snapshot.clouds.items()):
        if resource not in settings.cloud or not reading.fresh:
            continue
        _fold_cloud(nodes, resource, reading, snapshot, settings)
    if snapshot.batch.fresh:
        hosts = look_up_hosts(snapshot.batch.value)
        for name, record in nodes.items():
            nodes[name] = _fold_host(record, hosts(record.hostname), snapshot)
    memory = replace(memory, nodes=nodes)
    memory = _fold_queue(memory, snapshot, now)
    memory = _fold_resources(memory, snapshot, settings)
    return _fold_costs(memory, settings, now)


# -- clouds -----------------------------------------------------------------------------------------------------


def _fold_cloud(
    nodes: dict[str, NodeRecord],
    resource: str,
    reading: Reading[CloudView],
    snapshot: Snapshot,
    settings: Settings,
) -> None:
    view = reading.value
    assert view is not None
    by_id = {instance.id: instance for instance in view.instances}
    mine = [(name, record) for name, record in nodes.items() if record.resource == resource]
    unborn = [record for _, record in mine if not record.instance_id]
    by_intent = _index_intents(view) if unborn else {}
    given = hand_out([record for _, record in mine], resource, view.instances) if unborn else {}
    for name, record in mine:
        record = _give(record, given.get(name))
        instance = by_id.pop(record.instance_id, None)
        if not record.instance_id and record.intent in by_intent:
            instance = by_id.pop(by_intent[record.intent].id, None)
        nodes[name] = _fold_instance(record, instance, view, reading, settings)
    for instance in by_id.values():
        adopted = _adopt(instance, reading, snapshot, settings)
        if adopted is not None and adopted.name in nodes:
            adopted = None if instance.state in _ENDED else _surplus(adopted, nodes[adopted.name])
        elif adopted is not None and adopted.hostname and not adopted.joined_at and _has_its_nodes(instance, nodes):
            adopted = _end(adopted)  # nothing runs on it: it was never joined
        if adopted is not None:
            nodes[adopted.name] = adopted


def _index_intents(view: CloudView) -> dict[str, Instance]:
    """Return the instances by intent. Of several of one launch the one that is furthest stays, as the adapters choose."""
    best = sorted(view.instances, key=lambda one: (one.state is InstanceState.ACTIVE, -one.created, one.id))
    return {instance.intent: instance for instance in best if instance.intent}


def _surplus(adopted: NodeRecord, known: NodeRecord) -> NodeRecord | None:
    """Return what becomes of a further machine of a launch that has its node: it was never joined, nothing runs on it, it goes.

    It has no host name: the one that it was given is the other's.
    """
    if adopted.intent != known.intent or not known.instance_id or adopted.instance_id == known.instance_id:
        return None
    return _end(replace(adopted, name=adopted.instance_id))


def _end(adopted: NodeRecord) -> NodeRecord:
    return replace(adopted, phase=Phase.DESTROYING, leaving_for=reasons.SURPLUS, hostname="", joined_at=0.0, ready_at=0.0)


def _has_its_nodes(instance: Instance, nodes: Mapping[str, NodeRecord]) -> bool:
    """Tell whether the nodes of the call that made this machine have all got another one, so that it is one too many."""
    return is_batch(instance.intent) and any(batch_of(record.intent) == instance.intent for record in nodes.values())


def _give(record: NodeRecord, instance: Instance | None) -> NodeRecord:
    return record if instance is None else replace(record, instance_id=instance.id, minion=instance.name)


def _fold_instance(
    record: NodeRecord,
    instance: Instance | None,
    view: CloudView,
    reading: Reading[CloudView],
    settings: Settings,
) -> NodeRecord:
    if instance is None:
        return _fold_missing(record, view, reading)
    record = _see(record, instance, reading.read_at)
    gone = instance.state is _INEXISTENT
    if gone or record.gone:  # one that is listed after all is not gone
        record = amend(record, gone=gone)
    if gone:
        return record
    if record.phase is _ASKED:
        record = replace(record, phase=_BOOTING)
    if record.phase is _BOOTING and instance.state in _RUNNING:
        record = replace(record, phase=Phase.JOINING, active_at=reading.read_at)
    record = fold(record, instance, reading.read_at)
    address = instance.address or record.address
    if record.hostname and record.address == address:
        return record
    own_name = "" if record.leaving_for == reasons.SURPLUS else hostname_of(instance, settings)
    return amend(record, address=address, hostname=record.hostname or own_name)


def _see(record: NodeRecord, instance: Instance, read_at: float) -> NodeRecord:
    """Return the record with its machine found in a listing; of one that runs it is noted only now and then."""
    spot = instance.market == "spot"
    due = not record.active_at or not 0 <= read_at - record.seen_at < _SEEN_AGAIN
    if due or record.spot is not spot or record.instance_id != instance.id:
        return amend(record, instance_id=instance.id, seen_at=read_at, spot=spot)
    return record


def _fold_missing(record: NodeRecord, view: CloudView, reading: Reading[CloudView]) -> NodeRecord:
    """A listing that lacks an instance proves nothing; the cloud's answer for its very id does, once it has been looked for long enough.

    A young one may be shown by one of the cloud's servers and be unknown to the next, also when a call to end it did not get through. How old it
    is nobody knows whose clock jumps.
    """
    if record.instance_id not in view.gone or not record.instance_id:
        return record
    return amend(record, gone=True) if record.ending_at or reading.watched_for(record.instance_id) >= LISTING_GRACE else record


def _adopt(instance: Instance, reading: Reading[CloudView], snapshot: Snapshot, settings: Settings) -> NodeRecord | None:
    """Make a record for an instance of ours that nobody remembers (the journal was lost, a launch's answer too).

    Whether it serves is only known from the batch system, so it waits for a good reading of that.
    """
    if not snapshot.batch.fresh:
        return None
    hostname = hostname_of(instance, settings)
    host = find_host(snapshot.batch.value, hostname)
    if instance.state in _ENDED and host is None:
        return None
    phase = _adopted_phase(instance, host)
    return NodeRecord(
        name=instance.name or instance.id,
        resource=instance.resource,
        intent=instance.intent or instance.id,
        phase=phase,
        asked_at=reading.read_at,  # its deadlines start anew: when it was really asked is not known
        tried_at=instance.created or reading.read_at,
        instance_id=instance.id,
        hostname=hostname,
        address=instance.address,
        active_at=instance.created if instance.state is InstanceState.ACTIVE else 0.0,
        joined_at=reading.read_at if host else 0.0,
        ready_at=reading.read_at if phase is Phase.SERVING else 0.0,
        seen_at=reading.read_at,
        gone=instance.state is InstanceState.INEXISTENT,
        cause="found in the cloud with our tags and adopted",
        hooks_done=frozenset({"post_vm_provision_command", "post_add_node_command"}) if host else frozenset(),
    )


def _adopted_phase(instance: Instance, host: Host | None) -> Phase:
    if host is None:
        return Phase.BOOTING if instance.state is not InstanceState.ACTIVE else Phase.JOINING
    if host.hold is HoldBy.US and not host.busy:
        return Phase.CONFIGURING  # held by us and empty: on its way in, or on its way out; configured it serves again
    return Phase.SERVING


# -- batch system -------------------------------------------------------------------------------------------------


def _fold_host(record: NodeRecord, host: Host | None, snapshot: Snapshot) -> NodeRecord:
    """Return the record with what a fresh reading shows. Readings are counted of nodes that go: for them alone "seen twice" means something."""
    read_at, serial = snapshot.batch.read_at, snapshot.batch.serial
    serving = record.phase is _SERVING
    idle = serving and host is not None and host.up is True and not host.busy
    idle_since, down_since = (record.idle_since or read_at) if idle else 0.0, _down_since(record, host, read_at)
    if record.reading == serial or not (record.phase in _GOING or record.empty_seen):
        same = record.idle_since == idle_since and record.down_since == down_since
        return record if same else amend(record, idle_since=idle_since, down_since=down_since)
    empty = record.phase is _DRAINING and _held_and_empty(host)
    empty_seen = record.empty_seen + 1 if empty else 0
    return amend(record, idle_since=idle_since, down_since=down_since, reading=serial, empty_seen=empty_seen)


def _down_since(record: NodeRecord, host: Host | None, read_at: float) -> float:
    if record.phase is not _SERVING and record.phase is not _DRAINING:
        return 0.0
    if host is not None and host.up is None and not record.down_since:
        return 0.0  # not known: the count neither starts nor, once begun, ends
    if host is None or host.up is not True or host.error:
        return record.down_since or read_at
    return 0.0


def _held_and_empty(host: Host | None) -> bool:
    return host is None or (host.hold is not HoldBy.NOBODY and not host.busy)


# -- the rest -----------------------------------------------------------------------------------------------------


def _fold_queue(memory: Memory, snapshot: Snapshot, now: float) -> Memory:
    """Note since when the pending jobs are as they are (the batch window waits for a quiet moment)."""
    if not snapshot.batch.fresh:
        return memory
    jobs = snapshot.batch.value.jobs if snapshot.batch.value else ()
    demand, others = split_jobs(jobs)
    pending = [*demand, *(job for job in others if job.state is _PENDING)]
    arrays = [] if set(map(get_tasks, pending)) <= {1} else [(job.id, job.tasks) for job in pending if job.tasks != 1]
    print_ = (sum(map(hash, map(get_id, pending))) + sum(map(hash, arrays))) & 0xFFFFFFFFFFFF
    if print_ == memory.queue_print:
        return memory
    return replace(memory, queue_print=print_, queue_since=now, queue_dirty_since=memory.queue_dirty_since or now)


def _fold_resources(memory: Memory, snapshot: Snapshot, settings: Settings) -> Memory:
    in_use = {record.resource for record in memory.nodes.values()}
    for name in settings.cloud:
        known = memory.resource(name)
        listed = snapshot.clouds.get(name)
        if known.flag is ResourceFlag.DRAINING and name not in in_use and _is_empty(listed):
            known = replace(known, flag=ResourceFlag.DRAINED)
        known = replace(known, shape=_reported_shape(memory, snapshot, name) or known.shape)
        promised = listed.value.shape if listed is not None and listed.value is not None else None
        known = replace(known, promised=promised or known.promised, adopting=_still_to_adopt(known.adopting, listed))
        if known != memory.resource(name):
            memory = memory.with_resource(name, known)
    return memory


def _is_empty(listed: Reading[CloudView] | None) -> bool:
    """Tell whether a good listing shows no machine; EC2 lists ended ones for an hour."""
    if listed is None or not listed.fresh or listed.value is None:
        return False
    return all(instance.state is InstanceState.INEXISTENT for instance in listed.value.instances)


def _still_to_adopt(wanted: tuple[str, ...], listed: Reading[CloudView] | None) -> tuple[str, ...]:
    if listed is None or listed.value is None:
        return wanted
    found = {instance.id for instance in listed.value.instances}
    return tuple(id_ for id_ in wanted if id_ not in found)


def _reported_shape(memory: Memory, snapshot: Snapshot, resource: str) -> Shape | None:
    """Return what a serving node of the resource really gives: its slots, and the memory that its daemon reports.

    Only a machine like the promised one tells that: where the cloud chooses among several types, others give something else.
    """
    reading = snapshot.clouds.get(resource)
    promised = reading.value.shape if reading is not None and reading.value is not None else None
    shapes = {item.id: item.shape for item in reading.value.instances} if reading is not None and reading.value is not None else {}
    for record, host, shape in _reporting_hosts(memory, snapshot, resource):
        own = shapes.get(record.instance_id)
        if own is not None and promised is not None and own != promised:
            continue
        gpus = shape.gpus or (promised.gpus if promised else 0)
        return Shape(host.cores, shape.memory_mb, gpus)
    return None


def _reporting_hosts(memory: Memory, snapshot: Snapshot, resource: str) -> Iterator[tuple[NodeRecord, Host, Shape]]:
    for name in sorted(memory.nodes):
        record = memory.nodes[name]
        if record.resource != resource or record.phase is not Phase.SERVING:
            continue
        host = find_host(snapshot.batch.value, record.hostname)
        if host is not None and host.up is True and host.reported is not None and host.cores:
            yield record, host, host.reported


def _fold_costs(memory: Memory, settings: Settings, now: float) -> Memory:
    """Add what the billed nodes cost since the last time to the hour's sum, and drop sums older than a day."""
    if not any(resource.price for resource in settings.cloud.values()):
        return memory
    hours = max(now - memory.costed_at, 0.0) / 3600 if memory.costed_at else 0.0
    spent = hours * sum(
        settings.cloud[record.resource].price or 0.0
        for record in memory.nodes.values()
        if record.instance_id and not record.gone and record.resource in settings.cloud
    )
    hour = int(now // 3600)
    costs = {key: value for key, value in memory.costs.items() if key > hour - 24}
    costs[hour] = costs.get(hour, 0.0) + spent
    return replace(memory, costs=costs, costed_at=now)
