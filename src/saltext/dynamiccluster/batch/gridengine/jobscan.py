"""Reading `qstat -xml -r` again and again: a job whose record did not change costs a look into a dictionary.

One pattern takes apart the records that are exactly as Grid Engine writes them and hold no more than plain characters; for those it says
what an XML parser says. Every other record, and all that stands between records, goes the way of jobs.parse_jobs, so that nothing odd,
foreign or cut off can pass for a complete listing.

What queues are long of, a plain job that waits for a node, becomes a Job at once, while all of it is in the processor's cache.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import itemgetter
from typing import NamedTuple
from xml.etree.ElementTree import Element

from ...calm import undisturbed
from ...model import Job, JobState, Request
from ..listing import Cutter
from .jobs import (
    JobRecord,
    RawRequest,
    count_tasks,
    read_record,
    read_request,
    read_time,
)
from .requests import Translator
from .xml import Frame, parse

_END = b"</job_list>\n"
_PRIORITY_END = b"</JAT_prio>"
_TEXT = r"[ !\"#$'-;=?-~]"  # neither markup nor Grid Engine's own escape (%lt;) begins with any of these
_RECORD = re.compile(
    rf"""([\s\S]?)    <job_list state="(?:pending|running)">
      <JB_job_number>(\d+)</JB_job_number>
      <JAT_prio>(\d{{1,9}}\.\d+)</JAT_prio>
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
_ODD = re.compile(r"<(?:[!?]|job_list[\s/>])")  # what may hide a record's end, or another record
_SECONDS = {f":{second:02d}": float(second) for second in range(60)}
_MOST_URGENT = 1e9  # the greatest priority that is read this way
_NEAR = 200  # records that may have gone from one piece of a listing before all of what follows is looked at closer
_STRANGE = 8  # pieces in a row without a record that is as it was: every priority has changed, so that whole records need not be looked up
_MOST_REMEMBERED = 50_000  # different requests, words and minutes, of each so many
_PENDING, _WAITS = JobState.PENDING, "JB_submission_time"
_NOTHING: Mapping[str, str] = {}
_new, _first = tuple.__new__, itemgetter(0)
_Fields = tuple[str, ...]
Entry = Job | JobRecord
_Entries = list[Entry | None]


@dataclass
class JobListing:
    """What qstat listed, in its order: plain jobs that wait for a node as Job, without regard to details and hosts; the others as JobRecord.

    `ids` are those of all entries, `records` are those that are no plain jobs, and `others` are their places; `fresh` are the entries that
    the last listing that was `viewed` did not have.
    """

    entries: list[Entry] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    others: list[int] = field(default_factory=list)
    records: list[JobRecord] = field(default_factory=list)
    fresh: list[Entry] = field(default_factory=list)
    viewed: bool = False

    def add(self, found: list[Entry]) -> None:
        """Add entries behind the others."""
        if JobRecord in set(map(type, found)):
            for place, entry in enumerate(found, len(self.entries)):
                if type(entry) is JobRecord:
                    self.others.append(place)
                    self.records.append(entry)
        self.entries += found
        self.ids += map(_first, found)


@dataclass
class _Parts:
    """The hashes of all parts of a document that end with a record's end, and what they say; None for those that are not as usual."""

    prints: list[int] = field(default_factory=list)
    found: _Entries = field(default_factory=list)

    def near(self, at: int, prints: list[int]) -> tuple[_Entries, int]:
        """Look parts up by their hashes among as many of these from `at` on, and some more; return what they say and where one would go on."""
        end = at + len(prints) + _NEAR
        found = list(map(dict(zip(self.prints[at:end], self.found[at:end], strict=True)).get, prints))
        if not any(found):
            return found, at
        last = next(print_ for print_, entry in zip(reversed(prints), reversed(found), strict=True) if entry)
        return found, self.prints.index(last, at, end) + 1


