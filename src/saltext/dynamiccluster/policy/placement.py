"""What the demand gets: nodes that exist, nodes on their way, new ones; and for each job what becomes of it.

The steps: jobs go to what exists or is coming, in their order; what is left is packed first-fit-decreasing into new nodes; when the
limits leave jobs out that could have had a node, the new nodes go by the order of the jobs instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, repeat
from operator import attrgetter
from typing import NamedTuple

from ..model import Job
from .bins import Kinds, Stage, build_groups, free_of_shape, idle_hosts, reserves_nodes
from .breaker import tries_one
from .demand import Lot, collect_lots, sum_up, waits
from .fates import Verdicts, not_demand, unread
from .limits import Count, batch_problem, blocked_resources, budget_of, count_nodes, missing
from .packing import Fresh, Supply, make_supply, new_names, open_nodes, place, place_partly, set_aside
from .plan import Fates, Heap
from .seating import Entry, Seating, settle
from .world import World

TURN = 1800.0  # a job of several nodes that waits for room has it kept free in every second turn of so many seconds
MINIMUM = "to keep the minimum of"
MANUAL = "asked for by an administrator"
FOR_JOBS = "for job "


class Order(NamedTuple):
    """One new node. `jobs` will get it ((): it is ordered whether there are jobs or not); `manual`: an administrator asked for it."""

    resource: str
    purpose: str = ""  # what it is for, if not for its jobs
    jobs: tuple[Job, ...] = ()
    manual: bool = False

    @property
    def reason(self) -> str:
        """Return one line for people; most orders wait for a quiet queue, and are made anew, before anybody reads it."""
        if self.purpose:
            return self.purpose
        if len(self.jobs) == 1:
            return FOR_JOBS + self.jobs[0].id
        return f"{FOR_JOBS}{self.jobs[0].id} and {len(self.jobs) - 1} more"


_NEW_ORDER = partial(tuple.__new__, Order)  # there may be ten thousands of them: made at once, they take half as long


@dataclass(frozen=True, slots=True)
class Allocation:
    """What the demand gets.

    `orders`: one for each new node, within every limit. `fates`: for every job that has not been started. `needed`: idle and arriving
    nodes (by record name) that jobs count on; `spare`: idle ones that are kept as headroom; `hoped`: idle ones that a job of several
    nodes would use, which must wait for the rest;
    `counted`: which job counts on each of both. `unhold`: nodes held as idle that jobs want back. `blocked`: why nothing is launched
    in a resource, or anywhere ("").
    """

    orders: tuple[Order, ...] = ()
    fates: Fates = field(default_factory=Fates)
    needed: frozenset[str] = frozenset()
    spare: frozenset[str] = frozenset()
    hoped: frozenset[str] = frozenset()
    counted: Mapping[str, str] = field(default_factory=dict)
    unhold: tuple[str, ...] = ()
    blocked: Mapping[str, str] = field(default_factory=dict)


def allocate(world: World) -> Allocation:
    """Return what is to be ordered now and what becomes of each job. Asks neither the interval nor the batch window."""
    problem = batch_problem(world)
    if problem:
        return Allocation(fates=unread(world.batch.jobs, problem), blocked={"": problem})
    lots = collect_lots(world.demand)
    blocked = blocked_resources(world)
    counts = count_nodes(world)
    scene = _Scene(world, lots, blocked, counts)
    supply, refills = _refill(world, scene.supply, counts, blocked)
    if not world.auto:
        blocked = {"": "the automatic mode is off", **blocked}
        supply = supply._replace(fresh=())
    result = _place_all(scene, supply)
    return _conclude(scene, result, refills, blocked)


class _Scene:
    """What all steps share: the lots, the kinds of nodes, the supply before anything is placed."""

    def __init__(self, world: World, lots: tuple[Lot, ...], blocked: Mapping[str, str], counts: Mapping[str, Count]) -> None:
        self.world = world
        self.lots = lots
        asks = {id(lot.ask): lot.ask for lot in lots}
        self.kinds = Kinds(sum_up(tuple(asks.values())), reserves_nodes(world))
        fresh = tuple(
            _fresh(world, self.kinds, name, counts[name]) for name in sorted(world.settings.cloud) if name not in blocked
        )
        groups = build_groups(world, self.kinds) if lots else ()
        self.supply = make_supply(groups, fresh, budget_of(world, dict(counts)))
        self.verdicts = Verdicts(world, self.kinds, self.supply, blocked, counts)

    def doubts(self, lot: Lot) -> frozenset[Stage]:
        """Return the stages that a lot must not count on: jobs wait for an unknown physical host only while they are young."""
        young = self.world.now - lot.jobs[0].created < self.world.settings.dynamic_cluster.max_down_time
        return frozenset() if young else frozenset({Stage.DOUBT_PHYSICAL})


def _fresh(world: World, kinds: Kinds, resource: str, count: Count) -> Fresh:
    """Return what may be ordered of a resource that nothing blocks: its shape and its offer are known."""
    settings, shape, offer = world.settings.cloud[resource], world.shape(resource), world.offer(resource)
    assert shape is not None and offer is not None
    kind = kinds.of_offer(offer, settings.reservation, kinds.spare_memory(world, resource, shape), new=True)
    room = max(settings.quantity.max - count.billed, 0)
    return Fresh(
        resource=resource,
        priority=settings.priority,
        nodes=count.billed,
        room=min(room, 1) if tries_one(world, resource) else room,
        kind=kind,
        free=free_of_shape(shape, len(kind.queues), kinds.asked),
        price=settings.price or 0.0,
        examples=tuple(dict.fromkeys(kinds.of_host(host) for host in idle_hosts(world, resource))),
    )


# -- nodes that are ordered whether there are jobs or not -------------------------------------------------------------


def _refill(
    world: World, supply: Supply, counts: Mapping[str, Count], blocked: Mapping[str, str]
) -> tuple[Supply, tuple[Order, ...]]:
    """Order what lacks to the minimum (automatic mode only) and what an administrator asked for; jobs may use these nodes."""
    orders: list[Order] = []
    for fresh in sorted(supply.fresh, key=lambda fresh: (fresh.priority, fresh.resource)):
        name = fresh.resource
        least = world.settings.cloud[name].quantity.min
        lacking = missing(world, name, counts[name]) if world.auto else 0
        for wanted, reason, manual in (
            (world.remembered(name).wanted, MANUAL, True),
            (lacking, f"{MINIMUM} {least} nodes in {name}", False),
        ):
            count = min(wanted, _room(supply, name))
            supply = _open_empty(supply, name, count)
            orders.extend([Order(name, reason, manual=manual)] * count)
    return supply, tuple(orders)


def _room(supply: Supply, resource: str) -> int:
    fresh = next(fresh for fresh in supply.fresh if fresh.resource == resource)
    return min(fresh.room, supply.budget.allows(fresh.price))


def _open_empty(supply: Supply, resource: str, count: int) -> Supply:
    if count <= 0:
        return supply
    supply, group = open_nodes(supply, resource, count)
    return supply.put((group,))


# -- the demand -----------------------------------------------------------------------------------------------------

_EXISTING_ONLY = frozenset({Stage.NEW, Stage.STALLED})


class _Rest(NamedTuple):
    """What of a lot has found no room: from its task number `first` on."""

    lot: Lot
    first: int

    @property
    def tasks(self) -> int:
        return self.lot.tasks - self.first


@dataclass(slots=True)
class _Result:
    """Where every lot's tasks were placed, and the supply that is left."""

    supply: Supply
    entries: tuple[Entry, ...]
    rest: list[_Rest]


