"""Reading `qhost -F -q -j -xml` again and again: a host whose record did not change costs a look into a dictionary.

As in jobscan.py one pattern for each kind of line takes apart what is exactly as Grid Engine writes it, and everything else is left to the XML
parser of hosts.py.
"""

from __future__ import annotations

import re

from ...calm import undisturbed
from ..listing import Cutter, feed
from .hosts import HostRecord, build_host, read_host, read_job, read_queue
from .xml import Frame

_END = b" </host>\n"
_TEXT = r"[!\"#$'-;=?-~]*"  # neither a blank, nor markup, nor what Grid Engine's own escape (%lt;) begins with
_WORD = r"[^'<>&%\x00-\x1f\x7f]*"
_HEAD = re.compile(rf" <host name='({_WORD})'>(?=\n)")
# each match is a whole line (or a block of lines) with the end of the line before it
_OWN = re.compile(rf"\n   <hostvalue name='({_WORD})'>({_TEXT})</hostvalue>(?=\n)")
_RESOURCE = re.compile(rf"\n   <resourcevalue name='({_WORD})' dominance='({_WORD})'>({_TEXT})</resourcevalue>(?=\n)")
_BLOCK = re.compile(rf"\n <(queue|job) name='({_WORD})'>((?:\n   <[ -~]*)*)\n </\1>(?=\n)")
_INNER = {
    "queue": re.compile(rf"\n   <queuevalue qname='{_WORD}' name='({_WORD})'>({_TEXT})</queuevalue>(?=\n|\Z)"),
    "job": re.compile(rf"\n   <jobvalue jobid='{_WORD}' name='({_WORD})'>({_TEXT})</jobvalue>(?=\n|\Z)"),
}


class HostReader:
    """Reads listings of one cell. Records that did not change since the last listing are the very same objects."""

    def __init__(self) -> None:
        self.known: dict[int, HostRecord] = {}

    def __call__(self, document: bytes) -> tuple[HostRecord, ...]:
        """Return the records, the pseudo host `global` included. Raises BatchMalformed when the document is truncated or foreign."""
        return feed(self.start(), document)

    def start(self) -> HostReading:
        """Return a new reading, for a document that comes in pieces."""
        return HostReading(self)


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
            for part in self._cutter.feed(data).split(_END)[:-1]:
                print_ = hash(part)
                record = self._reader.known.get(print_) or _take_apart(part)
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


def _take_apart(part: bytes) -> HostRecord | None:
    """Return the record of a host, None when it is not written as usual."""
    try:
        text = part.decode("ascii")
        head = _HEAD.match(text)
        return _build(head[1], text, head.end()) if head else None
    except ValueError:  # the slow way tells what is wrong with it
        return None


def _build(name: str, text: str, at: int) -> HostRecord | None:
    """Return the record whose lines come after `at`. When as many lines were matched as there are, nothing is left over."""
    own = _OWN.findall(text, at)
    resources = _RESOURCE.findall(text, at)
    lines = len(own) + len(resources)
    queues, started = [], {}
    for kind, title, inside in _BLOCK.findall(text, at):
        inner = _INNER[kind].findall(inside)
        if len(inner) != inside.count("\n"):
            return None
        lines += 2 + len(inner)
        if kind == "queue":
            queues.append(read_queue(title, dict(inner)))
        else:
            job_id, start = read_job(title, dict(inner))
            started[job_id] = start
    if lines != text.count("\n", at) - 1 or not text.endswith("\n"):
        return None
    return build_host(name, dict(own), {key: (dominance, value) for key, dominance, value in resources}, queues, started)
