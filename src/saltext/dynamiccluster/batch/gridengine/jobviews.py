"""Viewing listings again and again: a job is viewed anew when its record changed, or what the record is read against.

Plain jobs come as such from the listing; here they get their details, which few of them have at first. All of a long queue passes here each
time, so what is done to each job is done by functions written in C.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import compress
from operator import itemgetter

from ...calm import undisturbed
from ...model import Job, JobState
from .details import JobDetail
from .jobs import JobRecord
from .jobscan import Entry, JobListing
from .jobview import (
    NO_DETAIL,
    JobContext,
    RunningTasks,
    add_detail,
    start,
    unique,
    view,
)
from .requests import Translator

_Seen = tuple[JobDetail | None, tuple[str, ...] | None, Job, JobRecord]
_id = itemgetter(0)


class JobViews:
    """Makes jobs of listings, and remembers them by their entry as long as the cell's configuration stays.

    What a job of an array, or one that waits for something of the whole cell, looks like depends on others: those are not remembered.
    """

    def __init__(self) -> None:
        self._plain = _PlainViews()
        self._seen: dict[int, _Seen] = {}  # a record is kept with its view, so that no other one gets its id
        self._translate: Translator | None = None

    def __call__(self, listing: JobListing, context: JobContext, learnt: Collection[str] = ()) -> tuple[Job, ...]:
        """Return the jobs; `learnt` are the ids whose details are not those of the last time.

        Jobs that only ask for queues nobody watches are left out while they wait.
        """
        if context.translate is not self._translate:
            self._plain, self._seen, self._translate = _PlainViews(), {}, context.translate
        with undisturbed():
            jobs: list[Entry | None] = self._plain(listing, context, learnt)
            ids = self._view_others(listing, context, jobs)
            self._forget_others(listing)
            listing.viewed = True
            return _unite(listing, jobs, ids)

    def _view_others(self, listing: JobListing, context: JobContext, jobs: list[Entry | None]) -> list[str]:
        """Put those that are no plain jobs in their places; return the ids of all, "" for those that are left out."""
        ids, running = listing.ids.copy(), RunningTasks(listing.records)
        for place, record in zip(listing.others, listing.records, strict=True):
            jobs[place] = job = self._view(record, context, running)
            ids[place] = job.id if job else ""
        return ids

    def _view(self, record: JobRecord, context: JobContext, running: RunningTasks) -> Job | None:
        detail, hosts = context.details.get(record.id), context.running_on.get(record.id)
        known = self._seen.get(id(record))
        if known is not None and known[0] is detail and known[1] == hosts:
            return known[2]
        job = view(record, context, running)
        if job and not record.tasks and _is_settled(job, detail) and not context.translate(record.request).shared:
            self._seen[id(record)] = (detail, hosts, job, record)
        return job

    def _forget_others(self, listing: JobListing) -> None:
        if len(self._seen) > 1000 + len(listing.others) * 3 // 2:
            listed = set(map(id, listing.records))
            self._seen = {key: known for key, known in self._seen.items() if key in listed}


class _PlainViews:
    """Plain jobs with their details, by the id of the job without: that one is kept, too, so that no other object gets its id."""

    def __init__(self) -> None:
        self._bases: dict[int, Job] = {}
        self._views: dict[int, Job] = {}
        self._early: dict[int, Job] = {}  # those whose start time has not come

    def __call__(self, listing: JobListing, context: JobContext, learnt: Collection[str]) -> list[Entry]:
        """Return the listing's entries, plain jobs as they are to be seen."""
        self._add_details(listing, context, learnt)
        views = list(map(self._views.get, map(id, listing.entries), listing.entries))
        started = context.running_on.keys() - {f"{record.id}.{record.tasks}" if record.tasks else record.id for record in listing.records}
        if started:  # after qstat was asked and before qhost was
            views = [start(job, context) if type(job) is Job and job.id in started else job for job in views]
        return views

    def _add_details(self, listing: JobListing, context: JobContext, learnt: Collection[str]) -> None:
        details = context.details
        due: list[Entry] = list(self._early.values())
        if learnt and len(listing.fresh) < len(listing.entries):  # else all are fresh
            due += compress(listing.entries, map(learnt.__contains__, listing.ids))
        if details:
            due += compress(listing.fresh, map(details.__contains__, map(_id, listing.fresh)))
        for base in due:
            if type(base) is not Job:
                continue
            self._bases[id(base)] = base
            self._views[id(base)] = job = add_detail(base, details.get(base.id, NO_DETAIL), context.now)
            if job.state is JobState.WAITING:
                self._early[id(base)] = base
            else:
                self._early.pop(id(base), None)
        if len(self._bases) > 1000 + len(listing.entries) * 3 // 2:
            self._forget_others(listing)

    def _forget_others(self, listing: JobListing) -> None:
        listed = set(map(id, listing.entries))
        self._bases = {key: base for key, base in self._bases.items() if key in listed}
        self._views = {key: self._views[key] for key in self._bases}
        self._early = {key: base for key, base in self._early.items() if key in listed}


def _unite(listing: JobListing, jobs: list[Entry | None], ids: list[str]) -> tuple[Job, ...]:
    """Return the jobs, each id once: an array has one record for each state of its pending tasks, a job may be listed once for each slot."""
    different = set(ids)
    if "" not in different and len(different) == len(ids):
        return tuple(jobs)
    if len(different) - 1 == len(ids) - ids.count(""):
        return tuple(job for job in jobs if job)
    known: dict[str, Job] = {}
    for entry, job in zip(listing.entries, jobs, strict=True):
        if job:
            job = unique(job, entry.tasks if type(entry) is JobRecord else "", known)
            known[job.id] = job
    return tuple(known.values())


def _is_settled(job: Job, detail: JobDetail | None) -> bool:
    """Tell whether only another record or other details could change the view: a start time passes, too."""
    return job.state is not JobState.WAITING and not (detail is not None and detail.start_after)
