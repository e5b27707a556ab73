"""Viewing listings again and again: a job is viewed anew when its record changed, or what the record is read against.

All of a long queue pass here each time; so what is done to each job is done to all of them at once, by functions written in C.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter

from ...calm import undisturbed
from ...model import Job, JobState, Request
from .details import JobDetail
from .jobs import JobRecord, RawRequest
from .jobview import JobContext, RunningTasks, unique, view
from .requests import Translator

_Hosts = tuple[str, ...]
_Seen = tuple[JobDetail | None, _Hosts | None, Job, JobRecord]
_Plain = tuple[Request, str, float | None]  # what a plain job asks for, the queues as asked, the wall time in seconds
_id = itemgetter(0)
_new = tuple.__new__
_PENDING = JobState.PENDING


class JobViews:
    """Makes jobs of records, and remembers them by their record as long as the cell's configuration stays.

    What a job of an array, or one that waits for something of the whole cell, looks like depends on others: those are not remembered.
    """

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}  # a record is kept with its view, so that no other one gets its id
        self._translate: Translator | None = None

    def __call__(self, records: Sequence[JobRecord], context: JobContext) -> tuple[Job, ...]:
        """Return the jobs. Those that only ask for queues nobody watches are left out while they wait."""
        if context.translate is not self._translate:
            self._seen, self._translate = {}, context.translate
        with undisturbed():
            jobs = _unite(records, self._view_all(records, context))
        if len(self._seen) > 1000 + len(records) * 3 // 2:
            listed = set(map(id, records))
            self._seen = {key: known for key, known in self._seen.items() if key in listed}
        return jobs

    def _view_all(self, records: Sequence[JobRecord], context: JobContext) -> list[Job | None]:
        ids = list(map(_id, records))
        details, places = list(map(context.details.get, ids)), list(map(context.running_on.get, ids))
        jobs = [
            known[2] if known and known[0] is detail and known[1] == hosts else None
            for known, detail, hosts in zip(map(self._seen.get, map(id, records)), details, places, strict=True)
        ]
        if not all(jobs):
            make = _Maker(self._seen, records, context)
            jobs = [job or make(*given) for job, *given in zip(jobs, records, details, places, strict=True)]
        return jobs


class _Maker:
    """Views the records of one listing that are not known yet."""

    def __init__(self, seen: dict[int, _Seen], records: Iterable[JobRecord], context: JobContext) -> None:
        self._seen, self._context = seen, context
        self._running = RunningTasks(records)
        self._plain: dict[int, _Plain | None] = {}  # by the id of a request, all of which live as long as this

    def __call__(self, record: JobRecord, detail: JobDetail | None, hosts: _Hosts | None) -> Job | None:
        """Return the job of a record."""
        job_id, state, priority, name, owner, submitted, started, queue, tasks, request, _, broken = record
        # what queues are long of: a plain job that waits for a node and has been given a priority
        if state == "qw" and priority and detail is None and hosts is None and not (tasks or queue or started or broken):
            key = id(request)
            asked = self._plain[key] if key in self._plain else self._look_at(request)
            if asked is not None:
                job = _new(Job, (job_id, _PENDING, asked[0], 1, name, owner, asked[1], "", priority, submitted, 0.0, asked[2], False, "", (), _NOTHING))
                self._seen[id(record)] = (None, None, job, record)
                return job
        viewed = view(record, self._context, self._running)
        if viewed and not tasks and _is_settled(viewed, detail) and not self._context.translate(request).shared:
            self._seen[id(record)] = (detail, hosts, viewed, record)
        return viewed

    def _look_at(self, request: RawRequest) -> _Plain | None:
        """Return what plain jobs with this request are made of, None when they depend on others or are of queues that nobody watches."""
        found = self._context.translate(request)
        plain = None if found.shared or found.unwatched else (found.request, ",".join(request.queues), found.walltime)
        self._plain[id(request)] = plain
        return plain


_NOTHING: dict[str, str] = {}


def _unite(records: Iterable[JobRecord], views: list[Job | None]) -> tuple[Job, ...]:
    """Return the jobs, each id once: an array has one record for each state of its pending tasks, a job may be listed once for each slot."""
    jobs = [job for job in views if job] if not all(views) else views
    if len(set(map(_id, jobs))) == len(jobs):
        return tuple(jobs)
    known: dict[str, Job] = {}
    for record, job in zip(records, views, strict=True):
        if job:
            job = unique(job, record.tasks, known)
            known[job.id] = job
    return tuple(known.values())


def _is_settled(job: Job, detail: JobDetail | None) -> bool:
    """Tell whether only another record or other details could change the view: a start time passes, too."""
    return job.state is not JobState.WAITING and not (detail is not None and detail.start_after)
