"""Finding one job among all that were read last, also those that are not shown."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from ..control.core import Core
from ..control.present import present_job
from ..model import BatchView, Job


class JobIndex:
    """Jobs by id and by the short forms of it, made once for each reading of the batch system that is asked about."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._view: BatchView | None = None
        self._jobs: dict[str, Job] = {}

    def find(self, core: Core, job_id: str) -> Mapping[str, Any] | None:
        """Return a job as it is shown, None when the last reading has none of this id."""
        view = core.snapshot.batch.value
        if view is None:
            return None
        with self._lock:
            if view is not self._view:
                self._view, self._jobs = view, _index(view.jobs)
            job = self._jobs.get(job_id)
        return present_job(job, core.plan.fates.of(job), core.parts.clock.now()) if job else None


def _index(jobs: tuple[Job, ...]) -> dict[str, Job]:
    found: dict[str, Job] = {}
    for job in jobs:
        found.setdefault(job.id.partition(".")[0], job)
        found.setdefault(job.id.partition("[")[0], job)
    found.update((job.id, job) for job in jobs)
    return found
