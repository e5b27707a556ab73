"""What came of a replay: waiting times, node-hours, launches, use, cost; and the bound that nobody can beat."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .cluster import Boot, Cluster
from .swf import TraceJob


@dataclass(frozen=True, slots=True)
class Figures:
    """One policy on one trace. Waits in seconds, `crowded_wait` what of the mean passed while all machines that there may be were in service.

    `node_hours` of all machines from launch to end, `utilisation` 0 to 1, `cost` in the price's unit.
    """

    policy: str
    jobs: int
    mean_wait: float
    p95_wait: float
    longest_wait: float
    node_hours: float
    launches: int
    most_nodes: int
    utilisation: float
    cost: float | None = None
    crowded_wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The cluster at a moment (seconds since the trace's beginning)."""

    at: float
    nodes: int
    open_nodes: int
    busy_cores: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a machine costs: the price of an hour, the seconds that are billed at once, the least time that is billed."""

    price: float
    unit: float = 0.0
    minimum: float = 0.0

    def bill(self, seconds: float) -> float:
        """Return what a machine costs that lived so long."""
        units = math.ceil(seconds / self.unit) * self.unit if self.unit else seconds
        return self.price * max(units, self.minimum) / 3600


def summarise(policy: str, cluster: Cluster, launches: int, tariffs: Mapping[str, Tariff]) -> Figures:
    """Return the figures of a cluster whose jobs are all done. Machines that still live count until now."""
    waits = sorted(run.waited for run in cluster.runs)
    machines = [*cluster.ended, *cluster.machines.values()]
    hours = [(machine, ((machine.ended_at if machine.ended_at is not None else cluster.now) - machine.asked_at) / 3600) for machine in machines]
    core_hours = sum(run.job.cores * run.job.duration for run in cluster.runs) / 3600
    offered = sum(machine.cores * time for machine, time in hours)
    return Figures(
        policy=policy,
        jobs=len(waits),
        mean_wait=sum(waits) / len(waits) if waits else 0.0,
        p95_wait=waits[math.ceil(0.95 * len(waits)) - 1] if waits else 0.0,
        longest_wait=waits[-1] if waits else 0.0,
        node_hours=sum(time for _, time in hours),
        launches=launches,
        most_nodes=cluster.most,
        utilisation=core_hours / offered if offered else 0.0,
        crowded_wait=cluster.crowded / len(waits) if waits else 0.0,
        cost=sum(tariffs[machine.resource].bill(time * 3600) for machine, time in hours if machine.resource in tariffs) if tariffs else None,
    )


def hundredths(cluster: Cluster) -> tuple[float, ...]:
    """Return the longest wait in seconds of each hundredth of the jobs, which are all done, from the shortest on."""
    waits = sorted(run.waited for run in cluster.runs)
    return tuple(waits[math.ceil(len(waits) * share / 100) - 1] for share in range(1, 101)) if waits else ()


def bound(jobs: Sequence[TraceJob], cores: int, most: int, boot: Boot) -> Figures:
    """Return what somebody who knew the future would need: whole machines only while their cores are used, one boot for each, no waiting."""
    work = sum(job.cores * job.duration for job in jobs) / 3600
    nodes = min(math.ceil(_peak(jobs) / cores), most)
    hours = work / cores + nodes * boot.mean / 3600
    return Figures("bound", len(jobs), 0.0, 0.0, 0.0, hours, nodes, nodes, work / cores / hours if hours else 0.0)


def _peak(jobs: Sequence[TraceJob]) -> int:
    """Return how many cores are in use at once when no job waits."""
    ends: list[tuple[float, int]] = []
    used = most = 0
    for job in sorted(jobs, key=lambda job: job.submitted):
        while ends and ends[0][0] <= job.submitted:
            used -= heapq.heappop(ends)[1]
        heapq.heappush(ends, (job.submitted + job.duration, job.cores))
        used += job.cores
        most = max(most, used)
    return most
