"""The document that readers get (runner, REST, dashboard): plain JSON data, names as the REST API has them, no secret in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from heapq import nsmallest
from typing import Any

from ..errors import Fault, JournalError
from ..model import Instance, InstanceState, Job, JobState, NodeState, ResourceFlag, WorkerNode
from ..policy.memory import BREAKER, ResourceMemory
from ..policy.plan import Act, Fate, Plan
from ..snapshot import Reading
from . import refusals
from .core import Core
from .evidence import SHOWN


@dataclass
class Status:
    """What the loop knows of itself."""

    version: str
    started_at: float
    config_error: str = ""
    config_faults: tuple[Fault, ...] = ()
    trouble: str = ""  # the last failure that must be a bug
    bugs: int = 0
    in_flight: int = 0
    stopped: bool = False
    failures: dict[str, int] = field(default_factory=dict)  # readings in a row that failed, by source


def present(core: Core, status: Status) -> dict[str, Any]:
    """Return everything that can be told of the cluster now."""
    now = core.parts.clock.now()
    nodes = [present_node(node, core.plan, now) for node in core.plan.nodes]
    jobs = core.snapshot.batch.value.jobs if core.snapshot.batch.value else ()
    return {
        "engine": _engine(core, status, now),
        "cluster": _cluster(core, now),
        "nodes": nodes,
        "jobs": _jobs(core, jobs, now),
        "resources": [_resource(core, name, nodes) for name in sorted(core.parts.settings.cloud)],
        "plan": present_plan(core.plan, core.planned_at),
        "orphans": _orphans(core),
        "problems": _problems(core, status),
        "totals": _totals(nodes, jobs),
    }


def _engine(core: Core, status: Status, now: float) -> dict[str, Any]:
    general = core.parts.settings.dynamic_cluster
    auto = core.memory.auto
    return {
        "version": status.version,
        "started_at": status.started_at,
        "alive_at": now,
        "stopped": status.stopped,
        "auto_mode": general.auto_mode if auto is None else auto,
        "auto_provision_interval": general.auto_provision_interval,
        "cluster_poller_interval": general.cluster_poller_interval,
        "cloud_poller_interval": general.cloud_poller_interval,
        "config_error": status.config_error,
        "config_faults": [asdict(fault) for fault in status.config_faults],
        "degraded": dict(core.health.degraded),
        "journal": core.ledger.degraded,
        "trouble": status.trouble,
        "failures": {source: count for source, count in dict(status.failures).items() if count},
        "bugs": status.bugs + core.failures,
        "in_flight": status.in_flight,
        "counters": dict(core.counters),
        "standby": {"role": "alone", "acting": "", "trouble": ""},
    }


def _cluster(core: Core, now: float) -> dict[str, Any]:
    settings, batch = core.parts.settings, core.snapshot.batch
    return {
        "name": settings.name,
        "type": settings.cluster.type,
        "health": dict(batch.value.health) if batch.value else {},
        "warnings": list(batch.value.warnings) if batch.value else [],
        **_age(batch, now),
    }


def _age(reading: Reading[Any], now: float) -> dict[str, Any]:
    return {
        "read_at": reading.read_at,
        "read_age": round(now - reading.read_at, 1) if reading.serial else None,
        "error": reading.error,
        "failing_since": reading.failing_since,
    }


def _problems(core: Core, status: Status) -> list[str]:
    """Return everything that an administrator should look at, one sentence each."""
    found = [*core.health.degraded.values(), *([core.waiting] if core.waiting else [])]
    if status.config_error:
        found.append(f"the settings are not usable, the last good ones are in force: {status.config_error}")
    if core.ledger.degraded and core.ledger.degraded not in found:
        found.append(core.ledger.degraded)
    for source, error in _errors(core):
        if source not in core.health.degraded:
            found.append(f"{source}: {error}")
    for name, known in sorted(core.memory.resources.items()):
        if known.backoff is not None and known.backoff.until > core.parts.clock.now():
            found.append(f"resource {name}: nothing is launched for now ({known.backoff.kind}): {known.backoff.reason}{_where_to_look(name, known)}")
        lacking = refusals.avoided(known, core.parts.clock.now())
        if lacking:
            found.append(f"resource {name}: left out for a while, as there was none: {', '.join(lacking)}")
    return [*found, *([status.trouble] if status.trouble else [])]


def _where_to_look(resource: str, known: ResourceMemory) -> str:
    shown = known.backoff is not None and known.backoff.kind == BREAKER
    return f"; what they wrote on their consoles: salt-run dynamiccluster.explain {resource}" if shown else ""


def _errors(core: Core) -> list[tuple[str, str]]:
    clouds = {f"resource {name}": item for name, item in core.snapshot.clouds.items()}
    readings: dict[str, Reading[Any]] = {"batch": core.snapshot.batch, **clouds}
    return [(source, reading.error) for source, reading in readings.items() if reading.error]


def _orphans(core: Core) -> list[dict[str, Any]]:
    """Return machines with our tags that belong to no node, as the last listings showed them."""
    ours = {(record.resource, record.instance_id) for record in core.memory.nodes.values()}
    return [
        {"id": item.id, "name": item.name, "resource": name, "state_name": item.state.name.capitalize(), "ip": item.address}
        for name, reading in sorted(core.snapshot.clouds.items())
        for item in (reading.value.instances if reading.value else ())
        if (name, item.id) not in ours and item.state is not InstanceState.INEXISTENT
    ]


# -- nodes ----------------------------------------------------------------------------------------------------------


def present_node(node: WorkerNode, plan: Plan, now: float) -> dict[str, Any]:
    """Return one worker node."""
    host, record = node.host, node.record
    shape = node.instance.shape if node.instance is not None else None
    return {
        "hostname": node.hostname,
        "name": record.name if record else node.hostname,
        "type": node.type,
        "resource": node.resource,
        "state": int(node.state),
        "state_name": node.state.name.capitalize(),
        "state_start_time": node.since,
        "time_in_current_state": round(max(now - node.since, 0.0), 1) if node.since else 0.0,
        "num_proc": (host.cores if host else 0) or (shape.cores if shape else 0),
        "jobs": list(host.jobs) if host else [],
        "phase": record.phase.value if record else "",
        "reason": node.reason,
        "cause": record.cause if record else "",
        "failed": record.failed if record else "",
        "held_by": host.hold.value if host else "",
        "stays": plan.stays.get(record.name, "") if record else "",
        "extra_attributes": _extra(node),
        "instance": _instance(node) if record else None,
    }


def _extra(node: WorkerNode) -> dict[str, Any]:
    if node.host is None:
        return {}
    host = node.host
    return {
        "queues": {queue.name: {"slots": queue.slots, "used": queue.used, "state": queue.state} for queue in host.queues},
        "groups": sorted(host.groups),
        "properties": sorted(host.properties),
        "load": host.load,
        "free_memory_mb": host.free_memory_mb,
        "memory_mb": host.reported.memory_mb if host.reported else None,
        "error": host.error,
    }


def _instance(node: WorkerNode) -> dict[str, Any]:
    record, found = node.record, node.instance or Instance("", "", node.resource, InstanceState.UNKNOWN)
    assert record is not None
    return {
        "uuid": found.id or record.instance_id,
        "instance_name": found.name or record.name,
        "state": int(node.instance_state),
        "state_name": node.instance_state.name.capitalize(),
        "ip": found.address or record.address,
        "public_ip": found.public_address,
        "dns_name": found.public_dns or found.private_dns,
        "vcpu_number": found.shape.cores if found.shape else 0,
        "flavor": found.flavor,
        "key_name": found.key_name,
        "security_groups": list(found.security_groups),
        "availability_zone": found.zone,
        "image_uuid": found.image,
        "subnet_id": found.subnet,
        "creation_time": found.created or record.asked_at,
        "cloud_resource": node.resource,
        "last_update_time": node.seen_at,
        "last_task_result": record.failed or found.detail,
        "tasked": False,
        "spot": record.spot,
        "spot_price": found.price if record.spot else None,
        "detail": found.detail,
    }


# -- jobs -----------------------------------------------------------------------------------------------------------


def _jobs(core: Core, jobs: tuple[Job, ...], now: float) -> list[dict[str, Any]]:
    """Return the pending jobs first, as many as are to be shown, then the others."""
    shown = core.parts.settings.cluster.config.queued_job_number_to_display
    waiting = (job for job in jobs if job.state is JobState.PENDING)
    # not sorted: that would hold the interpreter over 100,000 jobs, for the few that are shown
    pending = nsmallest(shown, waiting, key=lambda job: (-job.priority, job.created, job.id))
    others = [job for job in jobs if job.state is not JobState.PENDING and job.state is not JobState.COMPLETED]
    return [present_job(job, core.plan.fates.of(job), now) for job in (*pending, *others[:1000])]


def present_job(job: Job, fate: Fate | None, now: float) -> dict[str, Any]:
    """Return one job with what becomes of it."""
    chunks = job.request.chunks
    properties = sorted({name for chunk in chunks for name in chunk.properties})
    return {
        "jobid": job.id,
        "name": job.name,
        "owner": job.owner,
        "state": job.state.value,
        "priority": job.priority,
        "queue": job.queue,
        "account": job.account,
        "property": ",".join(properties),
        "requested_cores": job.request.total_cores,
        "cores_per_node": max((chunk.cores for chunk in chunks), default=0),
        "requested_mem": sum(chunk.memory_mb * chunk.count for chunk in chunks),
        "requested_walltime": job.walltime,
        "creation_time": job.created,
        "start_time": job.started,
        "waiting_for": round(now - job.created, 1) if job.created and job.state is JobState.PENDING else 0.0,
        "tasks": job.tasks,
        "hosts": list(job.hosts),
        "extra_attributes": dict(job.extra),
        "fate": {"outcome": fate.outcome.value, "reason": fate.reason, "nodes": list(fate.nodes)} if fate else _no_fate(job),
    }


def _no_fate(job: Job) -> dict[str, Any]:
    where = f" on {', '.join(job.hosts)}" if job.hosts else ""
    return {"outcome": job.state.value, "reason": job.reason or f"{job.state.value}{where}", "nodes": list(job.hosts)}


# -- resources, plan, totals --------------------------------------------------------------------------------------------


def _resource(core: Core, name: str, nodes: list[dict[str, Any]]) -> dict[str, Any]:
    resource, known = core.parts.settings.cloud[name], core.memory.resource(name)
    reading = core.snapshot.clouds.get(name, Reading())
    mine = [node for node in nodes if node["resource"] == name]
    shape = known.shape or (reading.value.shape if reading.value else None)
    backoff = known.backoff
    return {
        "name": name,
        "type": resource.type,
        "priority": resource.priority,
        "price": resource.price,
        "min_num": resource.quantity.min,
        "max_num": resource.quantity.max,
        "current_num": len(mine),
        "wanted": known.wanted,
        "states": dict(Counter(node["state_name"] for node in mine)),
        "cores_per_node": shape.cores if shape else 0,
        "memory_mb_per_node": shape.memory_mb if shape else 0,
        "gpus_per_node": shape.gpus if shape else 0,
        "flag": int(known.flag),
        "flag_name": ResourceFlag(known.flag).name.capitalize(),
        "reservation_queue": resource.reservation.queue,
        "reservation_account": resource.reservation.account,
        "reservation_property": resource.reservation.property,
        "backoff": {"until": backoff.until, "kind": backoff.kind, "reason": backoff.reason} if backoff else None,
        "offerings": [
            {"name": offering, "until": known.offerings[offering].until, "reason": known.offerings[offering].reason}
            for offering in refusals.avoided(known, core.parts.clock.now())
        ],
        "evidence": _evidence(core, name),
        "blocked": core.plan.blocked.get(name, "") or core.plan.blocked.get("", ""),
        "worker_nodes": [node["hostname"] for node in mine],
        **_age(reading, core.parts.clock.now()),
    }


def _evidence(core: Core, resource: str) -> list[dict[str, Any]]:
    """Return why machines never became nodes, newest first, with the end of what each wrote on its console; none once machines become nodes again."""
    if not core.memory.resource(resource).failures:
        return []
    try:
        found = core.ledger.evidence(resource=resource)
    except JournalError:
        return []
    return [{**asdict(item), "console": item.console[-SHOWN:]} for item in found]


def present_plan(plan: Plan, at: float) -> dict[str, Any]:
    """Return a decision: its actions with their reasons, and what is kept from being done and why."""
    actions = [
        {"act": action.act.value, "resource": action.resource, "node": action.node, "reason": action.reason, "detail": action.detail}
        for action in plan.actions
    ]
    return {
        "at": at,
        "actions": actions,
        "launches": dict(Counter(action.resource for action in plan.actions if action.act is Act.ORDER)),
        "blocked": dict(plan.blocked),
        "stays": dict(plan.stays),
    }


def _totals(nodes: list[dict[str, Any]], jobs: tuple[Job, ...]) -> dict[str, Any]:
    states: Mapping[str, int] = Counter(NodeState(node["state"]).name.lower() for node in nodes)
    cores: Counter[str] = Counter()
    for node in nodes:
        cores[NodeState(node["state"]).name.lower()] += node["num_proc"]
    return {
        "nodes": {"total": len(nodes), **states},
        "cores": {"total": sum(cores.values()), **cores},
        "jobs": dict(Counter(job.state.value for job in jobs)),
        "pending_cores": sum(job.request.total_cores * job.tasks for job in jobs if job.state is JobState.PENDING),
    }
