"""What the adapter keeps between two readings, so that each of them needs a fixed number of commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from ...errors import BatchMalformed, BatchRefused
from ...model import JobState
from .cell import Cell
from .details import JobDetail
from .jobscan import JobListing
from .jobview import read_state, wants_detail
from .requests import Translator
from .tools import Tools

CELL_LIFE = 60.0
DETAIL_LIFE = 300.0  # qalter may change a start time or a task limit
VALUES_LIFE = 600.0
DETAILS_AT_ONCE = 500
VALUES_AT_ONCE = 16


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
    _known: dict[str, JobDetail] = field(default_factory=dict)
    _asked_at: dict[str, float] = field(default_factory=dict)

    def update(self, listing: JobListing, now: float) -> tuple[Mapping[str, JobDetail], frozenset[str], str]:
        """Return what is known of the listed jobs after one question at most, the ids that this told of, and a warning or ""."""
        self._forget_others(listing)
        due = self._due(listing, now)
        warning = self._ask(due, now) if due else ""
        return self._known, frozenset() if warning else frozenset(due), warning

    def _forget_others(self, listing: JobListing) -> None:
        if len(self._known) > len(listing.entries):
            listed = set(listing.ids)
            self._known = {job_id: detail for job_id, detail in self._known.items() if job_id in listed}
            self._asked_at = {job_id: at for job_id, at in self._asked_at.items() if job_id in listed}

    def _due(self, listing: JobListing, now: float) -> list[str]:
        """Return the ids to ask for, most urgent first: unknown ones whose details decide, those to be looked at again, running ones, others.

        Plain jobs are of the last kind.
        """
        ranks: tuple[dict[str, None], ...] = ({}, {}, {})
        known = self._known
        for record in listing.records:
            if not record.id:
                continue
            if wants_detail(record):
                if record.id not in known:
                    ranks[0][record.id] = None
                elif now - self._asked_at[record.id] >= DETAIL_LIFE:
                    ranks[1][record.id] = None
            elif record.id not in known and read_state(record) is JobState.RUNNING:
                ranks[2][record.id] = None
        others = dict.fromkeys(islice((job_id for job_id in listing.ids if job_id not in known and job_id), DETAILS_AT_ONCE))
        return list({**ranks[0], **ranks[1], **ranks[2], **others})[:DETAILS_AT_ONCE]

    def _ask(self, job_ids: list[str], now: float) -> str:
        try:
            answers = self.tools.details(job_ids)
        except (BatchMalformed, ValueError) as error:
            return f"the details of {len(job_ids)} jobs could not be read: {error}"
        # a job that ended meanwhile has no details, and is not asked for again
        for job_id in job_ids:
            self._known[job_id] = answers.get(job_id, JobDetail())
            self._asked_at[job_id] = now
        return ""
