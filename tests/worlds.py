"""Worlds made from few words: settings, hosts, jobs, records and what the policy sees of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltext.dynamiccluster.model import (
    BatchView,
    Chunk,
    CloudView,
    HoldBy,
    Host,
    Instance,
    InstanceState,
    Job,
    JobState,
    NodeRecord,
    Offer,
    Phase,
    QueueSlots,
    Request,
    Reservation,
    Shape,
)
from saltext.dynamiccluster.policy import reasons
from saltext.dynamiccluster.policy.memory import Memory, ResourceMemory
from saltext.dynamiccluster.policy.nodes import combine
from saltext.dynamiccluster.policy.placement import Allocation, allocate
from saltext.dynamiccluster.policy.scale_in import ScaleIn, scale_in
from saltext.dynamiccluster.policy.world import World
from saltext.dynamiccluster.settings import Settings, load
from saltext.dynamiccluster.snapshot import Reading, Snapshot, sought_as

NOW = 1_000_000.0
SMALL = Shape(cores=8, memory_mb=16384)


def resource(minimum: int = 0, maximum: int = 10, priority: int = 1, price: float | None = None, **reservation: str) -> dict[str, Any]:
    """Return the pillar of one AWS resource; its prefix is filled in by `settings`."""
    more = {} if price is None else {"price": price}
    return {
        "type": "aws",
        "reservation": reservation,
        "quantity": {"min": minimum, "max": maximum},
        "priority": priority,
        "config": {"region_name": "us-east-1", "image_id": "ami-12345678", "instance_type": "c5.2xlarge"},
        **more,
    }


def settings(
    resources: Mapping[str, dict[str, Any]] | None = None, *, cluster: str = "sge", display: int = 30, **general: Any
) -> Settings:
    """Return settings with these resources (one called `a` unless told otherwise); `general` is the dynamic-cluster section."""
    resources = {"a": resource()} if resources is None else resources
    cloud = {name: {**data, "config": {**data["config"], "instance_name_prefix": f"{name}-n-"}} for name, data in resources.items()}
    return load(
        {
            "dynamic-cluster": {"config-checker": {"salt": {}}, **general},
            "cluster": {"type": cluster, "config": {"queued_job_number_to_display": display}},
            "cloud": cloud,
        }
    )


def job(id_: str | int = "1", request: Request | None = None, **more: Any) -> Job:
    """Return a pending serial job that waits since a minute."""
    known: dict[str, Any] = {"state": JobState.PENDING, "created": NOW - 60, "priority": 0.5}
    return Job(str(id_), request=request or Request(), **{**known, **more})


def smp(cores: int, **more: Any) -> Request:
    """Return a request for cores on one node."""
    return Request(chunks=(Chunk(1, cores, **more),))


def nodes_of(count: int, cores: int, **more: Any) -> Request:
    """Return a request for pieces on so many different nodes at once."""
    return Request(chunks=(Chunk(count, cores, distinct=True),), **more)


def spread(count: int, **more: Any) -> Request:
    """Return a request for slots spread in any way."""
    return Request(chunks=(Chunk(count),), **more)


def host(name: str, slots: int = 8, used: int = 0, **more: Any) -> Host:
    """Return a host of queue all.q, up and unheld; `used` slots by as many jobs."""
    jobs = tuple(f"r{name}.{number}" for number in range(used))
    known = {"up": True, "queues": (QueueSlots("all.q", slots, used),), "jobs": jobs, "reported": SMALL}
    return Host(name, **{**known, **more})


def record(name: str, phase: Phase = Phase.SERVING, resource: str = "a", **more: Any) -> NodeRecord:
    """Return a record; its node was asked for an hour ago, or two minutes if it is still on its way."""
    asked = NOW - (3600 if phase in (Phase.SERVING, Phase.DRAINING, Phase.LEAVING, Phase.DESTROYING) else 120)
    known: dict[str, Any] = {"asked_at": asked, "tried_at": asked, "instance_id": f"i-{name}", "hostname": name}
    return NodeRecord(name, resource, f"intent-{name}", phase, **{**known, **more})


def idle(name: str, seconds: float = 60, resource: str = "a", **more: Any) -> NodeRecord:
    """Return the record of a serving node that has been idle for so long."""
    return record(name, resource=resource, idle_since=NOW - seconds, **more)


def going_idle(name: str) -> tuple[NodeRecord, Host]:
    """Return a node that is held because it was idle."""
    held = host(name, hold=HoldBy.US, queues=(QueueSlots("all.q", 8, 0, usable=False, state="d"),))
    return record(name, Phase.DRAINING, leaving_for=reasons.IDLE), held


def world(
    *,
    jobs: tuple[Job, ...] = (),
    hosts: tuple[Host, ...] = (),
    records: tuple[NodeRecord, ...] = (),
    config: Settings | None = None,
    shapes: Mapping[str, Shape | None] | None = None,
    offers: Mapping[Reservation, Offer] | None = None,
    resources: Mapping[str, ResourceMemory] | None = None,
    listed: tuple[Instance, ...] = (),
    batch_error: str = "",
    cloud_errors: Mapping[str, str] | None = None,
    now: float = NOW,
    **memory: Any,
) -> World:
    """Return a world. Each record's instance is listed as active; `listed` holds further ones; every resource has shape SMALL."""
    config = config or settings()
    shapes = {name: SMALL for name in config.cloud} | dict(shapes or {})
    known = Memory(nodes={item.name: item for item in records}, resources=dict(resources or {}), **memory)
    offers = offers or {data.reservation: Offer(frozenset({"all.q"})) for data in config.cloud.values()}
    ours = tuple(_instance(item) for item in records if item.instance_id and item.phase is not Phase.ASKED and not item.gone)
    clouds = {
        name: Reading(
            CloudView(tuple(item for item in (*ours, *listed) if item.resource == name), shapes[name]),
            now,
            2,
            (cloud_errors or {}).get(name, ""),
            **_watched_long(sought_as(item) for item in records),
        )
        for name in config.cloud
    }
    batch = Reading(BatchView(jobs, hosts, offers), now, 2, batch_error, **_watched_long(item.hostname for item in records))
    snapshot = Snapshot(batch, clouds)
    return World(snapshot, config, known, now, combine(snapshot, config, known, now))


def _watched_long(names: Iterable[str]) -> dict[str, Any]:
    """Return what makes a reading one of an engine that has looked for these all the time."""
    return {"lived": NOW, "watched": dict.fromkeys(names, 0.0)}


def _instance(item: NodeRecord) -> Instance:
    state = InstanceState.PENDING if item.phase is Phase.BOOTING else InstanceState.ACTIVE
    return Instance(item.instance_id, item.name, item.resource, state, intent=item.intent)


def ordered(allocation: Allocation) -> list[str]:
    """Return the resources of the orders, sorted."""
    return sorted(order.resource for order in allocation.orders)


def promised(found: Allocation) -> list[list[str]]:
    """Return the ids of each order's jobs."""
    return [[item.id for item in order.jobs] for order in found.orders]


def place(**known: Any) -> Allocation:
    return allocate(world(**known))


def shrink(seen: World) -> ScaleIn:
    return scale_in(seen, allocate(seen))


def leaving(seen: World) -> list[str]:
    """Return the names of the nodes that go, in order."""
    return [going.name for going in shrink(seen).going]
