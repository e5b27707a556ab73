"""Ending and requeueing jobs of one host: an administrator's vacate, a machine that is about to end, and one that is gone."""

from __future__ import annotations

import re

from ...errors import BatchRefused
from ...ports import Cleared
from .cell import Cell
from .config import is_rerunnable
from .details import JobDetail
from .hosts import HostRecord
from .hostview import is_silent
from .replies import check_change
from .tools import CHANGE_TIMEOUT, Tools

_NOT_RERUNNABLE = re.compile(r"not restartable|not rerunn?able", re.IGNORECASE)
_ENDED = r"does not exist|already in deletion|invalid queue or job|invalid job"


class JobChanges:
    """Changes of jobs. The caller sees to it that two never run at once."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def vacate(self, hostname: str) -> tuple[str, ...]:
        """Delete all jobs of a host and return their ids. A host that answers ends them in order, a silent one loses them."""
        record = self._tools.host(hostname)
        if record is None:
            return ()
        for job_id in record.jobs:
            self._delete(job_id, force=is_silent(record))
        return record.jobs

    def requeue(self, hostname: str, cell: Cell) -> tuple[str, ...]:
        """Reschedule the rerunnable jobs of a host that still runs them, and return their ids. Grid Engine itself refuses all others."""
        record = self._tools.host(hostname)
        if record is None or not record.jobs:
            return ()
        return tuple(job_id for job_id in self._rerunnable(record, cell) if self._push(job_id))

    def _push(self, job_id: str) -> bool:
        """Ask for a job to be rescheduled, never by force: False when it may not be rerun after all."""
        argv = self._tools.program(self._tools.settings.qmod_command, "-rj", job_id)
        done = self._tools.run(argv, CHANGE_TIMEOUT)
        if _NOT_RERUNNABLE.search(done.text):
            return False
        check_change(done, " ".join(argv), _ENDED)
        return True

    def clear(self, hostname: str, cell: Cell) -> Cleared:
        """Requeue the rerunnable jobs of a host whose machine is gone and delete the others. Raises BatchRefused when some stay."""
        record = self._tools.host(hostname)
        if record is None or not record.jobs:
            return Cleared()
        rerunnable = self._rerunnable(record, cell)
        for job_id in record.jobs:
            if job_id in rerunnable:
                self._requeue(job_id)
            else:
                self._delete(job_id, force=True)
        self._check_cleared(record)
        return Cleared(tuple(rerunnable), tuple(job_id for job_id in record.jobs if job_id not in rerunnable))

    def _rerunnable(self, record: HostRecord, cell: Cell) -> tuple[str, ...]:
        details = self._tools.details(sorted({_number(job_id) for job_id in record.jobs}))
        by_default = {queue.name for queue in record.queues if self._queue_reruns(cell, queue.name, record.name)}
        return tuple(
            job_id
            for job_id in record.jobs
            if _may_rerun(details.get(_number(job_id), JobDetail()), bool(by_default))
        )

    def _queue_reruns(self, cell: Cell, queue: str, host: str) -> bool:
        return is_rerunnable(cell.queues.get(queue), host, cell.groups_above(host))

    def _requeue(self, job_id: str) -> None:
        argv = self._tools.program(self._tools.settings.qmod_command, "-f", "-rj", job_id)
        check_change(self._tools.run(argv, CHANGE_TIMEOUT), " ".join(argv), _ENDED)

    def _delete(self, job_id: str, *, force: bool) -> None:
        template = self._tools.settings.qdel_command
        if force or not template.is_builtin:
            self._tools.change(template, job_id, harmless=_ENDED)
            return
        argv = self._tools.program(template, job_id)
        check_change(self._tools.run(argv, CHANGE_TIMEOUT), " ".join(argv), _ENDED)

    def _check_cleared(self, before: HostRecord) -> None:
        after = self._tools.host(before.name)
        left = sorted(set(before.jobs) & set(after.jobs if after else ()))
        if left:
            raise BatchRefused(f"{before.name} still lists {', '.join(left)} after they were cleared away")


def _number(job_id: str) -> str:
    return job_id.partition(".")[0]


def _may_rerun(detail: JobDetail, queue_reruns: bool) -> bool:
    return detail.restart == 1 or (detail.restart == 0 and queue_reruns)