def _place_all(scene: _Scene, supply: Supply) -> _Result:
    first = _place_lots(scene, supply, [_Rest(lot, 0) for lot in scene.lots], (), _EXISTING_ONLY)
    biggest_first = sorted(first.rest, key=lambda rest: rest.lot.size, reverse=True)
    packed = _place_lots(scene, first.supply, biggest_first, first.entries, frozenset())
    if not _crowded_out(scene, first.supply, packed.rest):
        return packed
    return _place_in_turn(scene, first)


def _place_lots(
    scene: _Scene, supply: Supply, lots: Sequence[_Rest], entries: tuple[Entry, ...], without: frozenset[Stage]
) -> _Result:
    """Place what finds room, in the order given; `entries` is what was placed before."""
    new: list[Entry] = []
    left: list[_Rest] = []
    hopeless: set[int] = set()  # supply only shrinks: what found no room once finds none later
    for rest in lots:
        lot = rest.lot
        if id(lot.ask) in hopeless or scene.verdicts.never(lot.ask):
            left.append(rest)
            continue
        placed = place(supply, lot.ask, rest.tasks, without | scene.doubts(lot))
        supply = placed.supply
        new.append(Entry(lot, rest.first, placed))
        if placed.tasks < rest.tasks:
            left.append(_Rest(lot, rest.first + placed.tasks))
            hopeless.add(id(lot.ask))
    return _Result(supply, (*entries, *new), left)


def _crowded_out(scene: _Scene, supply: Supply, rest: Sequence[_Rest]) -> bool:
    """Tell whether a limit kept a job from a node that it would have got alone, or a job of several nodes waits for its turn."""
    asks = {id(left.lot.ask): left for left in rest}
    return any(
        not scene.verdicts.never(left.lot.ask) and (_takes_turn(scene, left) or place(supply, left.lot.ask, 1).tasks)
        for left in asks.values()
    )


