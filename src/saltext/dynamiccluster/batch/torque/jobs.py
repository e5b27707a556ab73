"""Parsing `qstat -x -t`: bytes in, one record for each job or array element out.

This is the plain way, by an XML parser; jobscan.py reads the same from long listings that come again and again. What a job asks for is kept as
a hashable value, equal for jobs that ask for the same: it is translated once.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..numbers import read_unix_time
from .units import read_number, read_seconds
from .xml import parse, records

_ID = re.compile(rb"<Job_Id>\s*([0-9]+(?:\[[0-9]*\])?[A-Za-z0-9_.:-]*)\s*</Job_Id>")
JOB_ID = re.compile(r"[0-9]+(?:\[[0-9]*\])?(?:\.[A-Za-z0-9_.:-]+)?")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_SLOT = re.compile(r"/[0-9,-]*")
_Values = dict[str, str]
# What an element of Resource_List says besides what placement looks at
NO_REQUEST = frozenset({"walltime", "nodect", "cput", "pcput", "nice", "file"})


class RawRequest(NamedTuple):
    """What a job asks for, in Torque's own words."""

    resources: tuple[tuple[str, str], ...] = ()
    queue: str = ""
    account: str = ""


class JobRecord(NamedTuple):
    """One `<Job>`. Times are Unix times, 0 when absent. `broken` says why nothing but the id could be read."""

    id: str
    state: str = ""
    name: str = ""
    owner: str = ""
    queue: str = ""
    queue_type: str = ""
    created: float = 0.0
    started: float = 0.0
    start_after: float = 0.0
    walltime: float | None = None
    hold_types: str = ""
    depend: str = ""
    rerunnable: bool = False
    hosts: tuple[str, ...] = ()
    array_request: str = ""
    session: str = ""
    starts: int = 0
    nodes: int = 0  # nodect: how many pieces on nodes were asked for
    request: RawRequest = RawRequest()
    broken: str = ""

    @property
    def number(self) -> str:
        """Return the id as Maui and the users write it: `14[2]`."""
        return self.id.partition(".")[0]


def parse_jobs(document: bytes) -> tuple[JobRecord, ...]:
    """Parse the answer of qstat; zero bytes are its way to say that there are no jobs. Raises BatchMalformed."""
    if not document.strip():
        return ()
    return tuple(map(read_record, records(document, "Job")))


def read_hosts(exec_host: str) -> tuple[str, ...]:
    """Return the host names of `wn2/0+wn2/1+wn1/0` or `wn2/0-1+wn1/0-1`, each once."""
    if not exec_host:
        return ()
    return tuple(dict.fromkeys(_SLOT.sub("", part) for part in exec_host.split("+")))


def read_record(raw: bytes) -> JobRecord:
    """Return the record; one that cannot be read keeps its id at least, so that the job is known to exist."""
    found = _parse(raw)
    if found is not None:
        try:
            return _build(*found)
        except ValueError as error:
            reason = f"qstat's record of this job cannot be read: {error}"
    else:
        reason = "qstat's record of this job is not well-formed XML"
    known = _ID.search(raw)
    return JobRecord(known[1].decode() if known else "", broken=reason)


def _parse(raw: bytes) -> tuple[_Values, _Values] | None:
    """Return a record's values and its Resource_List, None when it is not well-formed."""
    element = parse(raw)
    if element is None:
        return None
    asked = element.find("Resource_List")
    resources = {child.tag: child.text or "" for child in asked} if asked is not None else {}
    return {child.tag: child.text or "" for child in element}, resources


def _build(values: _Values, resources: _Values) -> JobRecord:
    # some are absent when nothing was asked for, or when others' jobs are only partly shown (row T1, query_other_jobs)
    job_id = values.get("Job_Id", "").strip()
    if not JOB_ID.fullmatch(job_id):
        raise ValueError(f"{job_id[:40]!r} is no job id")
    get = values.get
    queue = get("queue", "")
    walltime = resources.get("walltime", "")
    return JobRecord(
        id=job_id,
        state=get("job_state", ""),
        name=_UNPRINTABLE.sub("?", get("Job_Name", "")),
        owner=get("Job_Owner", "").partition("@")[0],
        queue=queue,
        queue_type=get("queue_type", ""),
        created=read_unix_time(get("ctime") or get("qtime") or "0"),
        started=read_unix_time(get("start_time") or "0"),
        start_after=read_unix_time(get("Execution_Time") or "0"),
        walltime=read_seconds(walltime) if walltime else None,
        hold_types=get("Hold_Types", ""),
        depend=get("depend", ""),
        rerunnable=get("Rerunable") == "True",
        hosts=read_hosts(get("exec_host", "")),
        array_request=get("job_array_request", ""),
        session=get("session_id", ""),
        starts=read_number(get("start_count")),
        nodes=read_number(resources.get("nodect")),
        request=RawRequest(tuple([item for item in resources.items() if item[0] not in NO_REQUEST]), queue, get("Account_Name", "")),
    )
