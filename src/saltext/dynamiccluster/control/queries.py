"""What an administrator asks the running engine, without changing anything: plan, explain, job, history, validate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any

from ..errors import CommandRefused, DynamicClusterError, JournalError
from ..policy.decide import decide
from ..policy.explain import explain_job, explain_node, find_job, find_node
from ..policy.plan import Plan
from ..policy.world import World
from ..ports import Finding
from .codec import encode
from .core import Core
from .hooks import check_commands
from .present import present_job, present_node, present_plan

Answer = dict[str, Any]
_MOST_FATES = 1000  # told with a plan


def ask(core: Core, name: str, arguments: Mapping[str, Any]) -> Answer:
    """Return {"ok", "message", "data"}. May block as long as the batch system or a cloud does; call it from a thread."""
    try:
        return QUERIES[name](core, **arguments)
    except TypeError as error:
        return _no(f"{name} was called with wrong arguments: {error}")
    except (DynamicClusterError, ValueError) as error:
        return {**_no(str(error)), "kind": getattr(error, "kind", "")}


def _plan(core: Core) -> Answer:
    """Return what a decision made now would do, by the same function as the engine's own."""
    now = core.parts.clock.now()
    plan = decide(core.snapshot, core.parts.settings, core.memory, now)
    told = islice(plan.fates.items(), _MOST_FATES)
    fates = {job: {"outcome": fate.outcome.value, "reason": fate.reason, "nodes": list(fate.nodes)} for job, fate in told}
    count = len(plan.actions)
    message = f"{count} action{'' if count == 1 else 's'} would be taken now" if count else "nothing would be done now"
    return _yes(message, {**present_plan(plan, now), "fates": fates})


def _explain(core: Core, subject: str) -> Answer:
    now = core.parts.clock.now()
    plan = decide(core.snapshot, core.parts.settings, core.memory, now)
    world = World(core.snapshot, core.parts.settings, plan.memory, now, plan.nodes)
    node = find_node(plan, subject)
    if node is not None:
        return _yes(explain_node(plan, world, subject), present_node(node, plan, now))
    job = find_job(plan, world, subject)
    if job is None and (told := _explain_failures(core, plan, subject)) is not None:
        return told
    if job is None:
        raise CommandRefused(f"there is neither a job nor a node nor a resource {subject!r} (salt-run dynamiccluster.jobs, nodes and resources list them)", "unknown")
    return _yes(explain_job(plan, world, subject), present_job(job, plan.fates.of(job), now))


def _explain_failures(core: Core, plan: Plan, subject: str) -> Answer | None:
    """Tell of a resource, or of a machine that is gone, why machines never became nodes; None when nothing is known of the subject."""
    of_resource = subject in core.parts.settings.cloud
    found = core.ledger.evidence(resource=subject) if of_resource else core.ledger.evidence(node=subject)
    if not of_resource and not found:
        return None
    why = [plan.blocked.get(subject) or plan.blocked.get("") or "launches are possible"] if of_resource else []
    count = core.memory.resource(subject).failures if of_resource else 0
    if count:
        why.append(f"machines in a row that never became nodes: {count}")
    why += [f"{item.node} ({item.instance}) was given up: {item.why}" for item in found]
    return _yes(f"{subject}: " + "; ".join(why), {"evidence": [asdict(item) for item in found]})


def _job(core: Core, job: str) -> Answer:
    details = core.parts.batch.job(str(job))
    if not details:
        raise CommandRefused(f"the batch system has no job {job!r}", "unknown")
    return _yes("", dict(details))


def _history(core: Core, node: str | None = None, resource: str | None = None, limit: int = 50) -> Answer:
    return _yes("", history(core, node=_record_name(core, node), resource=resource or "", limit=max(1, min(int(limit), 1000))))


def history(core: Core, **wanted: Any) -> list[Answer]:
    """Return entries of the history, newest first; none while the journal cannot be read."""
    try:
        return [encode(entry) for entry in core.ledger.history(**wanted)]
    except JournalError:
        return []


def _record_name(core: Core, node: str | None) -> str:
    """Return the record's name for a host name; the history knows nodes by it, also those that are gone."""
    for name, record in core.memory.nodes.items():
        if node and node in (name, record.hostname, record.minion):
            return name
    return node or ""


def _validate(core: Core) -> Answer:
    """Check everything on the real systems, as the engine's own user; a system that cannot be asked is a finding, too."""
    parts = core.parts
    findings = _findings("batch system", parts.batch.check)
    for name, cloud in sorted(parts.clouds.items()):
        findings += _findings(f"resource {name}", cloud.check)
    findings += check_commands(parts.settings)
    journal = core.ledger.degraded
    findings.append(Finding("journal", not journal, journal, "free some space, or correct the rights of its directory"))
    return _yes("", [asdict(finding) for finding in findings])


def _findings(what: str, check: Callable[[], tuple[Finding, ...]]) -> list[Finding]:
    try:
        return list(check())
    except DynamicClusterError as error:
        return [Finding(what, False, str(error), "make it answer, then validate again")]


def _yes(message: str, data: Any) -> Answer:
    return {"ok": True, "message": message, "data": data}


def _no(message: str) -> Answer:
    return {"ok": False, "message": message, "data": {}}


QUERIES: Mapping[str, Callable[..., Answer]] = {
    "plan": _plan,
    "explain": _explain,
    "job": _job,
    "history": _history,
    "validate": _validate,
}
