"""Parsing `qstat -xml -j`: what `qstat -r` does not tell of a job and what seldom or never changes.

This listing also holds users' environments and arguments, so that it is malformed more often than not. Its fields are therefore picked out by
their tags; a `<` of a user's text is always written `%lt;` or `&lt;`, so that none can forge one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...errors import BatchMalformed
from .jobs import read_time
from .xml import clean

_START = b"<JB_job_number>"
_FIELD = re.compile(
    rb"<(JB_submission_time|JB_execution_time|JB_account|JB_project|JB_restart|JB_ja_task_concurrency)>([^<]*)</"
)
_ROOTS = (b"<detailed_job_info", b"<unknown_jobs")


@dataclass(frozen=True, slots=True)
class JobDetail:
    """The rest of a job. `restart`: 0 as its queue says, 1 rerunnable, 2 not. `task_limit` 0: none."""

    submitted: float = 0.0
    start_after: float = 0.0
    account: str = ""
    project: str = ""
    restart: int = 0
    task_limit: int = 0


def parse_details(document: bytes) -> dict[str, JobDetail]:
    """Return details by job id; jobs that ended meanwhile have none. Raises BatchMalformed when the answer is none of qstat's."""
    document = clean(document)
    if not any(root in document[:500] for root in _ROOTS):
        raise BatchMalformed("qstat -xml -j answered something else than job details")
    details = {}
    for part in document.split(_START)[1:]:
        job_id = part[: part.find(b"<")].strip()
        if job_id.isdigit():
            details[job_id.decode()] = _read(part)
    return details


def _read(part: bytes) -> JobDetail:
    values = {match[1].decode(): match[2].decode().strip() for match in _FIELD.finditer(part)}
    return JobDetail(
        submitted=read_time(values.get("JB_submission_time", "")),
        start_after=read_time(values.get("JB_execution_time", "")),
        account=values.get("JB_account", ""),
        project=values.get("JB_project", ""),
        restart=_whole(values.get("JB_restart", "")),
        task_limit=_whole(values.get("JB_ja_task_concurrency", "")),
    )


def _whole(value: str) -> int:
    return int(value) if value.isdigit() else 0
