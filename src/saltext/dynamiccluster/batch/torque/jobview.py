"""From what qstat says of jobs to model.Job: states, tasks that could start now, reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ...calm import undisturbed
from ...model import Job, JobState, Request
from ..many import pending_job
from .jobs import JobRecord
from .requests import Translator
from .units import count_elements

_STATES = {
    "Q": JobState.PENDING,
    "H": JobState.HELD,
    "W": JobState.WAITING,
    "T": JobState.WAITING,
    "R": JobState.RUNNING,
    "E": JobState.RUNNING,  # exiting: it still has its slots
    "S": JobState.SUSPENDED,
    "C": JobState.COMPLETED,
}
_ON_NODES = (JobState.RUNNING, JobState.SUSPENDED)
_WHO = {"u": "its user", "o": "an operator", "s": "the system"}
_LOWEST = 0.1  # Maui's 0 is a priority like others, while 0 here means none


@dataclass(frozen=True)
class JobContext:
    """What a job's record is read against.

    `running_on` comes from pbsnodes, by id; `priorities` from Maui, by number. Jobs missing there count all the same, after those that have
    one: Maui leaves out whatever the nodes of this moment cannot run (row T6). `watched`: the only queues that count, none: all.
    """

    translate: Translator
    now: float
    priorities: Mapping[str, float] = field(default_factory=dict)
    running_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    watched: frozenset[str] = frozenset()


def view_jobs(records: Iterable[JobRecord], context: JobContext) -> tuple[Job, ...]:
    """Return the jobs. Those in queues that nobody watches are left out while they wait."""
    records = tuple(records)
    expanded = frozenset([record.id.partition("[")[0] for record in records if "[" in record.id and "[]" not in record.id])
    usual = _Usual(context)
    jobs = []
    with undisturbed():
        for record in records:
            job = usual(record)
            if job is None:
                if "[]" in record.id and record.id.partition("[")[0] in expanded:
                    continue  # its elements are listed one by one
                job = _view(record, context)
            if job is not None:
                jobs.append(job)
    return tuple(jobs)


class _Usual:
    """Views records of the kind of which queues are long, a plain job that waits for a node, as `_view` does but sooner."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._open: dict[str, bool] = {}  # by queue: whether jobs in it are looked at, and could start
        self._requests: dict[int, Request] = {}

    def __call__(self, record: JobRecord) -> Job | None:
        """Return the job, None when the record is not of this kind."""
        context, job_id, queue = self._context, record.id, record.queue
        if record.state != "Q" or record.broken or "[" in job_id or record.queue_type == "R" or job_id in context.running_on:
            return None
        if not (self._open[queue] if queue in self._open else self._look_at(queue)):
            return None
        request = self._requests.get(id(record.request))
        if request is None:
            request = self._requests[id(record.request)] = context.translate(record.request)
        priority = context.priorities.get(job_id.partition(".")[0])
        priority = 0.0 if priority is None else priority or _LOWEST
        account, created, again = record.request.account, record.created, record.rerunnable
        return pending_job(job_id, request, record.name, record.owner, queue, account, priority, created, record.walltime, again)

    def _look_at(self, queue: str) -> bool:
        watched, server = self._context.watched, self._context.translate.world.server
        self._open[queue] = not (watched and queue not in watched) and not server.is_stopped(queue)
        return self._open[queue]


def _view(record: JobRecord, context: JobContext) -> Job | None:
    if record.broken:
        return Job(record.id, JobState.UNKNOWN, tasks=0, reason=record.broken) if record.id else None
    state = _STATES.get(record.state, JobState.UNKNOWN)
    hosts = record.hosts
    if state is JobState.PENDING and record.id in context.running_on:
        # it started after qstat was asked and before pbsnodes was
        state, hosts = JobState.RUNNING, context.running_on[record.id]
    if state in _ON_NODES:
        return _job(record, state, context, hosts=hosts)
    if context.watched and record.queue not in context.watched:
        return None
    if state is JobState.COMPLETED:
        return _job(record, state, context)
    if state is JobState.PENDING:
        return _view_pending(record, context)
    return _job(record, _why_held(record, state), context, reason=_explain(record, state))


def _view_pending(record: JobRecord, context: JobContext) -> Job:
    server = context.translate.world.server
    if record.queue_type == "R":
        reason = f"routing queue {record.queue} has not passed it on to an execution queue yet"
        return _job(record, JobState.WAITING, context, reason=reason)
    if server.is_stopped(record.queue):
        reason = f"queue {record.queue} is stopped (qmgr -c 'set queue {record.queue} started = True' starts it)"
        return _job(record, JobState.WAITING, context, reason=reason)
    return _job(record, JobState.PENDING, context, tasks=_count(record))


def _count(record: JobRecord) -> int:
    """Return the tasks of a record: an array is one record when qstat is called without -t."""
    try:
        return count_elements(record.array_request) if "[]" in record.id and record.array_request else 1
    except ValueError:
        return 1


def _why_held(record: JobRecord, state: JobState) -> JobState:
    if state is not JobState.HELD:
        return state
    if record.depend and "u" not in record.hold_types and "o" not in record.hold_types:
        return JobState.DEPENDENT
    return JobState.WAITING if _is_over_limit(record) else JobState.HELD


def _is_over_limit(record: JobRecord) -> bool:
    """Tell whether an array's element waits for its slot limit: such are held by nobody (4.2), or by the array (6)."""
    return "[" in record.id and record.hold_types in ("", "n", "l", "a")


def _explain(record: JobRecord, state: JobState) -> str:
    match record.state, _why_held(record, state):
        case "H", JobState.DEPENDENT:
            return f"it waits for {record.depend[:200]}"
        case "H", JobState.WAITING:
            return "the slot limit of its array is reached"
        case "H", _:
            who = [_WHO[letter] for letter in record.hold_types if letter in _WHO]
            return f"it is held by {' and '.join(who)}" if who else "it is held"
        case "W", _:
            return "its start time lies in the future"
        case "T", _:
            return "it is on its way to another queue or server"
    return f"its state {record.state} is no state in which it could start"


def _job(record: JobRecord, state: JobState, context: JobContext, *, tasks: int = 0, reason: str = "", hosts: tuple[str, ...] = ()) -> Job:
    priority = context.priorities.get(record.number)
    return Job(
        id=record.id,
        state=state,
        request=context.translate(record.request),
        tasks=tasks,
        name=record.name,
        owner=record.owner,
        queue=record.queue,
        account=record.request.account,
        priority=0.0 if priority is None else priority or _LOWEST,
        created=record.created,
        started=record.started if state in _ON_NODES else 0.0,
        walltime=record.walltime,
        rerunnable=record.rerunnable,
        reason=reason,
        hosts=hosts,
    )
