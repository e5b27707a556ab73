"""First fit on groups of like nodes: how many of these fit here costs the same for one task or ten thousand.

A Supply is never changed: placing returns a new one, so that a trial is undone by forgetting it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..model import Chunk
from .bins import Group, Spot, Stage
from .matching import Ask, Free, Kind, reduce


@dataclass(frozen=True, slots=True)
class Fresh:
    """A resource's nodes that could still be ordered. `room`: how many; `nodes`: how many it has; `examples`: kinds of its idle nodes."""

    resource: str
    priority: int
    nodes: int
    room: int
    kind: Kind
    free: Free
    price: float = 0.0
    opened: int = 0
    examples: tuple[Kind, ...] = ()

    def suits(self, ask: Ask) -> tuple[int, ...]:
        """Return the queues for the request. What no idle node of the resource can serve, a new one will not either (row S21)."""
        if self.examples and not any(ask.queues(kind) for kind in self.examples):
            return ()
        return ask.queues(self.kind)


@dataclass(frozen=True, slots=True)
class Budget:
    """What the limits over all resources still allow."""

    nodes: float
    launches: float
    money: float

    def allows(self, price: float) -> int:
        """Return how many nodes of this price (for their first hour) may still be ordered."""
        most = max(min(self.nodes, self.launches), 0)
        if price > 0 and self.money < float("inf"):
            most = min(most, max(self.money, 0) // price)
        return int(min(most, 10**9))

    def spend(self, count: int, price: float) -> Budget:
        return Budget(self.nodes - count, self.launches - count, self.money - count * price)


class Supply(NamedTuple):
    """Everything that jobs can be placed on: nodes, and what could be ordered."""

    groups: tuple[Group, ...]
    fresh: tuple[Fresh, ...]
    budget: Budget


class Take(NamedTuple):
    """`each` pieces of a task's chunk on each of the spots."""

    stage: Stage
    spots: tuple[Spot, ...]
    each: int


class Placed(NamedTuple):
    """How many tasks found room. `takes` has one list for each of the request's pieces."""

    supply: Supply
    tasks: int
    takes: tuple[tuple[Take, ...], ...] = ()


NOWHERE: frozenset[Stage] = frozenset()


def place(supply: Supply, ask: Ask, tasks: int, without: frozenset[Stage] = NOWHERE) -> Placed:
    """Place as many of the tasks as find room; a task of several pieces whole or not at all."""
    if ask.request.exclusive and not ask.single:
        return _place_one_by_one(supply, ask, tasks, without)
    if ask.single:
        piece = ask.pieces[0]
        after, takes, left = fill(supply, ask, piece, tasks, _at_most(ask, piece, tasks), without)
        return Placed(after, tasks - left, (tuple(takes),))
    return _place_whole(supply, ask, tasks, without)


def _place_whole(supply: Supply, ask: Ask, tasks: int, without: frozenset[Stage]) -> Placed:
    """Find by bisection the largest number of tasks that can be placed together."""
    best = Placed(supply, 0)
    low, high, trial = 0, tasks, tasks
    while low < high:
        placed = place_together(supply, ask, trial, without)
        if placed is None:
            high = trial - 1
        else:
            best, low = placed, trial
        trial = 1 if not low and trial == tasks else (low + high + 1) // 2
    return best


def place_together(supply: Supply, ask: Ask, tasks: int, without: frozenset[Stage] = NOWHERE) -> Placed | None:
    """Place exactly so many tasks, None when they do not all find room."""
    after, all_takes = supply, []
    for piece in ask.pieces:
        after, takes, left = fill(after, ask, piece, tasks * piece.count, _at_most(ask, piece, tasks), without)
        if left:
            return None
        all_takes.append(tuple(takes))
    return Placed(after, tasks, tuple(all_takes))


def place_partly(supply: Supply, ask: Ask, without: frozenset[Stage] = NOWHERE) -> Placed:
    """Place what there is room for of one task that cannot be placed whole: what it counts on."""
    after, all_takes = supply, []
    for piece in ask.pieces:
        after, takes, _ = fill(after, ask, piece, piece.count, _at_most(ask, piece, 1), without)
        all_takes.append(tuple(takes))
    return Placed(after, 0, tuple(all_takes))


def _place_one_by_one(supply: Supply, ask: Ask, tasks: int, without: frozenset[Stage]) -> Placed:
    """Place exclusive tasks of several pieces, each on nodes of its own."""
    takes: list[list[Take]] = [[] for _ in ask.pieces]
    for done in range(tasks):
        placed = place_together(supply, ask, 1, without)
        if placed is None:
            return Placed(supply, done, tuple(map(tuple, takes)))
        supply = placed.supply
        for collected, new in zip(takes, placed.takes, strict=True):
            collected.extend(new)
    return Placed(supply, tasks, tuple(map(tuple, takes)))


def _at_most(ask: Ask, piece: Chunk, tasks: int) -> int:
    """Return how many pieces may share a node at most: pieces of one task may not when distinct, other tasks' not when exclusive."""
    if piece.distinct:
        return 1 if ask.request.exclusive else tasks
    return piece.count if ask.request.exclusive else piece.count * tasks


def fill(
    supply: Supply, ask: Ask, piece: Chunk, wanted: int, most: int, without: frozenset[Stage] = NOWHERE
) -> tuple[Supply, list[Take], int]:
    """Put up to `wanted` pieces, at most `most` on a node, on the first nodes that have room. Return also how many were left."""
    stalled = frozenset({Stage.STALLED})
    supply, takes, wanted = _fill_groups(supply, ask, piece, wanted, most, without | stalled)
    while wanted and Stage.NEW not in without:
        opened = _open(supply, ask, piece, wanted, most)
        if opened is None:
            break
        supply, new, done = opened
        takes.extend(new)
        wanted -= done
    if wanted and Stage.STALLED not in without:
        supply, new, wanted = _fill_groups(supply, ask, piece, wanted, most, frozenset(Stage) - stalled)
        takes.extend(new)
    return supply, takes, wanted


def _fill_groups(
    supply: Supply, ask: Ask, piece: Chunk, wanted: int, most: int, without: frozenset[Stage]
) -> tuple[Supply, list[Take], int]:
    groups: list[Group] = []
    takes: list[Take] = []
    for index, group in enumerate(supply.groups):
        if not wanted:
            groups.extend(supply.groups[index:])
            break
        if group.stage in without:
            groups.append(group)
            continue
        for part, queues in _parts(group, ask):
            each = min(ask.each(part.kind, part.free, piece, queues), most)
            if each <= 0:
                groups.append(part)
                continue
            wanted -= _use(part, ask, piece, queues, each, wanted, groups, takes)
    return supply._replace(groups=tuple(groups)), takes, wanted


def _parts(group: Group, ask: Ask) -> Iterator[tuple[Group, tuple[int, ...]]]:
    """Yield the group, with the queues that suit; hosts that the request names one by one."""
    if not ask.by_name or group.stage is Stage.NEW:
        yield group, ask.queues(group.kind)
        return
    others = []
    for spot in group.spots:
        queues = ask.queues(group.kind, spot.label)
        if queues:
            yield replace(group, spots=(spot,)), queues
        else:
            others.append(spot)
    if others:
        yield replace(group, spots=tuple(others)), ()


def _use(
    group: Group, ask: Ask, piece: Chunk, queues: tuple[int, ...], each: int, wanted: int, groups: list[Group], takes: list[Take]
) -> int:
    """Put pieces on a group's nodes; append what becomes of the group, and what was taken. Return how many pieces found room."""
    filled = min(wanted // each, len(group.spots))
    rest = wanted - filled * each if filled < len(group.spots) else 0
    end = filled + (1 if rest else 0)
    for spots, count in ((group.spots[:filled], each), (group.spots[filled:end], rest)):
        if spots:
            takes.append(Take(group.stage, spots, count))
            _keep(groups, group, reduce(group.free, piece, queues, count, whole=ask.request.exclusive), spots)
    if end < len(group.spots):
        groups.append(replace(group, spots=group.spots[end:]))
    return filled * each + rest


def _keep(groups: list[Group], group: Group, free: Free, spots: tuple[Spot, ...]) -> None:
    """Append nodes that still have room; those like the ones before join them."""
    if free.used_up:
        return
    last = groups[-1] if groups else None
    if last is not None and last.stage is group.stage and last.kind is group.kind and last.free == free:
        groups[-1] = replace(last, spots=last.spots + spots)
    else:
        groups.append(replace(group, free=free, spots=spots))


# -- new nodes ------------------------------------------------------------------------------------------------------


def _open(supply: Supply, ask: Ask, piece: Chunk, wanted: int, most: int) -> tuple[Supply, list[Take], int] | None:
    """Order nodes of the first suitable resource: priority, then fewer nodes, then name (row A4). None: there is none."""
    suitable = []
    for fresh in supply.fresh:
        queues = fresh.suits(ask) if min(fresh.room, supply.budget.allows(fresh.price)) > 0 else ()
        each = min(ask.each(fresh.kind, fresh.free, piece, queues), most)
        if each > 0:
            suitable.append((fresh.priority, fresh.nodes, fresh.resource, fresh, queues, each))
    if not suitable:
        return None
    suitable.sort(key=lambda found: found[:3])
    *_, best, queues, each = suitable[0]
    alike = [found for found in suitable[1:] if found[0] == best.priority]
    count = min(-(-wanted // each), best.room, supply.budget.allows(best.price))
    if alike:  # they take turns, so that none gets ahead of the others
        count = min(count, max(alike[0][1] - best.nodes, 1))
    after, group = open_nodes(supply, best.resource, count)
    groups: list[Group] = list(after.groups)
    takes: list[Take] = []
    done = _use(group, ask, piece, queues, each, wanted, groups, takes)
    return after._replace(groups=tuple(groups)), takes, done


def open_nodes(supply: Supply, resource: str, count: int) -> tuple[Supply, Group]:
    """Order nodes of a resource; return what is left to order, and the new nodes as a group that is not part of it yet."""
    index = next(index for index, fresh in enumerate(supply.fresh) if fresh.resource == resource)
    fresh = supply.fresh[index]
    numbers = range(fresh.opened, fresh.opened + count)
    group = Group(Stage.NEW, fresh.kind, fresh.free, tuple(Spot(new_name(resource, number), resource) for number in numbers))
    left = replace(fresh, nodes=fresh.nodes + count, room=fresh.room - count, opened=fresh.opened + count)
    budget = supply.budget.spend(count, fresh.price)
    return Supply(supply.groups, (*supply.fresh[:index], left, *supply.fresh[index + 1 :]), budget), group


def new_name(resource: str, number: int) -> str:
    """Return what a node that is not ordered yet is called while planning: no record's name holds a slash."""
    return f"{resource}/{number}"


def set_aside(supply: Supply, plan: Supply) -> Supply:
    """Return the supply without the room that a plan would use: nothing is ordered for it, and nobody else gets it."""
    used = {fresh.resource: fresh.opened for fresh in plan.fresh}
    budget, left = supply.budget, []
    for fresh in supply.fresh:
        count = used[fresh.resource] - fresh.opened
        left.append(replace(fresh, room=fresh.room - count))
        budget = budget.spend(count, fresh.price)
    return Supply(supply.groups, tuple(left), budget)
