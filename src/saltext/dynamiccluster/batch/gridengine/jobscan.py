"""Reading `qstat -xml -r` again and again: a job whose record did not change costs a look into a dictionary.

One pattern takes apart the records that are exactly as Grid Engine writes them and hold no more than plain printable characters; for those it says
what an XML parser says. Every other record, and all that stands between records, goes the way of jobs.parse_jobs, so that nothing odd,
foreign or cut off can pass for a complete listing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from operator import itemgetter
from sys import intern
from typing import NamedTuple
from xml.etree.ElementTree import Element

from ...calm import undisturbed
from .jobs import JobRecord, RawRequest, count_tasks, read_record, read_request, read_time
from .xml import Frame, parse

_CHUNK = 1 << 18  # bytes that are cut at once: few enough not to hold the interpreter, or a second copy of a long listing
_END = b"</job_list>\n"
_TEXT = r"[ !\"#$'-;=?-~]"  # neither markup nor Grid Engine's own escape (%lt;) begins with any of these
_RECORD = re.compile(
    rf"""(.?)    <job_list state="(?:pending|running)">
      <JB_job_number>(\d+)</JB_job_number>
      <JAT_prio>(\d+\.\d+)</JAT_prio>
      <JB_name>{_TEXT}*</JB_name>
      <JB_owner>({_TEXT}*)</JB_owner>
      <state>([A-Za-z]+)</state>
      <(JB_submission_time|JAT_start_time)>(\d{{4}}-\d\d-\d\dT\d\d:\d\d:[0-5]\d|\d+)</\6>
      <queue_name>({_TEXT}*)</queue_name>
      <slots>(\d+)</slots>
(?:      <tasks>([0-9,:-]+)</tasks>
)?      <full_job_name>({_TEXT}+)</full_job_name>
((?:      <[^/\n][ -~]*
)*)    </job_list>
""",
    re.ASCII | re.DOTALL,
)
_SECONDS = {f":{second:02d}": float(second) for second in range(60)}
_new, _first = tuple.__new__, itemgetter(0)
_MOST_ASKED = 50_000  # different requests that are remembered at once
_Fields = tuple[str, ...]


class _Asked(NamedTuple):
    """What stands behind a job's name in its record."""

    request: RawRequest
    predecessors: tuple[str, ...]


