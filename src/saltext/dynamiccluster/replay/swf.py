"""Workload traces in the Standard Workload Format (Feitelson's Parallel Workloads Archive, version 2.2): read and written."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import DynamicClusterError

_FIELDS = 18
# Numbers of the fields, from 0; -1 in a field: not known.
_NUMBER, _SUBMIT, _RUN, _USED, _ASKED, _USER, _QUEUE = 0, 1, 3, 4, 7, 11, 14


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


def read_trace(path: Path, most: int | None = None) -> list[TraceJob]:
    """Return the jobs of a trace (plain or .gz) in the order of submission, the first `most` of them when given.

    Jobs that never ran (cancelled, no run time or no processors known) are left out. Raises TraceError, OSError.
    """
    unpack = gzip.open if path.suffix == ".gz" else open
    try:
        with unpack(path, "rt", errors="replace") as lines:
            jobs = sorted(_read(lines), key=lambda job: job.submitted)
    except EOFError as error:
        raise TraceError(f"{path} is cut short") from error
    if not jobs:
        raise TraceError(f"{path}: no job in it that ran")
    return jobs[:most]


def _read(lines: Iterable[str]) -> Iterator[TraceJob]:
    for number, line in enumerate(lines, 1):
        text = line.partition(";")[0].strip()
        if not text:
            continue
        fields = text.split()
        if len(fields) != _FIELDS:
            raise TraceError(f"line {number}: {len(fields)} fields in place of {_FIELDS}; is this the Standard Workload Format?")
        try:
            job = _job([float(field) for field in fields])
        except (ValueError, OverflowError) as error:
            raise TraceError(f"line {number}: {error}") from error
        if job is not None:
            yield job


def _job(fields: list[float]) -> TraceJob | None:
    cores = int(fields[_ASKED]) if fields[_ASKED] > 0 else int(fields[_USED])
    duration, submitted = fields[_RUN], fields[_SUBMIT]
    if not 0 <= submitted < float("inf") or not 0 < duration < float("inf") or cores < 1:
        return None
    return TraceJob(str(int(fields[_NUMBER])), submitted, duration, cores, _name(fields[_USER]), _name(fields[_QUEUE]))


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
