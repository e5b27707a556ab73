"""First fit on groups of like nodes: how many of these fit here costs the same for one task or ten thousand.

A Supply is never changed: placing returns a new one, so that a trial is undone by forgetting it.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat, takewhile
from operator import attrgetter
from typing import NamedTuple

from ..model import Chunk
from .bins import Group, Spot, Stage
from .matching import UNKNOWN, Ask, Free, Kind, reduce


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

    @property
    def rank(self) -> tuple[bool, int, float, int, str]:
        """Return what nodes are ordered by: priority, then price, then fewer nodes, then name (row A4); what has no room comes last."""
        return (self.room <= 0, self.priority, self.price, self.nodes, self.resource)

    def takes_turns_with(self, other: Fresh) -> bool:
        return (self.priority, self.price) == (other.priority, other.price)

    def suits(self, ask: Ask) -> tuple[int, ...]:
        """Return the queues for the request. What no idle node of the resource can serve, a new one will not either (row S21)."""
        if self.examples and not any(ask.queues(kind) for kind in self.examples):
            return ()
        return ask.queues(self.kind)


_RANK = attrgetter("rank")
_NEW_SPOT = partial(tuple.__new__, Spot)  # there may be ten thousands of them: made at once, they take half as long


def _has_room(fresh: Fresh) -> bool:
    return fresh.room > 0


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


class Shelf(NamedTuple):
    """Some groups, in order, and the most of each that any of them has free: where that is too little none need be looked at."""

    groups: tuple[Group, ...]
    cores: int
    memory: float
    gpus: int

    def may_hold(self, ask: Ask, piece: Chunk) -> bool:
        """Return False only if surely none of the groups has room."""
        if self.cores < piece.cores or self.gpus < piece.gpus:
            return False
        return self.memory >= piece.memory_mb and self.memory >= ask.request.node_memory_mb


_SHELF = 48  # groups on a shelf


class Supply(NamedTuple):
    """Everything that jobs can be placed on: nodes, and what could be ordered."""

    shelves: tuple[Shelf, ...]
    fresh: tuple[Fresh, ...]
    budget: Budget

    @property
    def groups(self) -> tuple[Group, ...]:
        return tuple(group for shelf in self.shelves for group in shelf.groups)

    def put(self, groups: Sequence[Group]) -> Supply:
        """Return the supply with these groups behind all others."""
        *before, last = self.shelves or (None,)
        behind = _shelve([*(last.groups if last else ()), *groups])
        return self._replace(shelves=(*before, *behind))


def make_supply(groups: Sequence[Group], fresh: tuple[Fresh, ...], budget: Budget) -> Supply:
    """Return the supply of these groups, which are used up in their order."""
    return Supply(_shelve(groups), in_turn(fresh), budget)


def in_turn(fresh: Iterable[Fresh]) -> tuple[Fresh, ...]:
    """Return them in the order in which nodes are ordered, which a supply keeps."""
    return tuple(sorted(fresh, key=_RANK))


def _shelve(groups: Sequence[Group]) -> tuple[Shelf, ...]:
    return tuple(_make_shelf(groups[at : at + _SHELF]) for at in range(0, len(groups), _SHELF))


def _make_shelf(groups: Sequence[Group]) -> Shelf:
    free = [group.free for group in groups]
    memory = [one.memory for one in free]
    most = math.inf if UNKNOWN in memory else max(memory)
    return Shelf(tuple(groups), max([one.cores for one in free]), most, max([one.gpus for one in free]))


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
    takes: list[Take] = []
    changed: dict[int, list[Group]] = {}
    skipped = tuple(without)  # in a tuple stages are found by identity, which is faster than by hash
    for number, shelf in enumerate(supply.shelves):
        if not wanted:
            break
        if shelf.may_hold(ask, piece):
            groups, left = _fill_shelf(shelf, ask, piece, wanted, most, skipped, takes)
            if left != wanted:
                changed[number], wanted = groups, left
    if not changed:
        return supply, takes, wanted
    shelves: list[Shelf] = []
    for number, shelf in enumerate(supply.shelves):
        shelves.extend(_shelve(changed[number]) if number in changed else (shelf,))
    return supply._replace(shelves=tuple(shelves)), takes, wanted


def _fill_shelf(
    shelf: Shelf, ask: Ask, piece: Chunk, wanted: int, most: int, skipped: tuple[Stage, ...], takes: list[Take]
) -> tuple[list[Group], int]:
    """Put pieces on a shelf; return what becomes of its groups, and how many pieces are left."""
    groups: list[Group] = []
    cores = piece.cores
    for group in shelf.groups:
        if not wanted or group.free.cores < cores or group.stage in skipped:
            groups.append(group)
            continue
        for part, queues in _parts(group, ask):
            each = min(ask.each(part.kind, part.free, piece, queues), most)
            if each <= 0:
                groups.append(part)
            else:
                wanted -= _use(part, ask, piece, queues, each, wanted, groups, takes)
    return groups, wanted


def _parts(group: Group, ask: Ask) -> list[tuple[Group, tuple[int, ...]]]:
    """Return the group, with the queues that suit; hosts that the request names one by one."""
    if not ask.by_name or group.stage is Stage.NEW:
        return [(group, ask.queues(group.kind))]
    found: list[tuple[Group, tuple[int, ...]]] = []
    others = []
    for spot in group.spots:
        queues = ask.queues(group.kind, spot.label)
        if queues:
            found.append((replace(group, spots=(spot,)), queues))
        else:
            others.append(spot)
    if others:
        found.append((replace(group, spots=tuple(others)), ()))
    return found


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
    """Order nodes of the first suitable resource, in the order of their ranks. None: there is none."""
    with_room = takewhile(_has_room, supply.fresh) if supply.budget.allows(0.0) else ()
    able = (fresh for fresh in with_room if _how_many(supply, fresh, ask, piece, most) > 0)
    best, runner_up = next(able, None), next(able, None)
    if best is None:
        return None
    each, queues = _how_many(supply, best, ask, piece, most), best.suits(ask)
    count = min(-(-wanted // each), best.room, supply.budget.allows(best.price))
    if runner_up is not None and runner_up.takes_turns_with(best):  # they take turns, so that none gets ahead of the others
        count = min(count, max(runner_up.nodes - best.nodes, 1))
    after, group = open_nodes(supply, best.resource, count)
    groups: list[Group] = []
    takes: list[Take] = []
    done = _use(group, ask, piece, queues, each, wanted, groups, takes)
    return after.put(groups), takes, done


def _how_many(supply: Supply, fresh: Fresh, ask: Ask, piece: Chunk, most: int) -> int:
    """Return how many pieces a new node would take, 0 if none may be ordered."""
    if fresh.free.cores < piece.cores or supply.budget.allows(fresh.price) <= 0:
        return 0
    return min(ask.each(fresh.kind, fresh.free, piece, fresh.suits(ask)), most)


def open_nodes(supply: Supply, resource: str, count: int) -> tuple[Supply, Group]:
    """Order nodes of a resource; return what is left to order, and the new nodes as a group that is not part of it yet."""
    index = next(index for index, fresh in enumerate(supply.fresh) if fresh.resource == resource)
    fresh = supply.fresh[index]
    names = new_names(resource, range(fresh.opened, fresh.opened + count))
    group = Group(Stage.NEW, fresh.kind, fresh.free, tuple(map(_NEW_SPOT, zip(names, repeat(resource)))))
    left = replace(fresh, nodes=fresh.nodes + count, room=fresh.room - count, opened=fresh.opened + count)
    budget = supply.budget.spend(count, fresh.price)
    others = supply.fresh[:index] + supply.fresh[index + 1 :]
    place = bisect(others, left.rank, key=_RANK)
    return Supply(supply.shelves, (*others[:place], left, *others[place:]), budget), group


def new_names(resource: str, numbers: range) -> list[str]:
    """Return what nodes that are not ordered yet are called while planning: no record's name holds a slash."""
    return [f"{resource}/{number}" for number in numbers]


def set_aside(supply: Supply, plan: Supply) -> Supply:
    """Return the supply without the room that a plan would use: nothing is ordered for it, and nobody else gets it."""
    used = {fresh.resource: fresh.opened for fresh in plan.fresh}
    budget, left = supply.budget, []
    for fresh in supply.fresh:
        count = used[fresh.resource] - fresh.opened
        left.append(replace(fresh, room=fresh.room - count))
        budget = budget.spend(count, fresh.price)
    return Supply(supply.shelves, in_turn(left), budget)
