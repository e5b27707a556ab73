"""Reading `qhost -F -q -j -xml` again and again: a host whose record did not change costs a look into a dictionary.

As in jobscan.py one pattern for each kind of line takes apart what is exactly as Grid Engine writes it, and everything else is left to the XML
parser of hosts.py.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ...calm import undisturbed
from ..listing import Cutter
from ..numbers import read_finite, read_whole
from .hosts import (
    MOVING,
    HostRecord,
    Names,
    QueueRecord,
    Resources,
    read_host,
    read_job,
    read_known,
    read_queue,
)
from .units import read_memory_mb
from .xml import Frame

_END = b" </host>\n"
_TEXT = r"[!\"#$'-;=?-~]*"  # neither a blank, nor markup, nor what Grid Engine's own escape (%lt;) begins with
_WORD = r"[^'<>&%\x00-\x1f\x7f]*"
_HEAD = re.compile(rf" <host name='({_WORD})'>(?=\n)")
# each match is a whole line (or a block of lines) with the end of the line before it
_LINE_ENDS = r"(?=\n|\Z)"
_OWN = re.compile(rf"\n   <hostvalue name='({_WORD})'>({_TEXT})</hostvalue>{_LINE_ENDS}")
_RESOURCE = re.compile(rf"\n   <resourcevalue name='({_WORD})' dominance='({_WORD})'>({_TEXT})</resourcevalue>{_LINE_ENDS}")
_MOVING = re.compile(rf"\n   <resourcevalue name='((?:{MOVING})' dominance='{_WORD})'>({_TEXT})</resourcevalue>{_LINE_ENDS}", re.ASCII)
_BLOCK = re.compile(rf"\n <(queue|job) name='({_WORD})'>((?:\n   <[ -~]*)*)\n </\1>(?=\n)")
_INNER = {
    "queue": re.compile(rf"\n   <queuevalue qname='{_WORD}' name='({_WORD})'>({_TEXT})</queuevalue>{_LINE_ENDS}"),
    "job": re.compile(rf"\n   <jobvalue jobid='{_WORD}' name='({_WORD})'>({_TEXT})</jobvalue>{_LINE_ENDS}"),
}
_MOST_REMEMBERED = 5_000  # different lines that hosts share, and queues
_Blocks = tuple[tuple[QueueRecord, ...], dict[str, float]]  # queues, jobs with their starts
_memory_mb = lru_cache(maxsize=1000)(read_memory_mb)


class HostReader:
    """Reads listings of one cell. Records that did not change since the last listing are the very same objects."""

    def __init__(self) -> None:
        self.known: dict[int, HostRecord] = {}
        self._settled: dict[str, Resources] = {}
        self._names: dict[tuple[str, ...], Names] = {}
        self._queues: dict[tuple[str, str], QueueRecord] = {}
        self._blocks: dict[int, _Blocks] = {}

    def start(self) -> HostReading:
        """Return a new reading, for a document that comes in pieces."""
        for memory in (self._settled, self._names, self._queues):
            if len(memory) > _MOST_REMEMBERED:
                memory.clear()
        if len(self._blocks) > _MOST_REMEMBERED + 2 * len(self.known):
            self._blocks.clear()
        return HostReading(self)

    def take_apart(self, part: bytes) -> HostRecord | None:
        """Return the record of a host, None when it is not written as usual."""
        try:
            text = part.decode("ascii")
            head = _HEAD.match(text)
            return self._build(head[1], text, head.end()) if head and text.endswith("\n") else None
        except ValueError:  # the slow way tells what is wrong with it
            return None

    def _build(self, name: str, text: str, at: int) -> HostRecord | None:
        """Return the record whose lines come after `at`. When as many lines were matched as there are, nothing is left over."""
        end = text.find("\n <", at)
        end = end if end >= 0 else len(text) - 1
        middle = text.find("\n   <r", at, end)
        middle = middle if middle >= 0 else end
        own = _OWN.findall(text, at, middle)
        pieces = _MOVING.split(text[middle:end])
        settled, blocks = self._look_at("".join(pieces[::3])), self._look_up(text[end:])
        if len(own) != text.count("\n", at, middle) or settled is None or blocks is None:
            return None
        values = dict(own)
        queues, started = blocks
        return HostRecord(
            name, queues, tuple(started), started, read_known(values, "num_proc", read_whole), read_known(values, "mem_total", _memory_mb),
            read_known(values, "load_avg", read_finite), settled, self._read_names(tuple(pieces[1::3])), tuple(pieces[2::3]),
        )  # fmt: skip

    def _read_names(self, names: tuple[str, ...]) -> Names:
        """Return names and dominances, once for all hosts that have the same. Raises ValueError when a name is there twice: the last one counts."""
        known = self._names.get(names)
        if known is None:
            found = dict(item.split("' dominance='") for item in names)
            if len(found) < len(names):
                raise ValueError
            self._names[names] = known = tuple(found.items())
        return known

    def _look_at(self, lines: str) -> Resources | None:
        """Read the lines that most hosts have alike, once for all of them."""
        settled = self._settled.get(lines)
        if settled is None:
            found = _RESOURCE.findall(lines)
            if len(found) != lines.count("\n"):
                return None
            self._settled[lines] = settled = {key: (dominance, value) for key, dominance, value in found}
        return settled

    def _look_up(self, text: str) -> _Blocks | None:
        """Read a host's queues and jobs, which change more seldom than its load."""
        print_ = hash(text)
        blocks = self._blocks.get(print_) or self._read_blocks(text)
        if blocks is not None:
            self._blocks[print_] = blocks
        return blocks

    def _read_blocks(self, text: str) -> _Blocks | None:
        """Return queues, and jobs with their starts. Raises ValueError."""
        queues, started, lines = [], {}, 0
        for kind, title, inside in _BLOCK.findall(text):
            count = inside.count("\n")
            lines += 2 + count
            if kind == "queue" and (queue := self._queues.get((title, inside))):
                queues.append(queue)
                continue
            inner = _INNER[kind].findall(inside)
            if len(inner) != count:
                return None
            if kind == "queue":
                self._queues[title, inside] = queue = read_queue(title, dict(inner))
                queues.append(queue)
            else:
                job_id, start = read_job(title, dict(inner))
                started[job_id] = start
        return (tuple(queues), started) if lines == text.count("\n") - 1 else None


class HostReading:
    """One listing, as it comes."""

    def __init__(self, reader: HostReader) -> None:
        self._reader = reader
        self._frame = Frame("qhost", "host")
        self._cutter = Cutter(_END)
        self._records: list[HostRecord] = []
        self._known: dict[int, HostRecord] = {}

    def feed(self, data: bytes) -> None:
        """Read the next piece. Raises BatchMalformed."""
        with undisturbed():
            for part in self._cutter.feed(data):
                print_ = hash(part)
                record = self._reader.known.get(print_) or self._reader.take_apart(part)
                if record is None:
                    self._records += map(read_host, self._frame.read(part + _END))
                    continue
                self._frame.passed = True
                self._known[print_] = record
                self._records.append(record)

    def end(self) -> tuple[HostRecord, ...]:
        """Return the records. Raises BatchMalformed when the document is truncated or foreign."""
        self._records += map(read_host, self._frame.read(self._cutter.rest()))
        self._frame.check()
        self._reader.known = self._known
        return tuple(self._records)