class JobReader:
    """Reads listings of one cell. What did not change since the last listing is the very same object.

    A record is `known` by the hash of all of its bytes but its priority, which changes more often than the rest. Of the `last` listing the hashes of
    whole records are kept, too: most records stand where they stood.
    """

    def __init__(self) -> None:
        self.known: dict[int, Entry] = {}
        self.last = _Parts()
        self._started = JobListing(viewed=True)
        self._words, self._minutes = _Words(), _Minutes()
        self._asked = _Requests(None)

    def start(self, translate: Translator | None = None) -> JobReading:
        """Return a new reading, for a document that comes in pieces. Without a translator no job is plain."""
        if translate is not self._asked.translate:
            self.last, self.known, self._asked = _Parts(), {}, _Requests(translate)
        before, self._started = self._started, JobListing()
        return JobReading(self, self._started, before)

    def forget_others(self, entries: Sequence[Entry]) -> None:
        """Forget what this listing does not have, from time to time."""
        for memory in (self._asked, self._words, self._minutes):
            if len(memory) > _MOST_REMEMBERED:
                memory.clear()
        if len(self.known) > 1000 + len(entries) * 3 // 2:
            listed = set(map(id, entries))
            self.known = {print_: entry for print_, entry in self.known.items() if id(entry) in listed}

    def read(self, parts: list[bytes]) -> _Entries:
        """Return what these parts say; those that are not as usual are None. What spoils many at once is sought in halves of them."""
        try:
            found = _cut(parts)
            if found is not None:
                return self._make(found)
        except (ValueError, KeyError):  # the slow way tells what is wrong with it
            pass
        half = len(parts) // 2
        return [*self.read(parts[:half]), *self.read(parts[half:])] if half else [None]

    def _make(self, found: list[_Fields]) -> _Entries:
        """Return the jobs of these fields, so many at once as fit the cache. Raises ValueError or KeyError when one of them is not as usual."""
        _, numbers, priorities, owners, states, whens, times, queues, slots, tasks, names, rests = zip(*found, strict=True)
        asked = list(map(self._asked.__getitem__, zip(slots, rests, strict=True)))
        if not all(asked):
            raise ValueError
        for several in filter(None, tasks):
            count_tasks(several)
        minutes, words = self._minutes, self._words.__getitem__
        at = [minutes[time[:16]] + _SECONDS[time[16:]] if len(time) == 19 else read_time(time) for time in times]
        columns = zip(numbers, states, map(float, priorities), map(str.strip, names), map(words, owners), whens, at, queues, tasks, asked, strict=True)
        return [
            _new(Job, (number, _PENDING, plain[0], 1, name, owner, plain[1], "", priority, time, 0.0, plain[2], False, "", (), _NOTHING))
            if plain and state == "qw" and priority and not queue and not several and when == _WAITS
            else _new(
                JobRecord,
                (number, words(state), priority, name, owner, *_when(when, time), words(queue), several, request, predecessors, ""),
            )
            for number, state, priority, name, owner, when, time, queue, several, (request, predecessors, plain) in columns
        ]


