"""What the autoscaler is compared with: the policy of Dynamic Cluster 1.x, and all machines always on."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping

from .cluster import Cluster, Machine

_LATEST = 1200.0  # seconds after which a machine that never came up is given up


class Predecessor:
    """Version 1's policy as it is described: at every poll machines are launched for all that is queued, counting neither idle
    ones nor those on their way, up to the maximum; one that was idle for `max_idle` seconds is ended. `maxima`: of each resource, the
    first priority first; what a machine costs depends on it, and nothing else."""

    name = "version 1"

    def __init__(self, cluster: Cluster, cores: int, maxima: Mapping[str, int], poll: float = 10.0, max_idle: float = 600.0):
        self.cluster, self.cores, self._maxima, self._poll, self._max_idle = cluster, cores, maxima, poll, max_idle
        self.most = sum(maxima.values())
        self.launches = 0
        self._numbers = itertools.count(1)

    def poll(self) -> None:
        now = self.cluster.now
        for machine in list(self.cluster.machines.values()):
            if machine.up and not machine.joined:
                machine.joined = machine.open = True
                machine.idle_since = now
            if self._is_over(machine, now):
                self.cluster.end(machine)
        self.cluster.schedule()
        room = self.most - len(self.cluster.machines)
        for _ in range(min(self._wanted(), room) if room > 0 else 0):
            self.launches += 1
            self.cluster.launch(f"node-{next(self._numbers):06d}", self._next_resource(), self.cores)

    def _next_resource(self) -> str:
        taken = Counter(machine.resource for machine in self.cluster.machines.values())
        return next(name for name, most in self._maxima.items() if taken[name] < most)

    def _is_over(self, machine: Machine, now: float) -> bool:
        if machine.open:
            return not machine.jobs and now - machine.idle_since >= self._max_idle
        return machine.up is False and now - machine.asked_at >= _LATEST

    def _wanted(self) -> int:
        """Return how many new machines hold all that is queued, first fit in the order of the queue."""
        free: list[int] = []
        count = 0
        for run in self.cluster.pending.values():
            left = run.job.cores
            while left > self.cores:
                count, left = count + 1, left - self.cores
            place = next((number for number, room in enumerate(free) if room >= left), None)
            if place is None:
                free.append(self.cores)
                place = len(free) - 1
            free[place] -= left
            if count + len(free) >= self.most:
                return self.most
        return count + len(free)

    def next_poll(self) -> float:
        now = self.cluster.now
        if self.cluster.pending and len(self.cluster.machines) < self.most:
            return now + self._poll
        later = [machine.idle_since + self._max_idle for machine in self.cluster.machines.values() if machine.open and not machine.jobs]
        later += [machine.asked_at + _LATEST for machine in self.cluster.machines.values() if not machine.open]
        event = self.cluster.next_event
        return min([now + 3600, *(when for when in later if when > now - 1), *([event] if event is not None else [])])


class AlwaysOn:
    """Every machine that there may be, from the beginning on."""

    name = "all nodes always on"

    def __init__(self, cluster: Cluster, machines: list[tuple[str, int, str]]):
        self.cluster, self.launches = cluster, len(machines)
        for number, (resource, cores, queue) in enumerate(machines, 1):
            cluster.launch(f"node-{number:06d}", resource, cores, queue, up=True)

    def poll(self) -> None:
        if self.cluster.done:
            for machine in list(self.cluster.machines.values()):
                self.cluster.end(machine)

    def next_poll(self) -> float:
        event = self.cluster.next_event
        return self.cluster.now + 1 if event is None else event
