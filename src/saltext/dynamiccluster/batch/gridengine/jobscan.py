"""Reading `qstat -xml -r` again and again: a job whose record did not change costs a look into a dictionary.

One pattern takes apart the records that are exactly as Grid Engine writes them and hold no more than plain characters; for those it says
what an XML parser says. Every other record, and all that stands between records, goes the way of jobs.parse_jobs, so that nothing odd,
foreign or cut off can pass for a complete listing. What is done to each job is done to many of them at once, by functions written in C.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import repeat
from operator import itemgetter
from sys import intern
from typing import NamedTuple
from xml.etree.ElementTree import Element

from ...calm import undisturbed
from ..listing import Cutter, feed
from .jobs import JobRecord, RawRequest, count_tasks, read_record, read_request, read_time
from .xml import Frame, parse

_END = b"</job_list>\n"
_PRIORITY_END = b"</JAT_prio>"
_TEXT = r"[ !\"#$'-;=?-~]"  # neither markup nor Grid Engine's own escape (%lt;) begins with any of these
_RECORD = re.compile(
    rf"""([\s\S]?)    <job_list state="(?:pending|running)">
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
((?:      <[^/\n].*
)*+)    </job_list>
""",
    re.ASCII,
)
_new, _first = tuple.__new__, itemgetter(0)
_record = partial(_new, JobRecord)
_MOST_ASKED = 50_000  # different requests, and minutes, that are remembered at once
_Fields = tuple[str, ...]
_Some = list[JobRecord | None]


class _Asked(NamedTuple):
    """What stands behind a job's name in its record."""

    request: RawRequest
    predecessors: tuple[str, ...]


class JobReader:
    """Reads listings of one cell. Records that did not change since the last listing are the very same objects.

    A record is known by the hash of its bytes, and by that of all but its priority, which changes more often than the rest.
    """

    def __init__(self) -> None:
        self.known: dict[int, JobRecord | None] = {}
        self.but_priority: dict[int, JobRecord] = {}
        self._asked, self._minutes = _Requests(), _Minutes()

    def __call__(self, document: bytes) -> tuple[JobRecord, ...]:
        """Return the records. Raises BatchMalformed when the document is truncated or foreign."""
        return feed(self.start(), document)

    def start(self) -> JobReading:
        """Return a new reading, for a document that comes in pieces."""
        return JobReading(self)

    def remember(self, known: dict[int, JobRecord | None], records: Sequence[JobRecord]) -> None:
        """Keep what the next listing may have, too."""
        self.known = known
        for memory in (self._asked, self._minutes):
            if len(memory) > _MOST_ASKED:
                memory.clear()
        if len(self.but_priority) > 1000 + len(records) * 3 // 2:
            alive = set(map(id, records))
            self.but_priority = {print_: record for print_, record in self.but_priority.items() if id(record) in alive}

    def read(self, parts: list[bytes]) -> _Some:
        """Return the records of these parts; those that are not as usual are None. What spoils many at once is sought in halves of them."""
        try:
            found = _cut(parts)
            if found is not None:
                return self._make(found)
        except (ValueError, KeyError):  # the slow way tells what is wrong with it
            pass
        half = len(parts) // 2
        return [*self.read(parts[:half]), *self.read(parts[half:])] if half else [None]

    def _make(self, found: list[_Fields]) -> _Some:
        """Return the records of these fields. Raises ValueError or KeyError when one of them is not as usual."""
        _, numbers, priorities, owners, states, whens, times, queues, slots, tasks, names, rests = zip(*found, strict=True)
        asked = list(map(self._asked.__getitem__, zip(slots, rests, strict=True)))
        if not all(asked):
            raise ValueError
        for several in filter(None, tasks):
            count_tasks(several)
        minutes = self._minutes
        at = [minutes[time[:16]] + _SECONDS[time[16:]] if len(time) == 19 else read_time(time) for time in times]
        waits = [when == "JB_submission_time" for when in whens]
        queued = at if all(waits) else [time if wait else 0.0 for time, wait in zip(at, waits, strict=True)]
        started = repeat(0.0) if all(waits) else [0.0 if wait else time for time, wait in zip(at, waits, strict=True)]
        requests, predecessors = zip(*asked, strict=True)
        return list(map(_record, zip(
            numbers, map(intern, states), map(float, priorities), map(str.strip, names), map(intern, map(str.strip, owners)), queued, started,
            map(intern, map(str.strip, queues)), tasks, requests, predecessors, repeat(""),
        )))  # fmt: skip


