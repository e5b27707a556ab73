"""Parsing `qstat -xml -r`: bytes in, one record for each line of qstat out.

This is the plain way, by an XML parser; jobscan.py reads the same from long listings that come again and again. What a job asks for is kept as
a hashable value, equal for jobs that ask for the same: it is translated once.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple
from xml.etree.ElementTree import Element

from ..numbers import count_range, read_finite, read_whole
from .xml import parse, split, text

_ID = re.compile(rb"<JB_job_number>\s*(\d+)\s*</JB_job_number>")
_LONGEST = 20  # digits of a time, in whatever unit


class RawRequest(NamedTuple):
    """What a job asks for, in Grid Engine's own words."""

    slots: int = 1
    pe: str = ""  # may be a pattern
    pe_range: str = ""  # "30-64", "20,40,80", "40-9999999"
    resources: tuple[tuple[str, str], ...] = ()  # hard requests: complex, value
    queues: tuple[str, ...] = ()  # hard queue requests


class JobRecord(NamedTuple):
    """One `<job_list>`: a job, one running task of an array, or the tasks of an array that are pending in one state.

    `broken` says why nothing but the id could be read.
    """

    id: str
    state: str = ""
    priority: float = 0.0
    name: str = ""
    owner: str = ""
    submitted: float = 0.0
    started: float = 0.0
    queue: str = ""  # the queue instance of the master task
    tasks: str = ""
    request: RawRequest = RawRequest()
    predecessors: tuple[str, ...] = ()
    broken: str = ""


def parse_jobs(document: bytes) -> tuple[JobRecord, ...]:
    """Parse the answer of qstat. Raises BatchMalformed when the document is truncated or foreign."""
    records = split(document, "job_info", "job_list")
    return tuple(map(read_record, records))


def count_tasks(tasks: str) -> int:
    """Return how many tasks `5-999:2`, `11-19:2,33`, `7` or "" (a job that is no array) stand for. Raises ValueError."""
    return sum(map(_count, tasks.split(","))) if tasks else 1


def read_minimum(pe_range: str) -> int:
    """Return the fewest slots that a range accepts: `30-64`, `20,40,80`, `40-`, `8`. Raises ValueError."""
    return min(read_whole(part.partition("-")[0] or "1") for part in pe_range.split(","))


def read_time(value: str) -> float:
    """Return Unix time from a naive local ISO time (with or without fractions) or an epoch in s, ms or µs. Raises ValueError."""
    if not value:
        return 0.0
    if not value.isdigit():
        return _read_date(value)
    if len(value) > _LONGEST:
        raise ValueError(f"{value[:40]!r} is not a time")
    number = int(value)
    while number > 100_000_000_000:  # the year 5138 in seconds: so it is in a smaller unit
        number //= 1000
    return float(number)


def _read_date(value: str) -> float:
    try:
        return datetime.fromisoformat(value).timestamp()
    except (OverflowError, OSError) as error:  # what the system's calendar does not know
        raise ValueError(f"{value[:40]!r} is not a time: {error}") from error


def _count(part: str) -> int:
    bounds, _, step = part.partition(":")
    first, _, last = bounds.partition("-")
    return count_range(first, last or first, step or "1")


def read_record(raw: bytes) -> JobRecord:
    """Return the record; one that cannot be read keeps its id at least, so that the job is known to exist."""
    element = parse(raw)
    if element is not None:
        try:
            return _build(element)
        except ValueError as error:
            reason = f"qstat's record of this job cannot be read: {error}"
    else:
        reason = "qstat's record of this job is not well-formed XML"
    found = _ID.search(raw)
    return JobRecord(found[1].decode() if found else "", broken=reason)


def _build(element: Element) -> JobRecord:
    values = {child.tag: child.text or "" for child in element}
    return _record(values, *read_request(element, values.get("slots", "")))


def read_request(element: Element, slots: str) -> tuple[RawRequest, tuple[str, ...]]:
    """Return what a record asks for, and the jobs that it waits for. Raises ValueError."""
    resources: list[tuple[str, str]] = []
    queues: list[str] = []
    predecessors: list[str] = []
    pe = ("", "")
    for child in element:
        match child.tag:
            case "hard_request":
                resources.append((child.get("name", ""), text(child.text)))
            case "hard_req_queue":
                queues.append(text(child.text))
            case "predecessor_jobs" | "ad_predecessor_jobs":
                predecessors.append(text(child.text))
            case "requested_pe":
                pe = (child.get("name", ""), text(child.text))
    if pe[1]:
        read_minimum(pe[1])
    return RawRequest(read_whole(slots or "1"), *pe, tuple(sorted(resources)), tuple(queues)), tuple(predecessors)


def _record(values: dict[str, str], request: RawRequest, predecessors: tuple[str, ...]) -> JobRecord:
    job_id = values.get("JB_job_number", "").strip()
    if not job_id.isdigit():
        raise ValueError("it has no job number")
    tasks = values.get("tasks", "").strip()
    count_tasks(tasks)
    return JobRecord(
        id=job_id,
        state=values.get("state", "").strip(),
        priority=read_finite(values.get("JAT_prio") or "0"),
        name=text(values.get("full_job_name") or values.get("JB_name")),
        owner=text(values.get("JB_owner")),
        submitted=read_time(values.get("JB_submission_time") or values.get("JAT_submission_time", "")),
        started=read_time(values.get("JAT_start_time", "")),
        queue=text(values.get("queue_name")),
        tasks=tasks,
        request=request,
        predecessors=predecessors,
    )