def _takes_turn(scene: _Scene, rest: _Rest) -> bool:
    """Tell whether room is to be kept free for a job that needs several nodes at once: in every second TURN of its waiting."""
    age = scene.world.now - rest.lot.jobs[0].created
    return not rest.lot.ask.single and int(age // TURN) % 2 == 1 and scene.verdicts.reachable(rest.lot.ask, unblocked=True)


def _place_in_turn(scene: _Scene, first: _Result) -> _Result:
    """Give new nodes by the order of jobs; the first job of several nodes whose turn it is goes before all, or has room kept."""
    supply, entries, rest = first.supply, first.entries, first.rest
    waiting = next((left for left in rest if not left.lot.ask.single and _takes_turn(scene, left)), None)
    if waiting is not None:
        result = _place_lots(scene, supply, [waiting], entries, frozenset())
        supply, entries = result.supply, result.entries
        rest = [*result.rest, *(left for left in rest if left is not waiting)]
        if result.rest:
            supply = set_aside(supply, place_partly(supply, waiting.lot.ask).supply)
    return _place_lots(scene, supply, rest, entries, frozenset())


# -- the outcome ----------------------------------------------------------------------------------------------------


def _conclude(scene: _Scene, result: _Result, refills: tuple[Order, ...], blocked: Mapping[str, str]) -> Allocation:
    world, seating = scene.world, settle(result.entries)
    hoped, waiting_for = _hopes(scene, result)
    counted = {name: jobs[0].id for stage in _COUNTED for name, jobs in seating.jobs[stage].items()}
    others = {job.id: not_demand(job) for job in world.other_jobs if waits(job)}
    heaps = [Heap(lot.jobs, partial(scene.verdicts.tell, lot, seating, result.supply)) for lot in scene.lots]
    return Allocation(
        orders=(*refills, *_orders(result.supply, seating, refills), *_lone_trials(scene, result)),
        fates=Fates(others, heaps),
        needed=frozenset(counted) & world.memory.nodes.keys(),
        hoped=hoped & world.memory.nodes.keys(),
        counted={**waiting_for, **counted},
        unhold=tuple(sorted(seating.jobs[Stage.HELD])),
        blocked=blocked,
    )


_COUNTED = frozenset({Stage.IDLE, Stage.HELD, Stage.ARRIVING, Stage.STALLED})


def _hopes(scene: _Scene, result: _Result) -> tuple[frozenset[str], dict[str, str]]:
    """Return the idle and arriving nodes that jobs of several nodes count on while they wait for the rest (row S19)."""
    supply, found = result.supply, {}
    for rest in result.rest:
        if rest.lot.ask.single or not scene.verdicts.reachable(rest.lot.ask):
            continue
        partly = place_partly(supply, rest.lot.ask, frozenset({Stage.NEW}))
        supply = partly.supply
        for takes in partly.takes:
            for take in takes:
                found.update({spot.name: rest.lot.jobs[0].id for spot in take.spots if take.stage in _COUNTED})
    return frozenset(found), found


def _orders(supply: Supply, seating: Seating, refills: tuple[Order, ...]) -> list[Order]:
    """Return an order for each new node that no refill covers already, with the jobs that will get it."""
    covered = Counter(order.resource for order in refills)
    orders: list[Order] = []
    seated = seating.jobs[Stage.NEW]
    for fresh in sorted(supply.fresh, key=attrgetter("resource")):
        names = new_names(fresh.resource, range(covered[fresh.resource], fresh.opened))
        orders += map(_NEW_ORDER, zip(repeat(fresh.resource), repeat(""), (seated.get(name, ()) for name in names), repeat(False)))
    return orders


def _lone_trials(scene: _Scene, result: _Result) -> list[Order]:
    """Return an order for each resource that only one machine may try, where jobs of several nodes alone wait: none of them fits into one."""
    orders = []
    for fresh in sorted(result.supply.fresh, key=attrgetter("resource")):
        if fresh.opened or not tries_one(scene.world, fresh.resource) or min(fresh.room, result.supply.budget.allows(fresh.price)) < 1:
            continue
        able = (rest.lot for rest in result.rest if _waits_for_trial(scene, rest.lot, fresh))
        orders += [Order(fresh.resource, jobs=(lot.jobs[0],)) for lot in islice(able, 1)]
    return orders


def _waits_for_trial(scene: _Scene, lot: Lot, fresh: Fresh) -> bool:
    ask = lot.ask
    return not ask.single and scene.verdicts.reachable(ask, unblocked=True) and scene.verdicts.may_help(ask, fresh.resource)
