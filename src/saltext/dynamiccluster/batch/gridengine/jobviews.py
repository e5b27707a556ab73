"""Viewing listings again and again: a job is viewed anew when its record changed, or what the record is read against."""

from __future__ import annotations

from collections.abc import Iterable

from ...calm import undisturbed
from ...model import Job, JobState, Request
from ..many import pending_job
from .details import JobDetail
from .jobs import JobRecord, RawRequest
from .jobview import JobContext, RunningTasks, unique, view
from .requests import Translator

_Seen = tuple[JobDetail | None, tuple[str, ...] | None, Job, JobRecord]


class JobViews:
    """Makes jobs of records, and remembers them by their record as long as the cell's configuration stays.

    What a job of an array, or one that waits for something of the whole cell, looks like depends on others: those are not remembered.
    """

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}  # a record is kept with its view, so that no other one gets its id
        self._translate: Translator | None = None

    def __call__(self, records: Iterable[JobRecord], context: JobContext) -> tuple[Job, ...]:
        """Return the jobs. Those that only ask for queues nobody watches are left out while they wait."""
        records = tuple(records)
        if context.translate is not self._translate:
            self._seen, self._translate = {}, context.translate
        with undisturbed():
            jobs = self._view_all(records, context)
        if len(self._seen) > 1000 + len(records) * 3 // 2:
            listed = set(map(id, records))
            self._seen = {key: known for key, known in self._seen.items() if key in listed}
        return tuple(jobs.values())

    def _view_all(self, records: tuple[JobRecord, ...], context: JobContext) -> dict[str, Job]:
        """Return the jobs by id. All of a long queue pass here each time: hence one long function that calls few others."""
        seen, details, hosts = self._seen, context.details, context.running_on
        plain: dict[int, _Plain | None] = {}
        running = RunningTasks(records)
        jobs: dict[str, Job] = {}
        for record in records:
            job_id, state, priority, name, owner, submitted, started, queue, tasks, request, _, broken = record
            detail, on, key = details.get(job_id), hosts.get(job_id), id(record)
            known = seen.get(key)
            if known is not None and known[0] is detail and known[1] == on:
                job: Job | None = known[2]
            else:
                # what queues are long of: a plain job that waits for a node and has been given a priority
                usual = state == "qw" and priority and detail is None and on is None and not (tasks or queue or started or broken)
                asked = None
                if usual:
                    asked = plain[id(request)] if id(request) in plain else plain.setdefault(id(request), _look_at(request, context))
                if asked is not None:
                    job = pending_job(job_id, asked[0], name, owner, asked[1], "", priority, submitted, asked[2], False)
                    seen[key] = (None, None, job, record)
                else:
                    job = view(record, context, running)
                    if job is not None and not tasks and _is_settled(job, detail) and not context.translate(request).shared:
                        seen[key] = (detail, on, job, record)
            if job is not None:
                if tasks:
                    job = unique(job, tasks, jobs)
                jobs[job.id] = job
        return jobs


_Plain = tuple[Request, str, float | None]  # what a plain job asks for, the queues as asked, the wall time in seconds


def _look_at(request: RawRequest, context: JobContext) -> _Plain | None:
    """Return what plain jobs with this request are made of, None when they depend on others or are of queues that nobody watches."""
    found = context.translate(request)
    return None if found.shared or found.unwatched else (found.request, ",".join(request.queues), found.walltime)


def _is_settled(job: Job, detail: JobDetail | None) -> bool:
    """Tell whether only another record or other details could change the view: a start time passes, too."""
    return job.state is not JobState.WAITING and not (detail is not None and detail.start_after)
