"""Floors: what reading the same bytes costs at least, and a fixed piece of work that tells how fast this machine is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.parsers import expat

from .cases import Stopwatch

REFERENCE = 0.45  # seconds that a machine needs for `calibrate` on which the goals in seconds are met just so
_RECORD = b"""\
    <job_list state="pending">
      <JB_job_number>%d</JB_job_number>
      <JAT_prio>0.50500</JAT_prio>
      <JB_name>calibration</JB_name>
      <JB_owner>nobody</JB_owner>
      <state>qw</state>
      <JB_submission_time>2026-11-22T06:00:55</JB_submission_time>
      <queue_name></queue_name>
      <slots>8</slots>
      <full_job_name>calibration</full_job_name>
      <requested_pe name="smp">8</requested_pe>
      <hard_request name="h_rt" resource_contribution="0.000000">3600</hard_request>
      <hard_request name="h_vmem" resource_contribution="0.000000">4G</hard_request>
      <binding>NONE</binding>
    </job_list>
"""
_BYTES = 61_000_000
_TRIES = 3
_JUDGED = 10_000_000  # bytes; of less, what each cycle takes anyhow is too great a part


def expat_seconds(documents: Iterable[bytes]) -> float:
    """Return the CPU seconds that expat needs for the documents, without a single callback."""
    documents = [document for document in documents if document]
    return min(_parse_all(documents) for _ in range(_TRIES))


def read_seconds(*paths: Path) -> float:
    """Return the same for files, one in memory at a time."""
    return sum(expat_seconds((path.read_bytes(),)) for path in paths)


def is_judged(*paths: Path) -> bool:
    """Tell whether listings are long enough for a ratio to their floor to mean anything."""
    return sum(path.stat().st_size for path in paths) >= _JUDGED


def calibrate() -> float:
    """Return the CPU seconds that expat needs here for 61 MB of job records, made of one part that fits the caches of any machine."""
    part = b"<data>" + b"".join(_RECORD % number for number in range(1000)) + b"</data>"
    return min(_parse_all([part] * (_BYTES // len(part))) for _ in range(_TRIES))


def allowed(seconds: float) -> float:
    """Return the ratio to `calibrate` that so many seconds are on the machine of reference."""
    return seconds / REFERENCE


def _parse_all(documents: list[bytes]) -> float:
    watch = Stopwatch()
    with watch.running():
        for document in documents:
            expat.ParserCreate().Parse(document, True)
    return watch.seconds
