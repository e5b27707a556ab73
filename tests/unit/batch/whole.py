"""A reader that is XML through and through: expat gets the document as a whole. What the project's readers say is held against it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from xml.etree import ElementTree

from saltext.dynamiccluster.batch.gridengine import jobs as gridengine_jobs
from saltext.dynamiccluster.batch.gridengine.hosts import parse_hosts, read_host
from saltext.dynamiccluster.batch.gridengine.hostscan import HostReader
from saltext.dynamiccluster.batch.gridengine.jobscan import JobListing, JobReader
from saltext.dynamiccluster.batch.torque import jobs as torque_jobs, jobscan as torque_jobscan
from saltext.dynamiccluster.errors import BatchMalformed

from .pieces import in_pieces

REFUSED = "refused"  # a document that is malformed
SIZES = (300, 100_000)  # bytes of the pieces that a document comes in: less than a record, and all at once
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")  # by XML; both batch systems write them all the same


class Kind(NamedTuple):
    """One kind of listing: the plain reader, how to make the fast one, and what expat has to look for. `instead`: of a forbidden character."""

    parse: Callable[[bytes], tuple[Any, ...]]
    reader: Callable[[], Any]
    read_record: Callable[[bytes], Any]
    root: str
    tag: str
    instead: str


GRIDENGINE_JOBS = Kind(gridengine_jobs.parse_jobs, JobReader, gridengine_jobs.read_record, "job_info", "job_list", "")
GRIDENGINE_HOSTS = Kind(parse_hosts, HostReader, read_host, "qhost", "host", "")
TORQUE_JOBS = Kind(torque_jobs.parse_jobs, torque_jobscan.JobReader, torque_jobs.read_record, "Data", "Job", "?")


def said(read: Callable[[bytes], Any], document: bytes) -> Any:
    """Return what a reader makes of a document: records, or that it is malformed. Nothing else may be raised."""
    try:
        found = read(document)
    except BatchMalformed:
        return REFUSED
    return tuple(found.entries) if isinstance(found, JobListing) else found


def read_by_expat(kind: Kind, document: bytes) -> Any:
    """Return the records that expat finds in a document, REFUSED when it is none. No bytes at all are no jobs."""
    if not document.strip():
        return ()
    readable = document if b"\x00" in document[:4] else _FORBIDDEN.sub(kind.instead, document.decode("utf-8", "replace")).encode()
    try:
        root = ElementTree.fromstring(readable)
    except (ElementTree.ParseError, ValueError, LookupError):
        return REFUSED
    return tuple(_read_each(kind, root)) if root.tag == kind.root else REFUSED


def hold_against_expat(kind: Kind, document: bytes, good: bytes, sizes: tuple[int, ...] = SIZES) -> Any:
    """Return what the plain reader says. The fast one must say the same, whatever it remembers, and neither may say what expat does not.

    A reader may refuse a document, or call a record broken; it must not leave anything out, nor read anything in.
    """
    plain, expat = said(kind.parse, document), read_by_expat(kind, document)
    for size in sizes:
        assert said(in_pieces(kind.reader().start, size), document) == plain
        warm = in_pieces(kind.reader().start, size)
        before = said(warm, good)
        assert said(warm, document) == plain and said(warm, good) == before
    if plain == REFUSED:
        return plain
    if expat == REFUSED:
        assert any(record.broken for record in plain)
        return plain
    assert len(plain) == len(expat)
    assert all(mine.broken or mine == theirs for mine, theirs in zip(plain, expat, strict=True))
    return plain


def insert_everywhere(document: bytes, start: int, end: int, odd: bytes) -> Iterator[bytes]:
    """Yield the document with something odd before or behind each tag and each line from `start` to `end`."""
    for spot in re.finditer(rb"(?=[<>\n])|(?<=[<>\n/])", document[start:end]):
        at = start + spot.start()
        yield document[:at] + odd + document[at:]


def _read_each(kind: Kind, root: ElementTree.Element) -> Iterator[Any]:
    for element in root.iter():
        if element.tag.rpartition("}")[2] == kind.tag:
            element.tail = None
            yield kind.read_record(ElementTree.tostring(element, "unicode").encode())
