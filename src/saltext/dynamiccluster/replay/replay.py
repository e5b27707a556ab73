"""Replay a trace through a policy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..settings import Settings
from .autoscaler import Autoscaler
from .cluster import Boot, Cluster
from .figures import Figures, Sample, Tariff, bound, hundredths, summarise
from .rivals import AlwaysOn, Predecessor
from .swf import TraceError, TraceJob

_MOST_SAMPLES = 2000
_PATIENCE = 86400.0  # seconds without anything that happens, or is to happen, after which nothing will


class Policy(Protocol):
    """What is asked at each poll. `next_poll`: the moment before which nothing changes for it."""

    name: str
    launches: int

    def poll(self) -> None: ...

    def next_poll(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Replay:
    """`waits`: the longest wait of each hundredth of the jobs, in seconds, from the shortest on."""

    figures: Figures
    course: tuple[Sample, ...]
    waits: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """What a replay needs beside the trace. `cores` of a machine by resource; `seed` draws boot times and failures; `spread`: see Cluster."""

    settings: Settings
    cores: Mapping[str, int]
    boot: Boot = Boot()
    seed: int = 1
    spread: bool = False

    @property
    def widest(self) -> int:
        return max(self.cores.values())

    @property
    def most(self) -> int:
        """How many machines there may be at once."""
        total = sum(resource.quantity.max for resource in self.settings.cloud.values())
        limit = self.settings.dynamic_cluster.limits.max_nodes
        return total if limit is None else min(total, limit)

    @property
    def tariffs(self) -> dict[str, Tariff]:
        priced = ((name, item, item.price) for name, item in self.settings.cloud.items() if item.price is not None)
        return {name: Tariff(price, item.billing_unit, item.billing_minimum) for name, item, price in priced}

    def cluster(self, jobs: Sequence[TraceJob]) -> Cluster:
        queues = frozenset(resource.reservation.queue for resource in self.settings.cloud.values()) - {""}
        return Cluster(jobs, self.widest, self.boot, self.seed, queues, spread=self.spread, slots=self.most)

    def machines(self) -> list[tuple[str, int, str]]:
        """Return (resource, cores, queue) of each machine that there may be, those of the first priority first."""
        resources = sorted(self.settings.cloud.items(), key=lambda item: (item[1].priority, item[0]))
        found = [(name, self.cores[name], item.reservation.queue) for name, item in resources for _ in range(item.quantity.max)]
        return found[: self.most]


def fitting(jobs: Sequence[TraceJob], setting: Setting) -> tuple[list[TraceJob], int]:
    """Return the jobs that the machines of their queue, or of the whole cluster, could run, and how many they could not.

    Raises TraceError when none is left.
    """
    machines = setting.machines()
    room = {queue: sum(cores for _, cores, its in machines if queue in ("", its)) for queue in ("", *(its for _, _, its in machines))}
    found = [job for job in jobs if job.cores <= room.get(job.queue, room[""])]
    if not found:
        raise TraceError(f"no job of the trace fits into {room['']} cores, which is what all machines together have" if jobs else "there is no job")
    return found, len(jobs) - len(found)


def replay(jobs: Sequence[TraceJob], setting: Setting, make: Callable[[Cluster], Policy]) -> Replay:
    """Run all jobs under a policy. Raises TraceError when some are never run."""
    cluster = setting.cluster(jobs)
    policy = make(cluster)
    poll = setting.settings.dynamic_cluster.cluster_poller_interval
    course = Course()
    alive_at = 0.0
    while True:
        cluster.advance(cluster.now)
        policy.poll()
        course.add(cluster)
        if cluster.done and _is_over(cluster, setting):
            break
        if cluster.running or cluster.next_event is not None:
            alive_at = cluster.now
        if cluster.now - alive_at > _PATIENCE:
            raise TraceError(f"{len(cluster.pending)} jobs are never run, job {next(iter(cluster.pending), '')} first")
        ahead = max(policy.next_poll() - cluster.now, poll)
        cluster.advance(cluster.now + math.ceil(ahead / poll) * poll)
    return Replay(summarise(policy.name, cluster, policy.launches, setting.tariffs), course.samples(), hundredths(cluster))


def _is_over(cluster: Cluster, setting: Setting) -> bool:
    """Tell whether the cluster is back at its minimum, or has had the time to be."""
    least = sum(resource.quantity.min for resource in setting.settings.cloud.values())
    last = max(run.ended_at or 0.0 for run in cluster.runs)
    return len(cluster.machines) <= least or cluster.now > last + 4 * setting.settings.dynamic_cluster.max_idle_time + 3600


class Course:
    """Samples of the cluster's state, thinned out when there are too many."""

    def __init__(self) -> None:
        self._samples: list[Sample] = []
        self._gap = 0.0

    def add(self, cluster: Cluster) -> None:
        if self._samples and cluster.now - self._samples[-1].at < self._gap:
            return
        machines = cluster.open_machines
        busy = sum(machine.cores - machine.free for machine in machines)
        self._samples.append(Sample(cluster.now, len(cluster.machines), len(machines), busy, len(cluster.pending)))
        if len(self._samples) > 2 * _MOST_SAMPLES:
            self._samples = self._samples[::2]
            self._gap = max(2 * self._gap, (self._samples[-1].at - self._samples[0].at) / _MOST_SAMPLES)

    def samples(self) -> tuple[Sample, ...]:
        return tuple(self._samples)


def compare(jobs: Sequence[TraceJob], setting: Setting) -> dict[str, Replay]:
    """Return the replay of each policy on the same trace, and the bound, by the policy's name; ours comes first."""
    general = setting.settings.dynamic_cluster
    policies: list[Callable[[Cluster], Policy]] = [
        lambda cluster: Autoscaler(setting.settings, cluster, setting.cores),
        lambda cluster: Predecessor(cluster, setting.machines(), general.cluster_poller_interval, general.max_idle_time),
        lambda cluster: AlwaysOn(cluster, setting.machines()),
    ]
    found = [replay(jobs, setting, make) for make in policies]
    found.append(Replay(bound(jobs, setting.widest, setting.most, setting.boot), ()))
    return {item.figures.policy: item for item in found}
