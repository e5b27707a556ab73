"""One line for people: why a job waits or what it gets, why a node exists and when it may go. From the decision, never beside it."""

from __future__ import annotations

from ..model import Job, JobState, WorkerNode
from .limits import batch_problem
from .plan import Act, Outcome, Plan
from .world import World

_VERBS = {Outcome.IMPOSSIBLE: "can never run", Outcome.NOT_DEMAND: "is not waiting for a node"}


def explain_job(plan: Plan, world: World, job_id: str) -> str:
    """Return why the job waits, which node it gets, or where it runs. A short id finds its long form (`17` for `17.head`)."""
    job = find_job(plan, world, job_id)
    stale = batch_problem(world)
    if job is None:
        return f"job {job_id} is not known" + (f" ({stale})" if stale else ": it has ended, or was never submitted")
    return _tell_job(plan, world, job) + (f" (as last read; {stale})" if stale and not plan.fates.of(job) else "")


def find_job(plan: Plan, world: World, job_id: str) -> Job | None:
    """Return the job of this id, of an array rather the part that waits; None when there is none."""
    jobs = [job for job in world.batch.jobs if job_id in (job.id, *_short_forms(job.id))]
    return next((job for job in jobs if plan.fates.of(job)), jobs[0] if jobs else None)


def _short_forms(job_id: str) -> tuple[str, ...]:
    return (job_id.partition(".")[0], job_id.partition("[")[0])


def _tell_job(plan: Plan, world: World, job: Job) -> str:
    fate = plan.fates.of(job)
    if fate is None:
        where = f" on {', '.join(dict.fromkeys(job.hosts))}" if job.hosts else ""
        return f"job {job.id} {_DOING.get(job.state, job.state.value)}{where}"
    line = f"job {job.id} {_VERBS.get(fate.outcome, 'waits')}: {fate.reason}"
    if fate.outcome is not Outcome.RUNS:
        return line
    waited = _room_since(world, job, fate.nodes)
    if waited < world.settings.dynamic_cluster.max_launch_time:
        return line
    return f"{line}; the room has been there for {waited:.0f} s, so ask the batch system what keeps the job from it"


_DOING = {JobState.RUNNING: "runs", JobState.SUSPENDED: "is suspended", JobState.COMPLETED: "has ended"}


def _room_since(world: World, job: Job, names: tuple[str, ...]) -> float:
    """Return for how many seconds the job and an idle node for it have been there together."""
    idle = [node.record.idle_since for node in world.nodes if node.hostname in names and node.record and node.record.idle_since]
    return world.now - max(job.created, min(idle)) if idle and job.created else 0.0


def explain_node(plan: Plan, world: World, hostname: str) -> str:
    """Return why a node exists, what is done with it now, and when it may go."""
    node = find_node(plan, hostname)
    if node is None:
        return f"there is no worker node {hostname}"
    state = node.state.name.lower()
    if node.record is None:
        return f"{node.hostname} is {state}; it belongs to no resource: shown, never touched"
    cause = node.record.cause or "its cause is not remembered"
    parts = [f"{node.hostname} of {node.resource} is {state}", f"it was launched {cause}" if _is_purpose(cause) else cause]
    due = [f"{_DUE.get(action.act, action.act.value)} ({action.reason})" for action in plan.actions if action.node == node.record.name]
    if node.record.failed:
        parts.append(f"trouble: {node.record.failed}")
    if due:
        parts.append("next: " + ", then ".join(due))
    parts.append(f"stays: {stay}" if (stay := plan.stays.get(node.record.name)) else f"goes: {_leaving(node)}")
    return "; ".join(parts)


_DUE = {Act.CONFIGURE: "its configuration runs", Act.HOOK: "a command of the administrator runs"}


def _is_purpose(cause: str) -> bool:
    return cause.startswith(("for ", "to "))


def _leaving(node: WorkerNode) -> str:
    return (node.record.leaving_for if node.record else "") or "it is not needed any more"


def find_node(plan: Plan, name: str) -> WorkerNode | None:
    """Return the worker node of this host name, short or long, or of this instance name; None when there is none."""
    wanted = name.lower()
    for node in plan.nodes:
        if wanted in (node.hostname.lower(), node.hostname.lower().partition(".")[0], node.record.name.lower() if node.record else ""):
            return node
    return None
