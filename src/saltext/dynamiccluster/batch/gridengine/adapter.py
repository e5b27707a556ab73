"""Grid Engine behind ports.BatchSystem."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from ...calm import undisturbed
from ...errors import BatchRefused, BatchUnreachable
from ...model import BatchView, Host, Reservation
from ...ports import Cleared, Finding, Joining
from ...settings.sge import SgeSettings
from ...settings.slots import HOST
from ...settings.templates import UnsafeValue
from ..commands import Run
from .cell import HELD_GROUP, Cell
from .changes import Changes
from .checks import check_cell
from .details import JobDetail
from .hosts import GLOBAL, HostRecord, fill_jobs
from .hostview import HostViews, Patience
from .jobchanges import JobChanges
from .jobs import JobRecord
from .jobview import JobContext
from .jobviews import JobViews
from .memory import ConfigMemory, DetailMemory
from .offers import make_offer
from .requests import Translator
from .tools import Tools, process_runner
from .units import read_amount

# Lines of qstat -j that may hold a user's secrets, and those that only help the job itself.
_PRIVATE = frozenset({"env_list", "context", "job_args", "sge_o_path", "script_file"})


class GridEngine:
    """One Grid Engine cell. `run` executes commands, `clock` returns Unix time in seconds: both are given by tests."""

    def __init__(
        self,
        settings: SgeSettings,
        reservations: Iterable[Reservation],
        *,
        run: Run | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._reservations = tuple(dict.fromkeys(reservations))
        self._clock = clock
        self._tools = Tools(settings, run or process_runner())
        self._config = ConfigMemory(self._tools, settings.queue_to_monitor)
        self._details = DetailMemory(self._tools)
        self._view_jobs, self._host_views = JobViews(), HostViews()
        self._patience = Patience()
        self._changes = Changes(self._tools, settings.host_group)
        self._job_changes = JobChanges(self._tools)
        # qconf loses updates when two run at once, and a reading must not see half a change
        self._lock = threading.RLock()

    # -- reading

    def observe(self) -> BatchView:
        """Read all jobs and hosts. Raises BatchUnreachable, BatchRefused, BatchMalformed."""
        with self._lock, undisturbed():
            try:
                return self._observe()
            except BatchUnreachable:
                self._patience.forget()
                raise

    def resolve(self, hostname: str) -> str:
        """Return the address that the head resolves a name to, "" when it does not."""
        return self._tools.resolves(_checked(hostname))

    def job(self, job_id: str) -> Mapping[str, str]:
        """Return what `qstat -j` says, without the user's environment and arguments; {} when there is no such job."""
        number = job_id.partition(".")[0]
        if not number.isdigit():
            raise BatchRefused(f"{job_id[:40]!r} is no job id of Grid Engine")
        return read_description(self._tools.describe(number) or "")

    def check(self) -> tuple[Finding, ...]:
        """Check commands, rights and the cell's configuration."""
        return check_cell(self._tools, self._reservations)

    # -- changing

    def join(self, node: Joining) -> None:
        """Register the host, held. Raises NameUnresolvable, BatchRefused, BatchUnreachable."""
        _checked(node.hostname)
        with self._lock:
            try:
                self._changes.join(node, self._cell())
            finally:
                self._config.note_change(node.hostname)

    def hold(self, hostname: str, why: str) -> None:
        """Keep new jobs off the host; `why` is the caller's to remember: Grid Engine has no place for it."""
        with self._lock:
            self._changes.hold(_checked(hostname))

    def unhold(self, hostname: str) -> None:
        """Let jobs on the host again."""
        with self._lock:
            self._changes.unhold(_checked(hostname))

    def remove(self, hostname: str, *, gone: bool = False) -> None:
        """Take the host out of the cell. Raises HostHasJobs while it lists any."""
        with self._lock:
            try:
                self._changes.remove(_checked(hostname), gone=gone)
            finally:
                self._config.note_change(hostname)

    def vacate(self, hostname: str) -> tuple[str, ...]:
        """End all jobs of the host; return their ids."""
        with self._lock:
            return self._job_changes.vacate(_checked(hostname))

    def requeue(self, hostname: str) -> tuple[str, ...]:
        """Put the rerunnable jobs of a host, whose machine is about to end, back into the queue; return their ids."""
        with self._lock:
            return self._job_changes.requeue(_checked(hostname), self._cell())

    def clear(self, hostname: str) -> Cleared:
        """Requeue the rerunnable jobs of a host whose machine is gone, and delete the others."""
        with self._lock:
            return self._job_changes.clear(_checked(hostname), self._cell())

    # -- one observation

    def _cell(self) -> Cell:
        return self._config.cell(self._clock())

    def _observe(self) -> BatchView:
        translate = self._config.translator(self._clock())
        # jobs first: one that starts in between is then seen on its host, and never nowhere
        listing = self._tools.jobs(translate)
        hosts = tuple(fill_jobs(host, listing.records) for host in self._tools.hosts())
        now = self._clock()
        details, learnt, warning = self._details.update(listing, now)
        views = self._view_hosts(hosts, translate.cell, now)
        return BatchView(
            jobs=self._view_jobs(listing, _make_context(hosts, translate, details, now), learnt),
            hosts=views,
            offers={item: make_offer(translate.cell, item, self._settings.host_group, views) for item in self._reservations},
            warnings=tuple(_warn(listing.records, hosts, warning)),
            health={"sge": True},
        )

    def _view_hosts(self, hosts: Iterable[HostRecord], cell: Cell, now: float) -> tuple[Host, ...]:
        named = tuple(host for host in hosts if host.name not in (GLOBAL, ""))
        held = frozenset(self._tools.group(HELD_GROUP))
        values = self._config.values((host.name for host in named), now)
        self._patience.update(named, now)
        return self._host_views(named, cell, held, values, self._patience, now)


