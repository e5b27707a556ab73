"""Workload traces in the Standard Workload Format (Feitelson's Parallel Workloads Archive, version 2.2): read and written."""

from __future__ import annotations

import gzip
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from ..errors import DynamicClusterError

_FIELDS = 18
# Numbers of the fields, from 0; -1 in a field: not known.
_NUMBER, _SUBMIT, _RUN, _USED, _ASKED, _STATUS, _USER, _QUEUE = _KEPT = 0, 1, 3, 4, 7, 10, 11, 14
_COMPLETED = 1
_PARTS = (2, 3, 4)  # one of several executions of a checkpointed job, which has a line for the whole as well
_SHORT = 1.0  # seconds for a job that completed within the half second that a log rounds to 0


class TraceError(DynamicClusterError):
    """A trace that cannot be used; the message names the line."""


@dataclass(frozen=True, slots=True)
class TraceJob:
    """A job of a trace. `submitted` and `duration` in seconds, the first counted from the trace's beginning; `cores` in all."""

    id: str
    submitted: float
    duration: float
    cores: int
    user: str = ""
    queue: str = ""


class _Row(NamedTuple):
    """What is kept of a line."""

    number: float
    submitted: float
    run: float
    used: float
    asked: float
    status: float
    user: float
    queue: float


def read_trace(path: Path, most: int | None = None, left_out: Counter[str] | None = None) -> list[TraceJob]:
    """Return the jobs of a trace (plain or .gz) in the order of submission, the first one at 0; only the first `most` of them when given.

    A job's cores are those that it asked for, if the trace tells, else those that it used. `left_out` is given the number of lines that
    are no job to run, by the reason. Raises TraceError, OSError.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rt", errors="replace") if packed else path.open(errors="replace") as lines:
            rows = list(_read(lines))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TraceError(f"{path} is cut short or damaged: {error}") from error
    missed: Counter[str] = Counter() if left_out is None else left_out
    jobs = sorted(_jobs(rows, missed), key=lambda job: job.submitted)[:most]
    if not jobs:
        raise TraceError(f"{path}: no job in it that ran" + (f" ({name_left_out(missed)})" if missed else ""))
    start = jobs[0].submitted
    return [replace(job, submitted=job.submitted - start) for job in jobs]


def name_left_out(left_out: Mapping[str, int]) -> str:
    """Return how many lines are no jobs to run, and why, in one line."""
    return ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))


def _read(lines: Iterable[str]) -> Iterator[_Row]:
    for number, line in enumerate(lines, 1):
        text = line.lstrip("\ufeff").partition(";")[0].strip()
        if not text:
            continue
        fields = text.split()
        if len(fields) < _FIELDS:
            raise TraceError(f"line {number}: {len(fields)} fields in place of {_FIELDS}; is this the Standard Workload Format?")
        try:
            row = _Row(*(float(fields[place]) for place in _KEPT))
        except ValueError as error:
            raise TraceError(f"line {number}: {error}") from error
        if not all(map(math.isfinite, row)):
            raise TraceError(f"line {number}: a number is not finite")
        yield row


def _jobs(rows: Sequence[_Row], left_out: Counter[str]) -> Iterator[TraceJob]:
    """Yield a job for each line that tells of one that ran. Those with equal numbers get names of their own: they are different jobs."""
    whole = {row.number for row in rows if row.status not in _PARTS}
    seen: Counter[int] = Counter()
    for row in rows:
        is_part = row.status in _PARTS and row.number in whole
        if reason := "are parts of checkpointed jobs" if is_part else _why_none(row):
            left_out[reason] += 1
            continue
        number = int(row.number)
        seen[number] += 1
        name = str(number) if seen[number] == 1 else f"{number}-{seen[number]}"
        cores = int(row.asked if row.asked >= 1 else row.used)
        yield TraceJob(name, row.submitted, row.run or _SHORT, cores, _name(row.user), _name(row.queue))


def _why_none(row: _Row) -> str:
    """Return why a line tells of no job that ran, "" when it does."""
    if row.run < 0 or (not row.run and row.status != _COMPLETED):
        return "never ran"
    if row.asked < 1 and row.used < 1:
        return "have no processors"
    return "were never submitted" if row.submitted < 0 else ""


def _name(field: float) -> str:
    return str(int(field)) if field >= 0 else ""


def write_trace(path: Path, jobs: Iterable[TraceJob], note: str = "") -> None:
    """Write jobs as a trace; `note` becomes a comment at its head."""
    with path.open("w") as out:
        out.write("; Version: 2.2\n" + "".join(f"; Note: {line}\n" for line in note.splitlines()))
        for number, job in enumerate(jobs, 1):
            row = [-1] * _FIELDS
            row[_NUMBER], row[_SUBMIT], row[_RUN] = number, round(job.submitted), max(round(job.duration), 1)
            row[_USED] = row[_ASKED] = job.cores
            out.write(" ".join(map(str, row)) + "\n")
