"""Turn what changed in the memory into events: transitions only, each once.

The memory is journalled before the events are fired, and what was last announced is part of it, so that a restart repeats nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ..model import NodeRecord, NodeState, Notice, Phase, ResourceFlag, WorkerNode
from ..policy.memory import Memory, ResourceMemory
from ..policy.notices import explain
from ..policy.plan import Action, Plan
from ..ports import Event

_STATES = {
    NodeState.BUSY: "busy",
    NodeState.IDLE: "idle",
    NodeState.HOLDING: "holding",
    NodeState.HELD: "held",
    NodeState.ERROR: "error",
}
_FLAGS = {
    ResourceFlag.NORMAL: "restored",
    ResourceFlag.FROZEN: "frozen",
    ResourceFlag.DRAINING: "draining",
    ResourceFlag.DRAINED: "drained",
}


def show(memory: Memory, nodes: tuple[WorkerNode, ...], read_at: float, now: float) -> Memory:
    """Return the memory with the state in which each node of ours is about to be announced.

    A node that was changed after the batch system was read at `read_at` waits: what that reading shows of it is over.
    """
    shown = {}
    for node in nodes:
        record = memory.nodes.get(node.record.name) if node.record else None
        if record is None or record.shown is node.state or record.batch_acted_at >= read_at > 0:
            continue
        shown[record.name] = replace(record, shown=node.state, shown_at=now)
    return replace(memory, nodes={**memory.nodes, **shown}) if shown else memory


def events(cluster: str, before: Memory, after: Memory) -> Iterator[Event]:
    """Yield the events of everything that changed between two memories."""
    for name in before.nodes:
        if name not in after.nodes:
            yield from _node_left(cluster, before.nodes[name])
    for name, record in after.nodes.items():
        old = before.nodes.get(name)
        if old is not record:
            yield from _node_changed(cluster, old, record)
    for name, known in after.resources.items():
        if known is not before.resource(name):
            yield from _resource_changed(cluster, name, before.resource(name), known)


def instance_event(cluster: str, record: NodeRecord, what: str, reason: str) -> Event:
    """Return an event below `<cluster>/instance/<name>/`."""
    return Event(f"dynamiccluster/{cluster}/instance/{record.name}/{what}", _payload(cluster, record, reason))


def node_event(cluster: str, record: NodeRecord, what: str, reason: str) -> Event:
    """Return an event below `<cluster>/node/<name>/`."""
    data = {**_payload(cluster, record, reason), "hostname": record.hostname or record.name}
    return Event(f"dynamiccluster/{cluster}/node/{record.name}/{what}", data)


def engine_event(cluster: str, what: str, reason: str = "", **more: object) -> Event:
    """Return an event below `<cluster>/engine/`."""
    return Event(f"dynamiccluster/{cluster}/engine/{what}", {"cluster": cluster, "reason": reason[:500], **more})


def plan_event(cluster: str, plan: Plan, planned: Mapping[str, int]) -> Event:
    """Return `plan/decided`: counts only, so that it stays small whatever the size of the cluster."""
    fates: dict[str, int] = {}
    for fate, jobs in plan.fates.count().items():
        fates[fate.outcome.value] = fates.get(fate.outcome.value, 0) + jobs
    data = {"cluster": cluster, "actions": dict(planned), "jobs": fates, "nodes": len(plan.nodes)}
    return Event(f"dynamiccluster/{cluster}/plan/decided", data)


def summary(actions: Iterable[Action], most: int = 5) -> str:
    """Return a decision in one line: what is done how often, and why; the first few reasons of many."""
    groups: dict[tuple[str, str, str], int] = {}
    for action in actions:
        key = (action.act.value, action.resource, action.reason)
        groups[key] = groups.get(key, 0) + 1
    told = [f"{act} {count} in {resource or 'all'} ({reason})"[:200] for (act, resource, reason), count in groups.items()]
    return "; ".join(told[:most]) + (f"; and {len(told) - most} more" if len(told) > most else "")


def _payload(cluster: str, record: NodeRecord, reason: str) -> dict[str, object]:
    return {"cluster": cluster, "id": record.instance_id, "resource": record.resource, "reason": reason[:500]}


def _node_left(cluster: str, record: NodeRecord) -> Iterator[Event]:
    if record.instance_id and not record.gone:
        yield instance_event(cluster, record, "destroyed", record.leaving_for)
    elif not record.instance_id:
        yield instance_event(cluster, record, "failed", record.failed or record.leaving_for or "the cloud did not launch it")


def _node_changed(cluster: str, old: NodeRecord | None, new: NodeRecord) -> Iterator[Event]:
    if old is None:
        what = "requested" if new.phase is Phase.ASKED else "orphaned"
        yield instance_event(cluster, new, what, new.cause)
        if what == "orphaned":
            return  # found as it is: none of its past is news
        old = replace(new, active_at=0.0, joined_at=0.0, ready_at=0.0, failed="", gone=False, shown=NodeState.INEXISTENT)
    if new.active_at and not old.active_at:
        yield instance_event(cluster, new, "active", new.cause)
    if new.joined_at and not old.joined_at:
        yield node_event(cluster, new, "joined", new.cause)
    if new.ready_at and not old.ready_at:
        yield instance_event(cluster, new, "ready", "its configuration is verified")
    if _failing(new) and not _failing(old):
        yield instance_event(cluster, new, "failed", _failing(new))
    if new.notice is not None and (old.notice is None or old.notice.kind is not new.notice.kind):
        yield _notice_event(cluster, new, new.notice)
    if new.shown is not old.shown and new.shown in _STATES:
        yield node_event(cluster, new, _STATES[new.shown], new.failed or new.leaving_for or new.held_for)
    if new.gone and not old.gone:
        yield instance_event(cluster, new, "destroyed", new.leaving_for or "its machine is gone")


def _notice_event(cluster: str, record: NodeRecord, notice: Notice) -> Event:
    event = instance_event(cluster, record, "noticed", explain(notice))
    return Event(event.tag, {**event.data, "kind": notice.kind.value, "due": notice.due})


def _failing(record: NodeRecord) -> str:
    """Return why a machine that never came into service is given up, "" for all others."""
    return record.leaving_for if record.leaving_for and not record.ready_at and not record.forced else ""


def _resource_changed(cluster: str, name: str, old: ResourceMemory, new: ResourceMemory) -> Iterator[Event]:
    def event(what: str, reason: str, **more: object) -> Event:
        data = {"cluster": cluster, "id": name, "resource": name, "reason": reason[:500], **more}
        return Event(f"dynamiccluster/{cluster}/resource/{name}/{what}", data)

    if new.flag is not old.flag:
        yield event(_FLAGS[new.flag], "an administrator said so" if new.flag is not ResourceFlag.DRAINED else "no node is left")
    if new.backoff is not None and (old.backoff is None or old.backoff.kind != new.backoff.kind):
        yield event("backoff", new.backoff.reason, kind=new.backoff.kind, until=new.backoff.until)
    if new.backoff is None and old.backoff is not None:
        yield event("recovered", old.backoff.reason, kind=old.backoff.kind)
    for offering in sorted(new.offerings.keys() - old.offerings.keys()):
        item = new.offerings[offering]
        yield event("backoff", item.reason, kind=item.kind, until=item.until, offering=offering)
    for offering in sorted(old.offerings.keys() - new.offerings.keys()):
        yield event("recovered", old.offerings[offering].reason, kind=old.offerings[offering].kind, offering=offering)