class JobReading:
    """One listing, as it comes."""

    def __init__(self, reader: JobReader) -> None:
        self._reader = reader
        self._frame = Frame("job_info", "job_list")
        self._cutter = Cutter(_END)
        self._records: list[JobRecord] = []
        self._known: dict[int, JobRecord | None] = {}

    def feed(self, data: bytes) -> None:
        """Read the next piece. Raises BatchMalformed."""
        chunk = self._cutter.feed(data)
        if not chunk:
            return
        with undisturbed():
            parts = chunk.split(_END)[:-1]
            prints = list(map(hash, parts))
            found: _Some = list(map(self._reader.known.get, prints))
            if not all(found):
                self._fill(found, parts)
            self._known.update(zip(prints, found, strict=True))
            self._records += found if all(found) else self._with_odd_ones(found, parts)
            self._frame.passed = True

    def end(self) -> tuple[JobRecord, ...]:
        """Return the records. Raises BatchMalformed when the document is truncated or foreign."""
        self._records += map(read_record, self._frame.read(self._cutter.rest()))
        self._frame.check()
        self._reader.remember(self._known, self._records)
        return tuple(self._records)

    def _fill(self, found: _Some, parts: list[bytes]) -> None:
        """Put the records that were not known yet in their places; those that are not as usual stay None.

        What stands before a priority tells which job it is, what stands behind it changes seldom.
        """
        again = self._reader.but_priority
        places = [place for place, record in enumerate(found) if not record]
        cut = [parts[place].partition(_PRIORITY_END) for place in places]
        heads = [head.rpartition(b">") for head, _, _ in cut]
        prints = [hash((head[0], rest[2])) for head, rest in zip(heads, cut, strict=True)]
        records: _Some = [known and _with_priority(known, head[2]) for known, head in zip(map(again.get, prints), heads, strict=True)]
        if not all(records):
            new = [number for number, record in enumerate(records) if not record]
            for number, record in zip(new, self._reader.read([parts[places[number]] for number in new]), strict=True):
                records[number] = record
        for place, print_, record in zip(places, prints, records, strict=True):
            if record:
                found[place] = again[print_] = record

    def _with_odd_ones(self, found: _Some, parts: list[bytes]) -> Iterator[JobRecord]:
        """Yield the records of a chunk, among them those which have to be read the slow way."""
        for record, part in zip(found, parts, strict=True):
            if record is None:
                yield from map(read_record, self._frame.read(part + _END))
            else:
                self._frame.passed = True
                yield record


class _Requests(dict[tuple[str, str], _Asked | None]):
    """What stands behind a job's name, by slots and lines: parsed once for all jobs that have the same; None when it is not for this reader."""

    def __missing__(self, key: tuple[str, str]) -> _Asked | None:
        slots, rest = key
        element = parse(f"<job_list>{rest}</job_list>".encode())
        asked = None if element is None or _says_more(element) else _Asked(*read_request(element, slots))
        self[key] = asked
        return asked


class _Minutes(dict[str, float]):
    """Unix times at which minutes such as 2026-11-22T06:00 began."""

    def __missing__(self, minute: str) -> float:
        self[minute] = found = read_time(minute)
        return found


_SECONDS = {f":{second:02d}": float(second) for second in range(60)}
_BEFORE = frozenset(
    {"JB_job_number", "JAT_prio", "JB_name", "JB_owner", "state", "queue_name", "slots", "tasks", "full_job_name"}
    | {"JB_submission_time", "JAT_submission_time", "JAT_start_time"}
)


def _says_more(element: Element) -> bool:
    """Tell whether values stand where they never do: the last one of a name counts."""
    return any(child.tag in _BEFORE for child in element)


def _cut(parts: list[bytes]) -> list[_Fields] | None:
    """Return the fields of each record, None unless all of them are as the pattern wants them.

    Each match ends with the one closing tag in it; the first field would hold the last character of anything between two matches.
    """
    try:
        found = _RECORD.findall(_END.join((*parts, b"")).decode("ascii"))
    except UnicodeDecodeError:
        return None
    return found if len(found) == len(parts) and not any(map(_first, found)) else None


def _with_priority(record: JobRecord, priority: bytes) -> JobRecord | None:
    try:
        value = float(priority)
    except ValueError:
        return None
    return record if value == record[2] else _new(JobRecord, (*record[:2], value, *record[3:]))
