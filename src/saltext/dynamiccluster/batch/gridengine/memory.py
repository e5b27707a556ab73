"""What the adapter keeps between two readings, so that each of them needs a fixed number of commands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ...errors import BatchMalformed, BatchRefused
from ...model import JobState
from .cell import Cell
from .details import JobDetail
from .jobs import JobRecord
from .jobview import read_state, wants_detail
from .requests import Translator
from .tools import Tools

CELL_LIFE = 60.0
DETAIL_LIFE = 300.0  # qalter may change a start time or a task limit
VALUES_LIFE = 600.0
DETAILS_AT_ONCE = 500
VALUES_AT_ONCE = 16
_NEVER = 9


@dataclass
class ConfigMemory:
    """The cell's configuration and its hosts' complex values."""

    tools: Tools
    watched: tuple[str, ...] = ()
    _translate: Translator | None = None
    _read_at: float = 0.0
    _changed: bool = False
    _values: dict[str, tuple[float, dict[str, str] | None]] = field(default_factory=dict)

    def translator(self, now: float) -> Translator:
        """Return a translator for the present cell. An unchanged cell keeps its translator with all that it remembers."""
        known = self._translate
        if known is None or now - self._read_at >= CELL_LIFE:
            cell = self.tools.cell()
            self._read_at = now
        elif self._changed:
            members = self.tools.memberships()
            cell = replace(known.cell, queues=members.queues, groups=members.groups)
        else:
            return known
        self._changed = False
        if known is None or cell != known.cell:
            self._translate = known = Translator(cell, self.watched)
        return known

    def cell(self, now: float) -> Cell:
        return self.translator(now).cell

    def values(self, hosts: Iterable[str], now: float) -> dict[str, dict[str, str]]:
        """Return the complex values of the hosts that are known, asking for at most VALUES_AT_ONCE of the others."""
        hosts = tuple(hosts)
        self._values = {name: self._values[name] for name in hosts if name in self._values}
        due = sorted((name for name in hosts if self._age(name, now) >= VALUES_LIFE), key=lambda name: -self._age(name, now))
        for name in due[:VALUES_AT_ONCE]:
            self._values[name] = (now, self._ask(name))
        return {name: values for name, (_, values) in self._values.items() if values is not None}

    def note_change(self, host: str) -> None:
        """Read anew next time what our own change of a host may have touched."""
        self._changed = True
        self._values.pop(host, None)

    def _ask(self, host: str) -> dict[str, str] | None:
        try:
            return self.tools.complex_values(host)
        except BatchRefused:  # its name no longer resolves: the machine is gone, and the other hosts are none the worse for it
            return None

    def _age(self, host: str, now: float) -> float:
        return now - self._values[host][0] if host in self._values else float("inf")


@dataclass
class DetailMemory:
    """Jobs' details: those that decide whether a job could start first, those for showing as there is room."""

    tools: Tools
    _known: dict[str, tuple[float, JobDetail]] = field(default_factory=dict)

    def update(self, records: Iterable[JobRecord], now: float) -> tuple[dict[str, JobDetail], str]:
        """Return what is known of the listed jobs, after one question at most, and a warning or ""."""
        ranks: dict[str, int] = {}
        for record in records:
            if record.id:
                ranks[record.id] = min(self._rank(record, now), ranks.get(record.id, _NEVER))
        self._known = {job_id: known for job_id, known in self._known.items() if job_id in ranks}
        due = sorted((job_id for job_id, rank in ranks.items() if rank < _NEVER), key=ranks.__getitem__)
        warning = self._ask(due[:DETAILS_AT_ONCE], now) if due else ""
        return {job_id: detail for job_id, (_, detail) in self._known.items()}, warning

    def _rank(self, record: JobRecord, now: float) -> int:
        """Return how urgent a question is: 0 most."""
        decides = wants_detail(record)
        if record.id not in self._known:
            return 0 if decides else (2 if read_state(record) is JobState.RUNNING else 3)
        return 1 if decides and now - self._known[record.id][0] >= DETAIL_LIFE else _NEVER

    def _ask(self, job_ids: list[str], now: float) -> str:
        try:
            answers = self.tools.details(job_ids)
        except (BatchMalformed, ValueError) as error:
            return f"the details of {len(job_ids)} jobs could not be read: {error}"
        # a job that ended meanwhile has no details, and is not asked for again
        self._known.update({job_id: (now, answers.get(job_id, JobDetail())) for job_id in job_ids})
        return ""