class JobReading:
    """One listing, as it comes."""

    def __init__(self, reader: JobReader, listing: JobListing, before: JobListing) -> None:
        self._reader, self._listing, self._all_fresh = reader, listing, not before.viewed
        self._frame = Frame("job_info", "job_list")
        self._cutter = Cutter(_END)
        self._known = reader.known or {}  # the first listing of all is not looked up in itself
        self._parts = _Parts()
        self._at = 0  # where the last listing had what comes next
        self._strange = 0  # pieces in a row of which it had no record as it is

    def feed(self, data: bytes) -> None:
        """Read the next piece. Raises BatchMalformed."""
        with undisturbed():
            parts = self._cutter.feed(data)
            if parts:
                found = self._look_up(parts)
                if all(found):
                    self._frame.passed = True
                    self._listing.add(found)
                else:
                    self._listing.add(list(self._with_odd_ones(found, parts)))

    def end(self) -> JobListing:
        """Return what was listed. Raises BatchMalformed when the document is truncated or foreign."""
        self._listing.add(self._read_slowly(self._cutter.rest()))
        self._frame.check()
        self._reader.last = self._parts
        self._reader.forget_others(self._listing.entries)
        if self._all_fresh:
            self._listing.fresh = self._listing.entries
        return self._listing

    def _look_up(self, parts: list[bytes]) -> _Entries:
        """Return what these parts say, of those that the last listing had near here from memory; those that are not as usual are None."""
        if self._strange >= _STRANGE:
            return self._look_closer(parts)
        prints = list(map(hash, parts))
        found, self._at = self._reader.last.near(self._at, prints)
        self._strange = self._strange + 1 if self._reader.last.prints and not any(found) else 0
        if self._strange >= _STRANGE:
            self._parts = _Parts()  # the next listing begins anew
            return self._look_closer(parts)
        if not any(found):
            found = self._look_closer(parts)
        elif not all(found):
            new = [place for place, entry in enumerate(found) if entry is None]
            for place, entry in zip(new, self._look_closer([parts[place] for place in new]), strict=True):
                found[place] = entry
        self._parts.prints += prints
        self._parts.found += found
        return found

    def _look_closer(self, parts: list[bytes]) -> _Entries:
        """Return the same of parts that the last listing did not have.

        What stands before a priority tells which job it is, what stands behind it changes seldom.
        """
        cut = [part.partition(_PRIORITY_END) for part in parts]
        heads = [head.rpartition(b">") for head, _, _ in cut]
        prints = [hash((head[0], rest[2])) for head, rest in zip(heads, cut, strict=True)]
        before = list(map(self._known.get, prints))
        found: _Entries = [entry and _with_priority(entry, head[2]) for entry, head in zip(before, heads, strict=True)]
        new = [place for place, entry in enumerate(found) if not entry]
        for place, entry in zip(new, self._reader.read([parts[place] for place in new]) if new else (), strict=True):
            found[place] = entry
        is_fresh = [entry is not None and entry is not old for entry, old in zip(found, before, strict=True)]
        fresh = list(compress(found, is_fresh))
        self._reader.known.update(zip(compress(prints, is_fresh), fresh, strict=True))
        self._listing.fresh += fresh
        return found

    def _with_odd_ones(self, found: _Entries, parts: list[bytes]) -> Iterator[Entry]:
        """Yield what is in a chunk, with those records in it which have to be read the slow way."""
        for entry, part in zip(found, parts, strict=True):
            if entry is None:
                yield from self._read_slowly(part + _END)
            else:
                self._frame.passed = True
                yield entry

    def _read_slowly(self, part: bytes) -> list[Entry]:
        """Return the records of a part, which ends with a record's end or the document, by the XML parser."""
        records: list[Entry] = list(map(read_record, self._frame.read(part)))
        self._listing.fresh += records
        return records


_Plain = tuple[Request, str, float | None]  # what a plain job asks for, the queues as asked, the wall time in seconds


class _Asked(NamedTuple):
    """What stands behind a job's name in its record. `plain` is None for jobs that depend on others or are of queues that nobody watches."""

    request: RawRequest
    predecessors: tuple[str, ...]
    plain: _Plain | None


class _Requests(dict[tuple[str, str], _Asked | None]):
    """What stands behind a job's name, by slots and lines: read once for all jobs that have the same; None when it is not for this reader."""

    def __init__(self, translate: Translator | None) -> None:
        super().__init__()
        self.translate = translate

    def __missing__(self, key: tuple[str, str]) -> _Asked | None:
        slots, rest = key
        element = None if _ODD.search(rest) else parse(f"<job_list>{rest}</job_list>".encode())
        asked = None
        if element is not None and not _says_more(element):
            request, predecessors = read_request(element, slots)
            asked = _Asked(request, predecessors, self._look_at(request))
        self[key] = asked
        return asked

    def _look_at(self, request: RawRequest) -> _Plain | None:
        if self.translate is None:
            return None
        found = self.translate(request)
        return None if found.shared or found.unwatched else (found.request, ",".join(request.queues), found.walltime)


class _Words(dict[str, str]):
    """Words that many jobs share, without the blanks around them."""

    def __missing__(self, word: str) -> str:
        self[word] = found = word.strip()
        return found


class _Minutes(dict[str, float]):
    """Unix times at which minutes such as 2026-11-22T06:00 began."""

    def __missing__(self, minute: str) -> float:
        self[minute] = found = read_time(minute)
        return found


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


def _when(kind: str, time: float) -> tuple[float, float]:
    """Return when a job was submitted and when it started."""
    return (time, 0.0) if kind == _WAITS else (0.0, time)


def _with_priority(entry: Entry, priority: bytes) -> Entry | None:
    """Return the same with another priority, None when that could make it something else: a job without one is not plain."""
    try:
        value = float(priority)
    except ValueError:
        return None
    if value == entry.priority:
        return entry
    if not 0 < value < _MOST_URGENT or not entry.priority:
        return None
    if type(entry) is Job:
        return _new(Job, (*entry[:8], value, *entry[9:]))
    return _new(JobRecord, (*entry[:2], value, *entry[3:]))
