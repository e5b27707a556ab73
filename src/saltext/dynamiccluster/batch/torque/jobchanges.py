"""Ending and requeueing jobs of one host: an administrator's vacate, a machine that is about to end, and one that is gone."""

from __future__ import annotations

from collections.abc import Iterable

from ...errors import BatchRefused
from ...ports import Cleared
from ..commands import Completed
from .jobs import JobRecord, parse_jobs
from .nodes import NodeRecord
from .replies import ENDED, NO_MOM, STATUS_UNKNOWN_JOB, check_change, check_reached
from .tools import CHANGE_TIMEOUT, Tools, same_host

_KILL = "KILL"
_RUNNING = frozenset({"R", "S"})
_ON_NODES = frozenset({"R", "E", "S"})


class JobChanges:
    """Changes of jobs. The caller sees to it that two never run at once."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def vacate(self, hostname: str) -> tuple[str, ...]:
        """End all jobs of a node and return their ids: in order where its daemon answers, else by deleting their records."""
        record = self._tools.node(hostname)
        if record is None:
            return ()
        for job_id in record.jobs:
            self._end(job_id, record)
        return record.jobs

    def requeue(self, hostname: str) -> tuple[str, ...]:
        """Requeue the rerunnable jobs of a node that still runs them, and return their ids. pbs_server itself refuses all others."""
        jobs = (job for job in self._jobs_on(hostname) if job.rerunnable and job.state in _RUNNING)
        return tuple(job.id for job in jobs if self._requeue(job.id, force=False))

    def clear(self, hostname: str) -> Cleared:
        """Requeue the rerunnable jobs of a node whose machine is gone, and purge the others. Raises BatchRefused when some stay."""
        jobs = self._jobs_on(hostname)
        requeued = tuple(job.id for job in jobs if job.rerunnable and self._requeue(job.id))
        lost = tuple(job.id for job in jobs if job.id not in requeued)
        for job_id in lost:
            self._purge(job_id)
        self._check_cleared(hostname, jobs)
        return Cleared(requeued, lost)

    # -- what runs there

    def _jobs_on(self, hostname: str) -> tuple[JobRecord, ...]:
        """Return the jobs of a node; of one that was deleted by hand, those that qstat still shows on it."""
        record = self._tools.node(hostname)
        if record is None:
            return tuple(job for job in self._tools.jobs() if job.state in _ON_NODES and _runs_on(job, hostname))
        return tuple(job for job_id in record.jobs if (job := self._find(job_id)) is not None)

    def _find(self, job_id: str) -> JobRecord | None:
        return next((job for job in parse_jobs(self._tools.job(job_id)) if job.id == job_id), None)

    def _check_cleared(self, hostname: str, before: Iterable[JobRecord]) -> None:
        left = []
        for job in before:
            after = self._find(job.id)
            if after is not None and after.state in _ON_NODES and _runs_on(after, hostname) and after.started == job.started:
                left.append(job.id)
        if left:
            raise BatchRefused(f"{', '.join(left)} still on {hostname} after they were cleared away")

    # -- ending

    def _end(self, job_id: str, record: NodeRecord) -> None:
        template = self._tools.settings.delete_job_command
        if record.down:
            self._purge(job_id)
        elif self._tools.is_plain(template):
            done = self._tools.run(self._tools.program(template, job_id), CHANGE_TIMEOUT)
            if NO_MOM.search(done.text):
                self._purge(job_id)
            else:
                _judge(done, f"qdel {job_id}")
        else:
            # the site's command may do no more than delete the record (qdel -p), which leaves the processes running
            _judge(self._tools.attempt(self._tools.settings.signal_job_command, _KILL, job_id), f"qsig {job_id}")
            self._purge(job_id)

    def _purge(self, job_id: str) -> None:
        _judge(self._tools.attempt(self._tools.settings.delete_job_command, job_id), f"qdel -p {job_id}")

    def _requeue(self, job_id: str, *, force: bool = True) -> bool:
        """Requeue a job, by `force` although its daemon is gone; False when it may not be rerun after all."""
        options = ("-f",) if force else ()
        argv = self._tools.sibling(self._tools.settings.delete_job_command, "qrerun", *options, job_id)
        done = self._tools.run(argv, CHANGE_TIMEOUT)
        check_reached(done, " ".join(argv))
        if "not rerunnable" in done.text.lower():
            return False
        _judge(done, " ".join(argv))
        return True


def _judge(done: Completed, what: str) -> None:
    """Take a job that has ended, or is about to, as ended: its absence exits with 153 and not a word."""
    if done.status == STATUS_UNKNOWN_JOB:
        return
    check_change(done, what, ENDED)


def _runs_on(job: JobRecord, hostname: str) -> bool:
    return any(same_host(host, hostname) for host in job.hosts)
