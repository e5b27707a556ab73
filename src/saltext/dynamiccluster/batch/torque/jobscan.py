"""Reading `qstat -x -t` of long queues: one pattern takes apart the records of queued jobs that are exactly as Torque writes them.

Of what is looked at it accepts plain characters only, and of the rest nothing that is no XML (jobs.parse_jobs reads what XML merely
forbids, such as control characters, too), so that it says what an XML parser says. Every other record, and all that stands between records, goes the way
of jobs.parse_jobs. A record that did not change since the last listing costs a look into a dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import itemgetter
from sys import intern

from ...calm import undisturbed
from ..listing import Cutter
from .jobs import NO_REQUEST, JobRecord, RawRequest, read_record
from .units import read_number, read_seconds
from .xml import Frame

_END = b"</Job>"
_TEXT = r"[ -%'-;=?-~]*"  # neither markup nor an entity
_NAME = r"[A-Za-z_]\w*"

# What jobs.build looks at has a group; "-" before a name: may be missing.
_ELEMENTS = (
    "Job_Id=", "Job_Name=", "Job_Owner=", "job_state=Q", "queue=", "server", "-Account_Name=", "-Checkpoint", "ctime=", "-Error_Path",
    "-Hold_Types=", "-Join_Path", "-Keep_Files", "-Mail_Points", "-Mail_Users", "-mtime", "-Output_Path", "-Priority", "-qtime",
    "Rerunable=", "Resource_List=", "-substate", "-Variable_List", "-euser", "-egroup", "-queue_rank", "queue_type=", "-etime", "-submit_args",
    "-job_array_id", "-fault_tolerant", "-job_radix", "-submit_host",
)  # fmt: skip


def _element(name: str) -> str:
    """Return the pattern of one element."""
    name, optional = name.lstrip("-"), name.startswith("-")
    title, wanted, value = name.partition("=")
    if title == "Resource_List":
        return rf"<Resource_List>((?:<{_NAME}>{_TEXT}</\w+>)*+)</Resource_List>"
    special = {"Job_Id": r"([0-9]+(?:\[[0-9]+\])?\.[A-Za-z0-9_.:-]+)", "ctime": r"(\d{1,11})"}
    inside = value or special.get(title) or (f"({_TEXT})" if wanted else "[^<]*")
    found = f"<{title}>{inside}</{title}>"
    return f"(?:{found})?+" if optional else found


_RECORD = re.compile("(.?)<Job>" + "".join(map(_element, _ELEMENTS)) + "</Job>", re.ASCII | re.DOTALL)
_RESOURCE = re.compile(rf"<({_NAME})>({_TEXT})</(\w+)>", re.ASCII)
_MOST_ASKED = 50_000  # different requests that are remembered at once
_new, _first = tuple.__new__, itemgetter(0)
_Asked = tuple[RawRequest, float | None, int]  # what is asked for, the wall time in seconds, the number of pieces on nodes


class JobReader:
    """Reads listings of one server. Records that did not change since the last listing are the very same objects."""

    def __init__(self) -> None:
        self.known: dict[int, JobRecord | None] = {}
        self._asked: dict[tuple[str, str, str], _Asked] = {}

    def start(self) -> JobReading:
        """Return a new reading, for a document that comes in pieces."""
        return JobReading(self)

    def remember(self, known: dict[int, JobRecord | None]) -> None:
        """Keep what the next listing may have, too."""
        self.known = known
        if len(self._asked) > _MOST_ASKED:
            self._asked.clear()

    def fill(self, found: list[JobRecord | None], parts: list[bytes]) -> None:
        """Put the records that were not known yet in their places; those that are not as usual stay None."""
        new = [place for place, record in enumerate(found) if record is None]
        together = _cut(parts) if len(new) > len(parts) // 4 else None
        for place in new:
            fields = together[place] if together else (_cut([parts[place]]) or (None,))[0]
            found[place] = self._make(fields) if fields else None

    def _make(self, fields: tuple[str, ...]) -> JobRecord | None:
        """Return the record of these fields, as jobs.build does."""
        _, job_id, name, owner, queue, account, created, hold_types, rerunnable, resources, queue_type = fields
        try:
            request, walltime, nodes = self._asked.get((resources, queue, account)) or self._look_at(resources, queue, account)
        except ValueError:  # the slow way tells what is wrong with it
            return None
        return _new(
            JobRecord,
            (
                job_id, "Q", name, intern(owner.partition("@")[0]), request.queue, queue_type, float(created), 0.0, 0.0, walltime,
                hold_types, "", rerunnable == "True", (), "", "", 0, nodes, request, "",
            ),
        )  # fmt: skip

    def _look_at(self, resources: str, queue: str, account: str) -> _Asked:
        """Read a list of resources, once for all jobs that have the same. Raises ValueError when it is not for this reader."""
        found = _RESOURCE.findall(resources)
        values = {name: value for name, value, _ in found}
        if len(values) * 2 != resources.count("<") or any(name != closing for name, _, closing in found):
            raise ValueError
        walltime = values.get("walltime", "")
        request = RawRequest(tuple([item for item in values.items() if item[0] not in NO_REQUEST]), queue, account)
        asked = (request, read_seconds(walltime) if walltime else None, read_number(values.get("nodect")))
        self._asked[resources, queue, account] = asked
        return asked


class JobReading:
    """One listing, as it comes."""

    def __init__(self, reader: JobReader) -> None:
        self._reader = reader
        self._frame = Frame("Job")
        self._cutter = Cutter(_END)
        self._records: list[JobRecord] = []
        self._known: dict[int, JobRecord | None] = {}

    def feed(self, data: bytes) -> None:
        """Read the next piece. Raises BatchMalformed."""
        with undisturbed():
            parts = self._cutter.feed(data)
            prints = list(map(hash, parts))
            found = list(map(self._reader.known.get, prints))
            if not all(found):
                self._reader.fill(found, parts)
            self._known.update(zip(prints, found, strict=True))
            if all(found):
                self._frame.passed |= bool(parts)
                self._records += found
            else:
                self._records += self._with_odd_ones(found, parts)

    def end(self) -> tuple[JobRecord, ...]:
        """Return the records. Raises BatchMalformed when the document is truncated or foreign."""
        rest = self._cutter.rest()
        if self._known or rest.strip():
            self._records += map(read_record, self._frame.read(rest))
            self._frame.check()
        self._reader.remember(self._known)
        return tuple(self._records)

    def _with_odd_ones(self, found: list[JobRecord | None], parts: list[bytes]) -> Iterator[JobRecord]:
        """Yield the records of a chunk, among them those which have to be read the slow way."""
        for record, part in zip(found, parts, strict=True):
            if record is None:
                yield from map(read_record, self._frame.read(part + _END))
            else:
                self._frame.passed = True
                yield record


def _cut(parts: list[bytes]) -> list[tuple[str, ...]] | None:
    """Return the fields of each record, None unless all of them are as the pattern wants them.

    Each match ends with the one closing tag in it; the first field would hold the last character of anything between two matches.
    """
    chunk = _END.join((*parts, b""))
    if b"&" in chunk or (b"]" in chunk and b"]]>" in chunk) or not chunk.isascii():
        return None
    found = _RECORD.findall(chunk.decode("ascii"))
    return found if len(found) == len(parts) and not any(map(_first, found)) else None
