"""How soon idle nodes were wanted again: what is learned from the arrivals for the idle time (`idle_learns`).

The nodes of a resource are taken as a stack: had the one that went last stayed, the next order would not have been needed. The time from
its last job to that order is a gap, and so is the time that a node was idle before it got its next job.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ..model import HoldBy, Phase
from .idle import EDGES
from .memory import Memory
from .placement import Allocation, Order
from .reasons import IDLE
from .scale_in import Going
from .world import World

MOST_LEFT = 200  # nodes of a resource that went and of which it is remembered since when they had been idle
_FADING = 0.5 ** (1 / 50)  # what a further gap leaves of the weight of each one before it


@dataclass(slots=True)
class Lesson:
    """What happened in a resource: `taken` for how many seconds nodes were idle that got a job; `left` since when those that go have
    been idle; `wanted` how many nodes were missed."""

    taken: list[float] = field(default_factory=list)
    left: list[float] = field(default_factory=list)
    wanted: int = 0


def learn(memory: Memory, before: Memory, world: World, allocation: Allocation, going: Iterable[Going], orders: Iterable[Order]) -> Memory:
    """Return the memory with what this decision tells; `before`: what the last one left. Learns nothing unless it is set."""
    general = world.settings.dynamic_cluster
    if not general.idle_learns or not general.idle_boots or not world.snapshot.batch.fresh:
        return memory
    missed = Counter(order.resource for order in orders if order.jobs)
    missed += Counter(world.memory.nodes[name].resource for name in allocation.unhold)
    lessons = {name: Lesson(wanted=missed[name]) for name in world.settings.cloud}
    _note_taken(lessons, before, world)
    for item in going:
        record = world.memory.nodes[item.name]
        if item.reason == IDLE and record.resource in lessons:
            lessons[record.resource].left.append(record.idle_since)
    for name, lesson in lessons.items():
        memory = _take_in(memory, name, lesson, world.now)
    return memory


def _note_taken(lessons: dict[str, Lesson], before: Memory, world: World) -> None:
    for node in world.nodes:
        record, host = node.record, node.host
        if record is None or record.idle_since or host is None or not host.busy or host.hold is not HoldBy.NOBODY:
            continue
        known = before.nodes.get(record.name)
        if known is not None and known.idle_since and record.phase is Phase.SERVING and record.resource in lessons:
            lessons[record.resource].taken.append(max(world.now - known.idle_since, 0.0))


def _take_in(memory: Memory, name: str, lesson: Lesson, now: float) -> Memory:
    """Return the memory with the gaps that are over; a node that was not missed for longer than any class was not missed at all."""
    known = memory.resource(name)
    left, gaps = sorted((*known.left, *lesson.left)), list(lesson.taken)
    while left and lesson.wanted > 0:
        gaps.append(max(now - left.pop(), 0.0))
        lesson.wanted -= 1
    gaps += [now - since for since in left if now - since > EDGES[-1]]
    left = [since for since in left if now - since <= EDGES[-1]][-MOST_LEFT:]
    if not gaps and tuple(left) == known.left:
        return memory
    return memory.with_resource(name, replace(known, gaps=_add(known.gaps, gaps) if gaps else known.gaps, left=tuple(left)))


def _add(weights: tuple[float, ...], gaps: Iterable[float]) -> tuple[float, ...]:
    """Return the weights with further gaps, each of which lets those before it fade."""
    found = list(weights) if len(weights) == len(EDGES) + 1 else [0.0] * (len(EDGES) + 1)
    for gap in gaps:
        found = [weight * _FADING for weight in found]
        found[bisect_right(EDGES, gap)] += 1.0
    return tuple(found)
