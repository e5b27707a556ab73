"""Maui: what it has last seen of the server, which jobs it can place, and which it starts."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from lab.torque import resources
from lab.torque.records import Future, Job, Node, Reservation, Seen
from lab.torque.server import Server

_SLOTS = 4095  # the most jobs that Maui holds


@dataclass
class Maui:
    """The scheduler's own memory. It outlives nodes, and answers from it while the server is down."""

    server: Server
    seen: dict[str, Seen] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)  # copies, as of the last poll
    words: dict[str, str] = field(default_factory=dict)  # id -> Idle, Running, Hold, Deferred, BatchHold
    deferred: dict[str, float] = field(default_factory=dict)
    released: set[str] = field(default_factory=set)
    system_priority: dict[str, int] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)  # idle, infeasible, not deferred (DEFERTIME 0)
    reservations: list[Reservation] = field(default_factory=list)
    future: Future | None = None
    polled: float = -1e9
    failures: list[float] = field(default_factory=list)

    def step(self, now: float, server_up: bool) -> None:
        """Poll when it is time to."""
        if now - self.polled < self.server.timing.poll:
            return
        self.polled = now
        if not server_up:
            self.failures.append(now)
            return
        self._look()
        self._schedule()
        self._look()

    def _look(self) -> None:
        now = self.server.now
        for node in self.server.nodes.values():
            on = self.server.on_node(node)
            state, before = _state(node.down, node.offline, len(on), node.np), self.seen.get(node.name)
            since = before.since if before and before.state == state else now
            ids = list(dict.fromkeys(job.short for _, job in on))
            self.seen[node.name] = Seen(copy.copy(node), state, since, before.first if before else now, len(on), ids)
        live = sorted((job for job in self.server.jobs.values() if job.state != "C"), key=lambda job: (job.number, job.index or 0))
        self.jobs = [copy.copy(job) for job in live[:_SLOTS]]
        ids = {job.id for job in self.jobs}
        self.words = {job.id: self._word(job) for job in self.jobs}
        self.deferred = {key: value for key, value in self.deferred.items() if key in ids}
        self.blocked &= ids

    def _word(self, job: Job) -> str:
        if job.state in ("R", "E"):
            return "Running"
        if job.state != "Q":
            return "Hold"
        if self._is_mixed(job) and job.id not in self.released:
            return "BatchHold"
        return "Deferred" if job.id in self.deferred else "Idle"

    def _is_mixed(self, job: Job) -> bool:
        """Tell whether a job asks for several chunks that are no hosts: Maui cannot place those."""
        chunks = resources.chunks_of(job.resources, self.server.nodes)
        return len(chunks) > 1 and not all(chunk.host for chunk in chunks)

    def priority(self, job: Job) -> int:
        """Return the minutes in the queue, which is Maui's priority when nothing else is configured."""
        return round((self.server.now - (job.eligible or job.created)) / 60) + 1_000_000_000 * (job.id in self.system_priority)

    def idle(self) -> list[Job]:
        """Return the jobs that `diagnose -p` lists, best first: those that could run on what is up."""
        found = [job for job in self.jobs if self.words[job.id] == "Idle" and job.id not in self.blocked]
        return sorted(found, key=lambda job: (job.id not in self.system_priority, job.created, job.number, job.index or 0))

    def _schedule(self) -> None:
        now, wait = self.server.now, self.server.timing.defer
        for job_id, since in list(self.deferred.items()):
            if now - since >= wait:
                del self.deferred[job_id]
                if job_id in self.words:
                    self.words[job_id] = "Idle"
        self.blocked.clear()
        self.future = None
        # the last one that is available first, as the real one places jobs by default
        up = [one.node for one in reversed(self.seen.values()) if one.state in ("Idle", "Running", "Busy") and one.node.name in self.server.nodes]
        capacity, used = {node.name: node.np for node in up}, self.server.used()
        for job in self.idle():
            chunks = resources.chunks_of(job.resources, self.server.nodes, by_maui=True)
            if resources.place(chunks, up, capacity) is None:
                self._give_up(job, now, wait)
                continue
            allowed = [node for node in up if self.admits(node.name, job)]
            places = resources.place(chunks, allowed, {node.name: node.np - used[node.name] for node in allowed})
            if places is not None:
                if self.server.run(self.server.jobs[job.id], places):
                    for name, ppn in places:
                        used[name] += ppn
            elif self.future is None:
                self._plan(job, chunks, allowed)

    def _plan(self, job: Job, chunks: tuple[resources.Chunk, ...], allowed: list[Node]) -> None:
        """Keep nodes for the first job that has to wait."""
        running = self.server.running()
        for end in sorted({one.started + walltime(one) for one in running}):
            later = [name for one in running if one.started + walltime(one) > end for name, _ in one.slots]
            places = resources.place(chunks, allowed, {node.name: node.np - later.count(node.name) for node in allowed})
            if places is not None:
                self.future = Future(job.id, places, end)
                return

    def _give_up(self, job: Job, now: float, wait: float) -> None:
        if wait:
            self.deferred[job.id] = now
            self.words[job.id] = "Deferred"
        else:
            self.blocked.add(job.id)

    def admits(self, node: str, job: Job) -> bool:
        """Tell whether the reservations on a node let a job in; only the times between 0 and forever exist here."""
        mine = {"CLASS": job.queue, "ACCT": job.account, "USER": job.owner}
        return all(mine[one.kind] in one.value.split(":") for one in self.reservations if node in one.nodes)

    # What its commands change

    def reserve(self, name: str, kind: str, value: str, nodes: list[str]) -> Reservation:
        """Make a reservation called `name`.N on nodes that Maui knows."""
        taken = {one.name for one in self.reservations}
        number = next(number for number in range(len(taken) + 1) if f"{name}.{number}" not in taken)
        made = Reservation(f"{name}.{number}", kind, value, nodes, self.server.now)
        self.reservations.append(made)
        return made

    def release_reservation(self, name: str) -> bool:
        """Remove a reservation; False when there is none of exactly this name."""
        found = [one for one in self.reservations if one.name == name]
        for one in found:
            self.reservations.remove(one)
        return bool(found)

    def release_holds(self, ids: set[str]) -> None:
        """End the deferral of jobs: they are looked at again at the next poll."""
        for job_id in ids & set(self.words):
            self.deferred.pop(job_id, None)
            self.released.add(job_id)
            if self.words[job_id] in ("Deferred", "BatchHold"):
                self.words[job_id] = "Idle"


def walltime(job: Job) -> int:
    """Return the seconds that a job may run."""
    return resources.seconds_of(job.resources.get("walltime", "01:00:00"))


def _state(down: bool, offline: bool, used: int, np: int) -> str:
    """Return Maui's word for a node. It says Drained of an offline node that still runs jobs."""
    if down:
        return "Down"
    if offline:
        return "Drained"
    return "Idle" if not used else "Busy" if used >= np else "Running"
