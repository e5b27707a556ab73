"""Polls of a replay at which the policy could change nothing, by its own rules: deciding on them, too, would take most of the time.

Nothing is on its way in or out, and either no job waits or every machine that there may be is in service. Then `decide` has nothing to
order, and nobody goes before a time that is known. What it would note is noted by the policy's own `track`: since when machines are idle,
and since when the queue is as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ..model import BatchView, Host, Job, NodeRecord, Phase
from ..policy.economy import recent_time
from ..policy.idle import idle_limits
from ..policy.memory import Memory
from ..policy.track import track
from ..settings import Settings
from ..snapshot import Reading, Snapshot


@dataclass(frozen=True, slots=True)
class Quiet:
    """Why nothing can change. `until`: the first time at which somebody may go; `full`: nothing can be ordered, so that jobs may wait;
    `free`: machines may turn idle or busy without anything to decide, since nobody keeps spare ones or learns from it; `still`: only as long as
    nothing at all happens, since jobs wait and there is room."""

    until: float
    full: bool = False
    free: bool = False
    still: bool = False


def find_quiet(settings: Settings, memory: Memory, now: float, ends: Iterable[float], *, waiting: bool) -> Quiet | None:
    """Return why nothing can change after a decision that did nothing, None when something may.

    `ends`: when machines may go; `waiting`: there are jobs that have not started.
    """
    if not _is_simple(settings, memory) or not all(_is_settled(record) for record in memory.nodes.values()):
        return None
    count = dict.fromkeys(settings.cloud, 0)
    for record in memory.nodes.values():
        count[record.resource] += 1
    if any(count[name] < resource.quantity.min for name, resource in settings.cloud.items()):
        return None
    limits = idle_limits(settings, memory)
    # an idle machine beyond its time stays for a minimum, or for jobs that count on it: those must not come and go
    overdue = any(record.idle_since and now - record.idle_since >= limits[record.resource] for record in memory.nodes.values())
    full = not overdue and _is_full(settings, count)
    if waiting and not full:
        return _find_still(settings, memory, now)
    if overdue and settings.dynamic_cluster.idle_learns:
        return None  # what was learned just now may have made its time shorter
    spare = _keeps_spare(settings, memory, now)
    if not full and spare and settings.dynamic_cluster.limits.max_launches_per_hour is not None:
        return None  # spare machines wait for the hour to pass
    return Quiet(min((when for when in ends if when > now), default=math.inf), full, not spare and not settings.dynamic_cluster.idle_learns)


def _find_still(settings: Settings, memory: Memory, now: float) -> Quiet | None:
    """Return that the same decision would be made again while nothing happens, None when it may depend on the time; when it ends is the caller's to say."""
    if _keeps_spare(settings, memory, now) or settings.dynamic_cluster.limits.max_launches_per_hour is not None:
        return None
    return Quiet(math.inf, still=True)


def _is_simple(settings: Settings, memory: Memory) -> bool:
    """Tell whether no rule depends on more than machines, jobs and deadlines."""
    if settings.dynamic_cluster.limits.max_cost_per_day is not None:
        return False
    if any(resource.billing_unit or resource.billing_minimum for resource in settings.cloud.values()):
        return False
    return not any(resource.backoff is not None or resource.left for resource in memory.resources.values())


def _is_settled(record: NodeRecord) -> bool:
    return record.phase is Phase.SERVING and not record.leaving_for and not record.held_for and not record.down_since and not record.gone


def _is_full(settings: Settings, count: Mapping[str, int]) -> bool:
    most = settings.dynamic_cluster.limits.max_nodes
    if most is not None and sum(count.values()) >= most:
        return True
    return all(count[name] >= resource.quantity.max for name, resource in settings.cloud.items())


def _keeps_spare(settings: Settings, memory: Memory, now: float) -> bool:
    """Tell whether spare machines may be wanted before the next order."""
    general = settings.dynamic_cluster
    recent = recent_time(general)
    return bool(general.headroom) or (bool(general.surge) and any(now - record.asked_at < recent for record in memory.nodes.values()))


def note_turns(settings: Settings, memory: Memory, hosts: Mapping[str, Host], now: float, serial: int) -> Memory:
    """Return the memory with machines, by record name, that have turned idle or busy."""
    seen = Snapshot(Reading(BatchView((), tuple(hosts.values())), now, serial))
    part = track(seen, settings, Memory({name: memory.nodes[name] for name in hosts}), now)
    return replace(memory, nodes={**memory.nodes, **part.nodes})


@dataclass(slots=True)
class QueueWatch:
    """Since when the queue is as it is: what looks that were left out would have noted. Times of the policy, 0.0: nothing."""

    seen: int = 0
    first: float = 0.0
    last: float = 0.0

    def look(self, queue_print: int, now: float) -> None:
        """Note a look that is left out."""
        if queue_print != self.seen:
            self.seen, self.first, self.last = queue_print, self.first or now, now

    def tell(self, settings: Settings, memory: Memory, jobs: tuple[Job, ...], queue_print: int) -> Memory:
        """Return the memory as the looks that were left out would have made it, before the next real one shows `jobs`."""
        if not self.last:
            return memory
        shown = track(Snapshot(Reading(BatchView(jobs, ()), self.last, 1)), settings, Memory(), self.last).queue_print
        dirty = memory.queue_dirty_since or self.first
        memory = replace(memory, queue_print=shown if queue_print == self.seen else -1, queue_since=self.last, queue_dirty_since=dirty)
        self.first = self.last = 0.0
        return memory