class JobReader:
    """Reads listings of one cell. Records that did not change since the last listing are the very same objects.

    A record is known by the hash of its bytes, and by that of all but its priority, which changes more often than the rest.
    """

    def __init__(self) -> None:
        self._known: dict[int, JobRecord] = {}
        self._but_priority: dict[int, JobRecord] = {}
        self._asked: dict[_Fields, _Asked | None] = {}

    def __call__(self, document: bytes) -> tuple[JobRecord, ...]:
        """Return the records. Raises BatchMalformed when the document is truncated or foreign."""
        frame, records, known = Frame("job_info", "job_list"), [], {}
        end = document.rfind(_END) + 1
        with undisturbed():
            for chunk in _chunks(document, end):
                parts = chunk.split(_END)[:-1]
                prints = list(map(hash, parts))
                found = list(map(self._known.get, prints))
                if None in found:
                    self._fill(found, parts, chunk)
                known.update(zip(prints, found, strict=True))
                records += found if None not in found else _with_odd_ones(found, parts, frame)
                frame.passed = True
            records += map(read_record, frame.read(document[end + len(_END) - 1 if end else 0 :]))
            frame.check()
            self._remember(known, records)
        return tuple(records)

    def _remember(self, known: dict[int, JobRecord | None], records: list[JobRecord]) -> None:
        self._known = known
        if len(self._asked) > _MOST_ASKED:
            self._asked.clear()
        if len(self._but_priority) > 1000 + len(records) * 3 // 2:
            alive = set(map(id, records))
            self._but_priority = {print_: record for print_, record in self._but_priority.items() if id(record) in alive}

    def _fill(self, found: list[JobRecord | None], parts: list[bytes], chunk: bytes) -> None:
        """Put the records that were not known yet in their places; those that are not as usual stay None.

        What stands before a priority tells which job it is, what stands behind it changes seldom.
        """
        new: list[tuple[int, int]] = []
        again = self._but_priority
        for place, part in enumerate(parts):
            if found[place] is None:
                head, _, rest = part.partition(b"</JAT_prio>")
                which, _, priority = head.rpartition(b">")
                print_ = hash((which, rest))
                known = again.get(print_)
                if known is None:
                    new.append((place, print_))
                elif (record := _with_priority(known, priority)) is not None:
                    found[place] = again[print_] = record
        fields = _cut(chunk, len(parts)) if len(new) > len(parts) // 4 else None
        for place, print_ in new:
            record = self._make(fields[place]) if fields else self._take_apart(parts[place])
            if record is not None:
                found[place] = again[print_] = record

    def _take_apart(self, part: bytes) -> JobRecord | None:
        fields = _cut(part + _END, 1)
        return self._make(fields[0]) if fields else None

    def _make(self, fields: _Fields) -> JobRecord | None:
        """Return the record of these fields. As all jobs pass here once, it calls few others."""
        _, number, priority, owner, state, when, time, queue, slots, tasks, name, rest = fields
        try:
            asked = self._asked.get((slots, rest)) or self._look_at(slots, rest)
            if asked is None:
                return None
            if tasks:
                count_tasks(tasks)
            at = _minute(time[:16]) + _SECONDS[time[16:]] if len(time) == 19 else read_time(time)
            value = float(priority)
        except (ValueError, KeyError):  # the slow way tells what is wrong with it
            return None
        queued, started = (at, 0.0) if when == "JB_submission_time" else (0.0, at)
        head = (number, intern(state), value, name.strip(), intern(owner.strip()), queued, started, intern(queue.strip()), tasks)
        return _new(JobRecord, (*head, asked.request, asked.predecessors, ""))

    def _look_at(self, slots: str, rest: str) -> _Asked | None:
        """Parse the lines behind the job's name, once for all jobs that have the same; None when they are not for this reader."""
        element = parse(f"<job_list>{rest}</job_list>".encode())
        asked = None if element is None or _says_more(element) else _Asked(*read_request(element, slots))
        self._asked[slots, rest] = asked
        return asked


_BEFORE = frozenset(
    {"JB_job_number", "JAT_prio", "JB_name", "JB_owner", "state", "queue_name", "slots", "tasks", "full_job_name"}
    | {"JB_submission_time", "JAT_submission_time", "JAT_start_time"}
)


def _says_more(element: Element) -> bool:
    """Tell whether values stand where they never do: the last one of a name counts."""
    return any(child.tag in _BEFORE for child in element)


def _chunks(document: bytes, end: int) -> Iterator[bytes]:
    """Yield the document up to and with the record's closing tag at `end` - 1, in parts that end with such a tag."""
    at = 0
    while at < end:
        stop = document.find(_END, at + _CHUNK)
        stop = (stop if stop >= 0 else end - 1) + len(_END)
        yield document[at:stop]
        at = stop


def _cut(chunk: bytes, count: int) -> list[_Fields] | None:
    """Return the fields of each record, None unless the chunk consists of exactly so many records as the pattern wants them.

    Each match ends with the one closing tag in it; the first field would hold the last character of anything between two matches.
    """
    try:
        found = _RECORD.findall(chunk.decode("ascii"))
    except UnicodeDecodeError:
        return None
    return found if len(found) == count and not any(map(_first, found)) else None


def _with_odd_ones(found: list[JobRecord | None], parts: list[bytes], frame: Frame) -> Iterator[JobRecord]:
    """Yield the records of a chunk, among them those which have to be read the slow way."""
    for record, part in zip(found, parts, strict=True):
        if record is None:
            yield from map(read_record, frame.read(part + _END))
        else:
            frame.passed = True
            yield record


def _with_priority(record: JobRecord, priority: bytes) -> JobRecord | None:
    try:
        value = float(priority)
    except ValueError:
        return None
    return record if value == record.priority else _new(JobRecord, (record[0], record[1], value, *record[3:]))


@lru_cache(maxsize=50_000)
def _minute(text: str) -> float:
    """Return the Unix time at which a minute such as 2026-11-22T06:00 began. Raises ValueError."""
    return read_time(text)
