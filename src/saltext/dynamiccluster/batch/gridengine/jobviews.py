"""Viewing listings again and again: a job is viewed anew when its record changed, or what the record is read against."""

from __future__ import annotations

from collections.abc import Iterable

from ...calm import undisturbed
from ...model import Job, JobState
from ..many import pending_job
from .details import JobDetail
from .jobs import JobRecord
from .jobview import JobContext, RunningTasks, unique, view
from .requests import Translation, Translator

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
        """Return the jobs by id. All of a long queue pass here each time: hence few calls."""
        seen, details, hosts = self._seen, context.details, context.running_on
        translations: dict[int, Translation] = {}
        running = RunningTasks(records)
        jobs: dict[str, Job] = {}
        for record in records:
            detail, on = details.get(record.id), hosts.get(record.id)
            known = seen.get(id(record))
            if known is not None and known[0] is detail and known[1] == on:
                job: Job | None = known[2]
            else:
                translation = translations.get(id(record.request))
                if translation is None:
                    translation = translations[id(record.request)] = context.translate(record.request)
                usual = on is None and _is_usual(record, detail, translation)
                job = _wait(record, detail, translation) if usual else view(record, context, running)
                if job is not None and not record.tasks and not translation.shared and _is_settled(job, detail):
                    seen[id(record)] = (detail, on, job, record)
            if job is not None:
                job = unique(job, record.tasks, jobs)
                jobs[job.id] = job
        return jobs


def _is_settled(job: Job, detail: JobDetail | None) -> bool:
    """Tell whether only another record or other details could change the view: a start time passes, too."""
    return job.state is not JobState.WAITING and not (detail is not None and detail.start_after)


def _is_usual(record: JobRecord, detail: JobDetail | None, translation: Translation) -> bool:
    """Tell whether a record is one of those of which queues are long: a plain job that waits for a node and has been given a priority."""
    plain = record.state == "qw" and not record.tasks and not record.queue and not record.started and not record.broken
    known = record.priority if detail is None else not detail.start_after and not detail.task_limit
    return bool(plain and known) and not translation.shared and not translation.unwatched


def _wait(record: JobRecord, detail: JobDetail | None, translation: Translation) -> Job:
    """Return what `view` returns for a usual record, sooner."""
    queues = record.request.queues
    queue = ",".join(queues) if queues else ""
    if detail is None:
        account, created, again, extra = "", record.submitted, False, {}
    else:
        account, created, again = detail.account, detail.submitted or record.submitted, detail.restart == 1
        extra = {"project": detail.project} if detail.project else {}
    return pending_job(
        record.id, translation.request, record.name, record.owner, queue, account, record.priority, created, translation.walltime, again, extra
    )
