"""From what qstat says of jobs to model.Job: states, tasks that could start now, reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ...model import Job, JobState
from .config import is_rerunnable
from .details import JobDetail
from .jobs import JobRecord, count_tasks
from .requests import Translation, Translator

_RUNNING = frozenset("rtRd")
_SUSPENDED = frozenset("sST")
NO_DETAIL = JobDetail()
_EARLY = "its start time lies in the future"


@dataclass(frozen=True)
class JobContext:
    """What a job's record is read against.

    `running_on` and `started_at` come from qhost, `left` is what remains of the cell's own consumables; `details` lacks the jobs
    that were not asked for yet.
    """

    translate: Translator
    now: float
    details: Mapping[str, JobDetail] = field(default_factory=dict)
    running_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    started_at: Mapping[str, float] = field(default_factory=dict)
    left: Mapping[str, float] = field(default_factory=dict)


def read_state(record: JobRecord) -> JobState:
    """Return the state that qstat's letters mean."""
    return JobState.UNKNOWN if record.broken else _read_letters(record.state, bool(record.predecessors))


@lru_cache(maxsize=1000)
def _read_letters(state: str, has_predecessors: bool) -> JobState:
    letters = frozenset(state)
    if not letters:
        return JobState.UNKNOWN
    if "z" in letters:
        return JobState.COMPLETED
    if letters.isdisjoint("qw"):
        return _read_running(letters)
    if "E" in letters:
        return JobState.ERROR
    if "h" in letters:
        return JobState.DEPENDENT if has_predecessors else JobState.HELD
    return JobState.UNKNOWN if "d" in letters else JobState.PENDING


def wants_detail(record: JobRecord) -> bool:
    """Tell whether a pending job's details decide if it could start: a start time (then it has no priority yet) or an array's limit."""
    return read_state(record) is JobState.PENDING and (record.priority == 0 or bool(record.tasks))


class RunningTasks:
    """Counts the running tasks of each job, once, and only if somebody wants to know."""

    def __init__(self, records: Iterable[JobRecord]) -> None:
        self._records = records
        self._counts: Counter[str] | None = None

    def of(self, job_id: str) -> int:
        if self._counts is None:
            self._counts = Counter(record.id for record in self._records if not frozenset("qwz").intersection(record.state))
        return self._counts[job_id]


def _read_running(letters: frozenset[str]) -> JobState:
    if letters & _SUSPENDED:
        return JobState.SUSPENDED
    return JobState.RUNNING if letters & _RUNNING else JobState.UNKNOWN


def view(record: JobRecord, context: JobContext, running: RunningTasks) -> Job | None:
    """Return the job of a record, None when it only asks for queues that nobody watches, or has no number."""
    state = read_state(record)
    if record.broken:
        return Job(record.id, state, tasks=0, reason=record.broken) if record.id else None
    if state in (JobState.RUNNING, JobState.SUSPENDED):
        return _view_running(record, state, context)
    if state is JobState.PENDING and not record.tasks and record.id in context.running_on:
        # it started after qstat was asked and before qhost was
        return _view_running(record, JobState.RUNNING, context)
    translation = context.translate(record.request)
    if translation.unwatched:
        return None
    return _view_waiting(record, state, translation, context, running)


def _view_waiting(record: JobRecord, state: JobState, translation: Translation, context: JobContext, running: RunningTasks) -> Job:
    reason, tasks = "", 0
    if state is JobState.PENDING:
        state, reason, tasks = _startable(record, translation, context, running)
    elif state is not JobState.COMPLETED:
        reason = _explain(record, state)
    return _job(record, record.id, state, translation, context, tasks=tasks, reason=reason)


def _startable(
    record: JobRecord, translation: Translation, context: JobContext, running: RunningTasks
) -> tuple[JobState, str, int]:
    """Return state, reason and the number of tasks that could start now."""
    detail = context.details.get(record.id)
    tasks = count_tasks(record.tasks)
    if detail is None:
        if wants_detail(record):
            return JobState.WAITING, "its start time and task limit are not known yet", 0
        detail = NO_DETAIL
    if detail.start_after > context.now:
        return JobState.WAITING, _EARLY, 0
    if detail.task_limit:
        tasks = min(tasks, detail.task_limit - running.of(record.id))
        if tasks <= 0:
            return JobState.WAITING, f"its limit of {detail.task_limit} tasks at once is reached", 0
    for name, amount in translation.shared:
        if context.left.get(name, amount) < amount:
            return JobState.WAITING, f"it waits for {amount:g} of {name}, {context.left[name]:g} are left in the whole cell", 0
    return JobState.PENDING, "", tasks


def _explain(record: JobRecord, state: JobState) -> str:
    match state:
        case JobState.ERROR:
            return "it is in error state: qstat -explain E tells why, qmod -cj clears it"
        case JobState.DEPENDENT:
            return f"it waits for {', '.join(record.predecessors)}"
        case JobState.HELD:
            return "it is held"
    return f"its state {record.state} is no state in which it could start"


def _view_running(record: JobRecord, state: JobState, context: JobContext) -> Job:
    job_id = f"{record.id}.{record.tasks}" if record.tasks else record.id
    return _job(record, job_id, state, context.translate(record.request), context)


def _job(
    record: JobRecord, job_id: str, state: JobState, translation: Translation, context: JobContext,
    *, tasks: int = 0, reason: str = "",
) -> Job:  # fmt: skip
    detail = context.details.get(record.id, NO_DETAIL)
    return Job(
        id=job_id,
        state=state,
        request=translation.request,
        tasks=tasks,
        name=record.name,
        owner=record.owner,
        queue=record.queue or ",".join(record.request.queues),
        account=detail.account,
        priority=record.priority,
        created=detail.submitted or record.submitted,
        started=context.started_at.get(job_id) or record.started,
        walltime=translation.walltime,
        rerunnable=_is_rerunnable(record, detail, context),
        reason=reason,
        hosts=context.running_on.get(job_id) or _master_host(record),
        extra={"project": detail.project} if detail.project else {},
    )


def _is_rerunnable(record: JobRecord, detail: JobDetail, context: JobContext) -> bool:
    if detail.restart:
        return detail.restart == 1
    queue, _, host = record.queue.partition("@")
    cell = context.translate.cell
    return is_rerunnable(cell.queues.get(queue), host, cell.groups_above(host))


def _master_host(record: JobRecord) -> tuple[str, ...]:
    host = record.queue.partition("@")[2]
    return (host,) if host else ()


def add_detail(job: Job, detail: JobDetail, now: float) -> Job:
    """Return a plain waiting job with its details, as `view` would."""
    known = job._replace(
        account=detail.account,
        created=detail.submitted or job.created,
        rerunnable=detail.restart == 1,
        extra={"project": detail.project} if detail.project else {},
    )
    return known._replace(state=JobState.WAITING, reason=_EARLY, tasks=0) if detail.start_after > now else known


def start(job: Job, context: JobContext) -> Job:
    """Return a plain waiting job as one that runs, as qhost says, and qstat did not know yet."""
    started, hosts = context.started_at.get(job.id) or 0.0, context.running_on[job.id]
    return job._replace(state=JobState.RUNNING, reason="", tasks=0, started=started, hosts=hosts)


def unique(job: Job, tasks: str, known: Mapping[str, Job]) -> Job:
    """Return the job with an id that is not in use: an array has one record for each state of its pending tasks."""
    return job._replace(id=f"{job.id}.{tasks}") if tasks and job.id in known else job
