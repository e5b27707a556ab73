"""The circuit breaker of a resource: machines that keep failing to become nodes are not launched for ever.

After a few failures in a row nothing is launched for a while, longer each time; then a single machine tries. The first one that becomes
a node closes the matter.
"""

from __future__ import annotations

from dataclasses import replace

from ..model import NodeRecord, Phase
from . import reasons
from .memory import BREAKER, Backoff, Memory, ResourceMemory
from .world import COMING, World

TRUSTED = 3  # failures in a row that break the circuit
_FIRST, _MOST = 60.0, 1800.0  # seconds without launches: doubled with each further failure, up to the most
_NO_FAILURE = (reasons.REMOVE, reasons.DRAIN, reasons.IDLE, reasons.CANCELLED, reasons.INTERRUPTED, reasons.REBALANCE)


def count_failures(before: Memory, after: Memory, now: float) -> Memory:
    """Return the memory with the machines counted that this decision gave up, and those that became nodes."""
    known = before.nodes
    changed = {name: record for name, record in after.nodes.items() if known.get(name, record) is not record}
    for name, record in sorted(changed.items()):
        if not known[name].leaving_for and was_given_up(record):
            after = after.with_resource(record.resource, _failed(after.resource(record.resource), record, now))
    for name, resource in after.resources.items():
        if resource.failures and _works_again(after, name, resource):
            backoff = None if resource.backoff and resource.backoff.kind == BREAKER else resource.backoff
            after = after.with_resource(name, replace(resource, failures=0, backoff=backoff))
    return after


def tries_one(world: World, resource: str) -> bool:
    """Tell whether the wait is over and one machine is to show whether launches become nodes again."""
    backoff = world.remembered(resource).backoff
    return backoff is not None and (backoff.kind == BREAKER or backoff.belated) and backoff.until <= world.now


def trial_under_way(world: World, resource: str) -> bool:
    """Tell whether that machine was ordered already."""
    records = world.memory.nodes.values()
    return any(record.resource == resource and record.phase in COMING and not record.leaving_for for record in records)


def was_given_up(record: NodeRecord) -> bool:
    """Tell whether this is a machine that the cloud had and that never was in service; what an administrator ended or the cloud took back is no failure."""
    if not record.leaving_for or record.ready_at or not record.instance_id:
        return False
    return not record.leaving_for.startswith((*_NO_FAILURE, reasons.REFUSED, reasons.SURPLUS))


def _failed(known: ResourceMemory, record: NodeRecord, now: float) -> ResourceMemory:
    failures = known.failures + 1
    known = replace(known, failures=failures, failed_at=now)
    if failures < TRUSTED:
        return known
    wait = min(_FIRST * 2.0 ** min(failures - TRUSTED, 30), _MOST)
    reason = f"{failures} machines in a row never became nodes, the last one {record.name}: {record.leaving_for}"
    since = known.backoff.since if known.backoff and known.backoff.kind == BREAKER else now
    return replace(known, backoff=Backoff(now + wait, BREAKER, reason[:500], since, failures - TRUSTED + 1))


def _works_again(memory: Memory, resource: str, known: ResourceMemory) -> bool:
    return any(
        record.resource == resource and record.phase is Phase.SERVING and record.ready_at > known.failed_at
        for record in memory.nodes.values()
    )
