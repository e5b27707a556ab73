"""A simulated batch system: hosts, jobs, and a scheduler that starts them on released hosts. Virtual time, no threads.

It behaves as Grid Engine does where that matters: a host that was registered has no daemon until one reports, a daemon dies on a host that
is not registered, and jobs of a vanished machine stay listed as running until somebody clears them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import BatchError, BatchRefused, BatchUnreachable, HostHasJobs, NameUnresolvable
from ..model import (
    BatchView,
    HoldBy,
    Host,
    Job,
    JobState,
    Offer,
    QueueSlots,
    Request,
    Reservation,
    Shape,
)
from ..ports import Cleared, Finding, Joining
from .clock import VirtualClock


@dataclass
class SimJob:
    """A job. `runs` counts how often it was started; `ended` tells how it ended: "", "done", "lost" or "vacated".

    `ghost`: it is listed as running while its processes are gone, so that it never ends by itself.
    """

    id: str
    request: Request
    duration: float
    submitted: float
    rerunnable: bool = False
    held: bool = False
    owner: str = "alice"
    runs: int = 0
    started: float = 0.0
    waited: float = 0.0  # from its submission until it was started for the first time
    taken: dict[str, int] = field(default_factory=dict)  # cores by host, while it runs
    ended: str = ""
    ghost: bool = False


@dataclass
class SimHost:
    """A registered host. `up` None: its daemon never reported."""

    name: str
    shape: Shape
    reservation: Reservation
    queues: tuple[str, ...]
    hold: HoldBy = HoldBy.US
    up: bool | None = None


class SimBatch:
    """Implements ports.BatchSystem. `troubles` are raised by the next calls of a method; `down`: nothing answers."""

    def __init__(self, clock: VirtualClock, queues: Iterable[str] = ("all.q",), reservations: Iterable[Reservation] = (Reservation(),)):
        self.clock = clock
        self.queues = tuple(queues)
        self.reservations = tuple(reservations)
        self.jobs: dict[str, SimJob] = {}
        self.hosts: dict[str, SimHost] = {}
        self.names: Callable[[str], str] = lambda hostname: ""
        self.down = False
        self.fewer_next = 0  # so many next hosts have a core less than promised
        self.troubles: dict[str, list[BatchError]] = {}
        self.calls: list[tuple[str, str]] = []
        self._numbers = itertools.count(1)

    # -- users ----------------------------------------------------------------------------------------------------------

    def submit(self, request: Request = Request(), duration: float = 60.0, **more: Any) -> SimJob:
        """Submit a job; it ends `duration` seconds after it was started."""
        job = SimJob(str(next(self._numbers)), request, duration, self.clock.now(), **more)
        self.jobs[job.id] = job
        return job

    def running(self, hostname: str | None = None) -> list[SimJob]:
        """Return the jobs that are listed as running, those of one host when named."""
        return [job for job in self.jobs.values() if job.taken and (hostname is None or hostname in job.taken)]

    # -- machines ---------------------------------------------------------------------------------------------------------

    def start_daemon(self, hostname: str) -> bool:
        """Start the host's execution daemon; False: it died, since the host is not registered."""
        host = self.hosts.get(hostname)
        if host is None:
            return False
        if self.fewer_next and host.up is None:
            self.fewer_next -= 1
            host.shape = replace(host.shape, cores=max(host.shape.cores - 1, 1))
        host.up = True
        return True

    def power_off(self, hostname: str) -> None:
        """The machine is gone: its daemon no longer reports, its jobs never end."""
        host = self.hosts.get(hostname)
        if host is not None and host.up:
            host.up = False
        for job in self.running(hostname):
            job.ghost = True

    # -- the scheduler ------------------------------------------------------------------------------------------------------

    def schedule(self) -> None:
        """End the jobs that are done, then start what fits, in the order of submission."""
        now = self.clock.now()
        for job in self.running():
            if now - job.started >= job.duration and not job.ghost and all(self._is_up(name) for name in job.taken):
                job.taken, job.ended = {}, "done"
        for job in self.jobs.values():
            if not (job.taken or job.ended or job.held):
                self._try_start(job, now)

    def _is_up(self, hostname: str) -> bool:
        return hostname in self.hosts and self.hosts[hostname].up is True

    def _try_start(self, job: SimJob, now: float) -> None:
        free = {host.name: self._free(host) for host in self._usable(job.request)}
        taken: dict[str, int] = {}
        for chunk in job.request.chunks:
            used: set[str] = set()
            for _ in range(chunk.count):
                name = next((n for n in sorted(free) if free[n] >= chunk.cores and not (chunk.distinct and n in used)), None)
                if name is None:
                    return
                used.add(name)
                free[name] -= chunk.cores
                taken[name] = taken.get(name, 0) + chunk.cores
        self._start(job, taken, now)

    def _start(self, job: SimJob, taken: dict[str, int], now: float) -> None:
        job.taken, job.started, job.runs, job.ghost = taken, now, job.runs + 1, False
        job.waited = job.waited or now - job.submitted

    def slip(self, hostname: str) -> None:
        """Start a waiting job on this host whatever its hold says, as a scheduler does that had decided so a moment before."""
        host = self.hosts.get(hostname)
        if host is None or host.up is not True:
            return
        for job in self.jobs.values():
            waits = not (job.taken or job.ended or job.held)
            cores = job.request.total_cores
            if waits and len(job.request.chunks) == 1 and not job.request.chunks[0].distinct and cores <= self._free(host):
                return self._start(job, {host.name: cores}, self.clock.now())

    def _usable(self, request: Request) -> list[SimHost]:
        wanted = None if request.places is None else {place.queue for place in request.places}
        return [
            host
            for host in self.hosts.values()
            if host.up is True and host.hold is HoldBy.NOBODY and (wanted is None or wanted & set(host.queues))
        ]

    def _free(self, host: SimHost) -> int:
        return host.shape.cores - sum(job.taken.get(host.name, 0) for job in self.running(host.name))

    # -- ports.BatchSystem ----------------------------------------------------------------------------------------------------

    def observe(self) -> BatchView:
        self._call("observe", "")
        jobs = tuple(_show_job(job) for job in self.jobs.values() if not job.ended)
        hosts = tuple(self._show_host(host) for host in self.hosts.values())
        offers = {item: Offer(queues=frozenset({item.queue} if item.queue else self.queues)) for item in self.reservations}
        return BatchView(jobs, hosts, offers, health={"sge": True})

    def resolve(self, hostname: str) -> str:
        self._call("resolve", hostname)
        return self.names(hostname)

    def join(self, node: Joining) -> None:
        self._call("join", node.hostname)
        if not self.names(node.hostname):
            raise NameUnresolvable(f"can't resolve hostname {node.hostname!r}")
        queues = (node.reservation.queue,) if node.reservation.queue else self.queues
        known = self.hosts.get(node.hostname)
        if known is None:
            self.hosts[node.hostname] = SimHost(node.hostname, node.shape, node.reservation, queues)

    def hold(self, hostname: str, why: str) -> None:
        self._call("hold", hostname)
        host = self._host(hostname)
        if host.hold is HoldBy.NOBODY:
            host.hold = HoldBy.US

    def unhold(self, hostname: str) -> None:
        self._call("unhold", hostname)
        self._host(hostname).hold = HoldBy.NOBODY

    def remove(self, hostname: str, *, gone: bool = False) -> None:
        self._call("remove", hostname)
        if self.running(hostname):
            raise HostHasJobs(f"{hostname} still lists jobs")
        self.hosts.pop(hostname, None)

    def vacate(self, hostname: str) -> tuple[str, ...]:
        self._call("vacate", hostname)
        return tuple(self._end(job, "vacated") for job in self.running(hostname))

    def requeue(self, hostname: str) -> tuple[str, ...]:
        self._call("requeue", hostname)
        return tuple(self._end(job, "") for job in self.running(hostname) if job.rerunnable)

    def clear(self, hostname: str) -> Cleared:
        self._call("clear", hostname)
        if self._is_up(hostname):
            raise BatchRefused(f"{hostname} is up: its jobs still run")
        jobs = self.running(hostname)
        for job in jobs:
            self._end(job, "" if job.rerunnable else "lost")
        requeued = tuple(job.id for job in jobs if job.rerunnable)
        return Cleared(requeued, tuple(job.id for job in jobs if not job.rerunnable))

    def job(self, job_id: str) -> Mapping[str, str]:
        self._call("job", job_id)
        job = self.jobs.get(job_id)
        return {"id": job.id, "owner": job.owner} if job is not None else {}

    def check(self) -> tuple[Finding, ...]:
        self._call("check", "")
        return (Finding("the simulated batch system", True),)

    # -- inside -----------------------------------------------------------------------------------------------------------

    def _call(self, method: str, about: str) -> None:
        self.calls.append((method, about))
        if self.down:
            raise BatchUnreachable("the simulated batch system does not answer")
        waiting = self.troubles.get(method)
        if waiting:
            raise waiting.pop(0)

    def _host(self, hostname: str) -> SimHost:
        host = self.hosts.get(hostname)
        if host is None:
            raise BatchRefused(f"{hostname} is no host here")
        return host

    def _end(self, job: SimJob, how: str) -> str:
        job.taken, job.ended = {}, how
        return job.id

    def _show_host(self, host: SimHost) -> Host:
        jobs = self.running(host.name)
        used = sum(job.taken[host.name] for job in jobs)
        usable = host.up is True and host.hold is HoldBy.NOBODY
        return Host(
            name=host.name,
            up=host.up,
            queues=tuple(QueueSlots(name, host.shape.cores, used, usable) for name in host.queues),
            jobs=tuple(job.id for job in jobs),
            hold=host.hold,
            reported=replace(host.shape) if host.up else None,
            reservation=host.reservation,
        )


def _show_job(job: SimJob) -> Job:
    state = JobState.RUNNING if job.taken else JobState.HELD if job.held else JobState.PENDING
    return Job(
        id=job.id,
        state=state,
        request=job.request,
        tasks=1 if state is JobState.PENDING else 0,
        owner=job.owner,
        created=job.submitted,
        started=job.started,
        rerunnable=job.rerunnable,
        reason="held by its user" if job.held else "",
        hosts=tuple(job.taken),
    )
