"""What the autoscaler is compared with: the policy of Dynamic Cluster 1.x, and all machines always on."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

from .cluster import Cluster, Machine, Run

_LATEST = 1200.0  # seconds after which a machine that never came up is given up


Slot = tuple[str, int, str]  # a machine that there may be: its resource, its cores, the queue that it is reserved for


class Predecessor:
    """Version 1's policy as it is described: at every poll machines are launched for all that is queued, counting neither idle
    ones nor those on their way, up to the maximum; one that was idle for `max_idle` seconds is ended. `slots`: the machines that
    there may be, those of the first priority first."""

    name = "version 1"

    def __init__(self, cluster: Cluster, slots: Sequence[Slot], poll: float = 10.0, max_idle: float = 600.0):
        self.cluster, self._slots, self._poll, self._max_idle = cluster, slots, poll, max_idle
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
        left = self._left()
        for resource, cores, queue in left[: self._wanted(left)]:
            self.launches += 1
            self.cluster.launch(f"node-{next(self._numbers):06d}", resource, cores, queue)

    def _left(self) -> list[Slot]:
        """Return the machines that may still be launched."""
        taken = Counter(machine.resource for machine in self.cluster.machines.values())
        passed: Counter[str] = Counter()
        left = []
        for slot in self._slots if taken.total() < len(self._slots) else ():
            passed[slot[0]] += 1
            if passed[slot[0]] > taken[slot[0]]:
                left.append(slot)
        return left

    def _is_over(self, machine: Machine, now: float) -> bool:
        if machine.open:
            return not machine.jobs and now - machine.idle_since >= self._max_idle
        return machine.up is False and now - machine.asked_at >= _LATEST

    def _wanted(self, slots: Sequence[Slot]) -> int:
        """Return how many of these machines, from the first one on, hold all that is queued, first fit in the order of the queue."""
        free = [cores for _, cores, _ in slots]
        used = 0
        for run in self.cluster.pending.values() if slots else ():
            able = [number for number, (_, _, queue) in enumerate(slots) if not run.queue or queue in ("", run.queue)]
            used = max(used, _put(run, able, [cores for _, cores, _ in slots], free))
            if used == len(slots):
                break
        return used

    def next_poll(self) -> float:
        now = self.cluster.now
        if self.cluster.pending and len(self.cluster.machines) < len(self._slots):
            return now + self._poll
        later = [machine.idle_since + self._max_idle for machine in self.cluster.machines.values() if machine.open and not machine.jobs]
        later += [machine.asked_at + _LATEST for machine in self.cluster.machines.values() if not machine.open]
        event = self.cluster.next_event
        return min([now + 3600, *(when for when in later if when > now - 1), *([event] if event is not None else [])])


def _put(run: Run, able: Sequence[int], cores: Sequence[int], free: list[int]) -> int:
    """Take from what is `free` on machines what the job needs, whole ones first if it may spread; return the number behind the last one."""
    left, used = run.job.cores, 0
    for number in able:
        if run.wide and left > cores[number] and free[number] == cores[number]:
            left, free[number], used = left - cores[number], 0, number + 1
    number = next((number for number in able if free[number] >= left), None)
    if number is None:
        return used
    free[number] -= left
    return max(used, number + 1)


class AlwaysOn:
    """Every machine that there may be, from the beginning on."""

    name = "all nodes always on"

    def __init__(self, cluster: Cluster, machines: Sequence[Slot]):
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
