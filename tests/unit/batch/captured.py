"""The captured outputs of a real Grid Engine, and the cell they came from."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from saltext.dynamiccluster.batch.commands import Completed
from saltext.dynamiccluster.batch.gridengine.cell import Cell
from saltext.dynamiccluster.batch.gridengine.config import (
    parse_complexes,
    parse_environment,
    parse_queues,
)
from saltext.dynamiccluster.batch.gridengine.jobs import JobRecord
from saltext.dynamiccluster.batch.gridengine.jobscan import JobListing

FOLDER = Path(__file__).parents[2] / "captures" / "gridengine-8.1.9"
GROUPS = {"@allhosts": ("n1", "n2", "n3", "n6", "x001"), "@long": ("n4",), "@short": ("n5",)}


def read(name: str) -> bytes:
    """Return a capture's standard output."""
    return (FOLDER / f"{name}.out").read_bytes()


def text(name: str) -> str:
    return read(name).decode()


def completed(name: str, status: int = 0) -> Completed:
    """Return a capture as the command's result."""
    parts = [path.read_bytes() if (path := FOLDER / f"{name}.{kind}").exists() else b"" for kind in ("out", "err")]
    assert any(parts), f"no capture {name}"
    return Completed(status, *parts)


@cache
def cell() -> Cell:
    """Return the cell as captured."""
    environments = {name: parse_environment(name, text(f"conf-sp-{name}")) for name in text("conf-spl").split()}
    return Cell(parse_queues(text("conf-sq-star")), environments, parse_complexes(text("conf-sc")), GROUPS, {"license": "10"})


def jobs_document(*records: bytes) -> bytes:
    """Return a qstat document of pending jobs."""
    body = b"".join(b'<job_list state="pending">\n' + record + b"\n</job_list>\n" for record in records)
    head = b"<?xml version='1.0'?>\n<job_info  xmlns:xsd=\"x\">\n<queue_info>\n</queue_info>\n<job_info>\n"
    return head + body + b"</job_info>\n</job_info>\n"


def listed(*records: JobRecord) -> JobListing:
    """Return a listing in which no job is plain."""
    listing = JobListing(fresh=list(records))
    listing.add(list(records))
    return listing