def _checked(hostname: str) -> str:
    """Return a host name that is safe in any command. Raises BatchRefused."""
    try:
        return HOST.check(hostname)
    except UnsafeValue as error:
        raise BatchRefused(str(error)) from error


def read_description(text: str) -> dict[str, str]:
    """Read `key:   value` lines, continued by indented ones; what may be a user's secret is left out."""
    values: dict[str, str] = {}
    key = ""
    for line in text.splitlines():
        if line[:1].isspace():
            if key:
                values[key] += "\n" + line.strip()
            continue
        key, colon, value = line.partition(":")
        key = key.strip() if colon else ""
        if key:
            values[key] = value.strip()
    return {key: value for key, value in values.items() if key not in _PRIVATE}


def _make_context(
    hosts: tuple[HostRecord, ...], translate: Translator, details: Mapping[str, JobDetail], now: float
) -> JobContext:
    running_on: dict[str, tuple[str, ...]] = {}
    started: dict[str, float] = {}
    for host in hosts:
        for job_id in host.jobs:
            running_on[job_id] = (*running_on.get(job_id, ()), host.name)
        started.update(host.started)
    return JobContext(translate, now, details, running_on, started, _left(hosts))


def _left(hosts: Iterable[HostRecord]) -> dict[str, float]:
    """Return what is left of the consumables of the whole cell."""
    whole = next((host for host in hosts if host.name == GLOBAL), None)
    left = {}
    for name, (dominance, value) in (whole.resources if whole else {}).items():
        if dominance == "gc":
            with suppress(ValueError):  # an amount that cannot be read restricts nothing; Grid Engine itself still does
                left[name] = read_amount(value)
    return left


def _warn(records: Iterable[JobRecord], hosts: Iterable[HostRecord], warning: str) -> Iterable[str]:
    if warning:
        yield warning
    for record in records:
        if record.broken:
            yield f"job {record.id or '(without a number)'}: {record.broken}"
    for host in hosts:
        if host.broken:
            yield f"host {host.name or '(without a name)'}: {host.broken}"
