"""Torque and Maui behind ports.BatchSystem."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from xml.etree.ElementTree import Element

from ...calm import undisturbed
from ...errors import BatchRefused, BatchUnreachable
from ...model import BatchView, Job, JobState, Reservation
from ...ports import Cleared, Finding, Joining
from ...settings.torque import TorqueSettings
from ..commands import Run
from .changes import Changes
from .checks import check_server
from .growth import Deferred, Reading, Restart
from .hostview import Patience, view_host
from .jobchanges import JobChanges
from .jobs import JOB_ID, JobRecord
from .jobview import JobContext, view_jobs
from .memory import MauiMemory, MauiReading, ServerMemory
from .nodes import NodeRecord
from .offers import make_offer, view_reservations
from .requests import World
from .reservations import Reservations
from .server import Server
from .tools import Tools, process_runner
from .xml import parse, records

# What qstat says of a job that may hold a user's secrets, or is of no use to anybody else
_PRIVATE = frozenset({"Variable_List", "submit_args", "job_arguments", "init_work_dir"})
_ON_HOSTS = (JobState.RUNNING, JobState.SUSPENDED)


class Torque:
    """One Torque server with Maui. `run` executes commands, `clock` returns Unix time in seconds: both are given by tests."""

    def __init__(
        self,
        settings: TorqueSettings,
        reservations: Iterable[Reservation],
        *,
        run: Run | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._reservations = tuple(dict.fromkeys(reservations))
        self._watched = frozenset(settings.queue_to_monitor)
        self._clock = clock
        self._tools = Tools(settings, run or process_runner())
        self._server = ServerMemory(self._tools)
        self._maui = MauiMemory(self._tools)
        self._patience = Patience()
        self._deferred = Deferred(self._tools)
        self._restart = Restart(self._tools)
        self._changes = Changes(self._tools, Reservations(self._tools, self._reservations), self._restart.joined)
        self._job_changes = JobChanges(self._tools)
        # a reading must not see half a change
        self._lock = threading.RLock()

    # -- reading

    def observe(self) -> BatchView:
        """Read all jobs and hosts. Raises BatchUnreachable, BatchRefused, BatchMalformed."""
        with self._lock, undisturbed():
            try:
                return self._observe()
            except BatchUnreachable as error:
                self._patience.forget()
                self._server.forget()
                if "refused" in str(error):  # only then it surely does not run: other silences have many causes
                    self._restart.server_was_down()
                raise

    def resolve(self, hostname: str) -> str:
        """Return the address that the head resolves a name to, "" when it does not."""
        return self._tools.resolves(hostname)

    def job(self, job_id: str) -> Mapping[str, str]:
        """Return what qstat says of a job, without its environment and arguments; {} when there is no such job."""
        if not JOB_ID.fullmatch(job_id):
            raise BatchRefused(f"{job_id[:40]!r} is no job id of Torque")
        return read_description(self._tools.job(job_id), job_id)

    def check(self) -> tuple[Finding, ...]:
        """Check commands, rights and the configuration of server and scheduler."""
        return check_server(self._tools, self._reservations)

    # -- changing

    def join(self, node: Joining) -> None:
        """Define the node, held. Raises NameUnresolvable, BatchRefused, BatchUnreachable."""
        with self._lock:
            self._changes.join(node, self._server.server(self._clock()))

    def hold(self, hostname: str, why: str) -> None:
        """Take the node offline, with `why` in its note."""
        with self._lock:
            self._changes.hold(hostname, why)

    def unhold(self, hostname: str) -> None:
        """Let jobs on the node again."""
        with self._lock:
            self._changes.unhold(hostname)
            self._deferred.released(hostname, self._clock())

    def remove(self, hostname: str, *, gone: bool = False) -> None:
        """Delete the node and its reservation. Raises HostHasJobs while it lists any."""
        with self._lock:
            self._changes.remove(hostname, gone=gone)

    def vacate(self, hostname: str) -> tuple[str, ...]:
        """End all jobs of the node; return their ids."""
        with self._lock:
            return self._job_changes.vacate(hostname)

    def requeue(self, hostname: str) -> tuple[str, ...]:
        """Put the rerunnable jobs of a node, whose machine is about to end, back into the queue; return their ids."""
        with self._lock:
            return self._job_changes.requeue(hostname)

    def clear(self, hostname: str) -> Cleared:
        """Requeue the rerunnable jobs of a node whose machine is gone, and purge the others."""
        with self._lock:
            return self._job_changes.clear(hostname)

    # -- one observation

    def _observe(self) -> BatchView:
        # jobs first: one that starts in between is then seen on its node, and never nowhere
        jobs = self._tools.jobs()
        nodes = self._tools.nodes()
        now = self._clock()
        server = self._server.server(now)
        maui = self._maui.read(now)
        self._patience.update(nodes, now)
        view = self._assemble(jobs, nodes, server, maui, now)
        reading = Reading(jobs, nodes, view.jobs, maui, now)
        tended = (self._deferred.tend(reading), self._restart.tend(reading, self._server.version))
        warnings = (*_warn(jobs, nodes), maui.warning, *tended)
        return BatchView(view.jobs, view.hosts, view.offers, tuple(text for text in warnings if text), view.health)

    def _assemble(
        self, records: tuple[JobRecord, ...], nodes: tuple[NodeRecord, ...], server: Server, maui: MauiReading, now: float
    ) -> BatchView:
        translate = self._server.translator(World(server, frozenset(node.name for node in nodes), maui.settings))
        running_on: dict[str, tuple[str, ...]] = {}
        for node in nodes:
            for job_id in node.jobs:
                running_on[job_id] = (*running_on.get(job_id, ()), node.name)
        jobs = view_jobs(records, JobContext(translate, now, maui.priorities, running_on, self._watched))
        shown = _jobs_by_host(jobs)
        reserved = view_reservations(maui.reservations, server)
        hosts = tuple(view_host(node, self._patience, shown.get(node.name, ()), reserved, now) for node in nodes)
        offers = {reservation: make_offer(server, reservation) for reservation in self._reservations}
        return BatchView(jobs, hosts, offers, health={"torque": True, "maui": maui.up})


def read_description(document: bytes, job_id: str) -> dict[str, str]:
    """Return a job's values by name, those of Resource_List and the like as `Resource_List.nodes`; {} when it is not there."""
    for raw in records(document, "Job") if document.strip() else ():
        element = parse(raw)
        found = (element.findtext("Job_Id") or "") if element is not None else ""
        if element is not None and job_id in (found, found.partition(".")[0]):
            return dict(_flatten(element))
    return {}


def _flatten(element: Element, prefix: str = "") -> Iterator[tuple[str, str]]:
    for child in element:
        if child.tag in _PRIVATE:
            continue
        if len(child):
            yield from _flatten(child, f"{prefix}{child.tag}.")
        else:
            yield prefix + child.tag, (child.text or "").strip()


def _jobs_by_host(jobs: Iterable[Job]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for job in jobs:
        if job.hosts and job.state in _ON_HOSTS:
            for host in job.hosts:
                found.setdefault(host, []).append(job.id)
    return found


def _warn(jobs: Iterable[JobRecord], nodes: Iterable[NodeRecord]) -> Iterator[str]:
    for job in jobs:
        if job.broken:
            yield f"job {job.id or '(without an id)'}: {job.broken}"
    for node in nodes:
        if node.broken:
            yield f"node {node.name or '(without a name)'}: {node.broken}"
