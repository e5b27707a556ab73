"""First fit on groups: counts, whole tasks, exclusive nodes, new nodes by turns."""

from __future__ import annotations

from math import inf

import pytest

from saltext.dynamiccluster.model import Chunk, Request
from saltext.dynamiccluster.policy.bins import Group, Spot, Stage
from saltext.dynamiccluster.policy.demand import Lot
from saltext.dynamiccluster.policy.matching import UNKNOWN, Ask, Free, Kind
from saltext.dynamiccluster.policy.packing import Budget, Fresh, Supply, make_supply, place, place_partly, set_aside
from saltext.dynamiccluster.policy.seating import Entry, settle
from tests.worlds import job, nodes_of, smp, spread

KIND = Kind(("all.q",))
ENDLESS = Budget(inf, inf, inf)


def free(cores: int) -> Free:
    return Free((cores,), cores, UNKNOWN, 0, True)


def group(cores: int, *names: str, stage: Stage = Stage.IDLE) -> Group:
    return Group(stage, KIND, free(cores), tuple(Spot(name, name) for name in names))


def fresh(resource: str = "a", room: int = 10, priority: int = 1, nodes: int = 0, price: float = 0.0) -> Fresh:
    return Fresh(resource, priority, nodes, room, KIND, free(8), price)


def supply(*groups: Group, new: tuple[Fresh, ...] = (), budget: Budget = ENDLESS) -> Supply:
    return make_supply(groups, new, budget)


def opened(placed) -> dict[str, int]:
    return {one.resource: one.opened for one in placed.supply.fresh}


@pytest.mark.parametrize(
    ("request_", "placed"),
    [(smp(1), 20), (smp(3), 5), (smp(5), 2), (spread(12), 1), (spread(7), 2), (nodes_of(3, 4), 1), (nodes_of(2, 4), 2)],
)
def test_as_many_tasks_as_fit(request_, placed):
    nodes = supply(group(8, "n1", "n2"), group(4, "n3"))
    assert place(nodes, Ask(request_), 99).tasks == placed


def test_a_trial_leaves_the_supply_as_it_was():
    nodes = supply(group(8, "n1", "n2"), new=(fresh(),))
    before = (nodes.groups, nodes.fresh, nodes.budget)
    place(nodes, Ask(nodes_of(4, 8)), 3)
    assert (nodes.groups, nodes.fresh, nodes.budget) == before


def test_like_nodes_cost_the_same_for_one_task_or_ten_thousand():
    many = group(8, *(f"n{number}" for number in range(2000)))
    after = place(supply(many), Ask(smp(3)), 3001).supply
    assert [(one.free.cores, len(one.spots)) for one in after.groups] == [(2, 1500), (5, 1), (8, 499)]


def test_exclusive_tasks_take_whole_nodes():
    placed = place(supply(group(8, "n1", "n2", "n3")), Ask(Request(exclusive=True)), 2)
    assert (placed.tasks, [one.spots[0].name for one in placed.supply.groups]) == (2, ["n3"])
    several = place(supply(group(8, "n1", "n2", "n3", "n4", "n5")), Ask(Request(chunks=(Chunk(12),), exclusive=True)), 9)
    assert several.tasks == 2


def test_new_nodes_go_by_priority_then_in_turns():
    new = (fresh("a", 3, nodes=2), fresh("b", 9), fresh("c", 9, priority=0, nodes=5, price=1.0))
    placed = place(supply(new=new, budget=Budget(8, inf, 3.5)), Ask(smp(8)), 99)
    assert (placed.tasks, opened(placed)) == (8, {"a": 2, "b": 3, "c": 3})
    assert placed.supply.budget == Budget(0, inf, 0.5)


def test_within_a_priority_the_cheaper_resource_goes_first_until_it_is_full():
    new = (fresh("a", 9, price=0.5), fresh("b", 3, price=0.25), fresh("c", 9, priority=2), fresh("d", 9, nodes=7, price=0.25))
    assert opened(place(supply(new=new), Ask(smp(8)), 5)) == {"a": 0, "b": 3, "c": 0, "d": 2}
    assert opened(place(supply(new=new), Ask(smp(8)), 14)) == {"a": 2, "b": 3, "c": 0, "d": 9}


def test_a_resource_without_room_is_no_longer_looked_at_but_those_after_it_are():
    nodes = supply(new=(fresh("a", 1), fresh("b", 9, price=1.0)))
    first = place(nodes, Ask(smp(8)), 1)
    assert [one.resource for one in first.supply.fresh] == ["b", "a"]
    assert place(first.supply, Ask(smp(8)), 2).tasks == 2


def test_refused_orders_are_the_last_resort():
    stalled = group(8, "s1", stage=Stage.STALLED)
    placed = place(supply(stalled, new=(fresh(room=1),)), Ask(smp(8)), 2)
    assert [take.stage for take in placed.takes[0]] == [Stage.NEW, Stage.STALLED]


def test_room_set_aside_is_neither_ordered_nor_free():
    nodes = supply(group(8, "n1"), new=(fresh(room=5),))
    kept = set_aside(nodes, place_partly(nodes, Ask(nodes_of(4, 8))).supply)
    assert (kept.groups, kept.fresh[0].room, kept.fresh[0].opened) == (nodes.groups, 2, 0)


def test_seats_follow_the_order_of_jobs_and_tasks_stay_apart():
    ask = Ask(nodes_of(2, 4))
    lot = Lot(ask, (job(1, tasks=2), job(2, tasks=1)), 3)
    placed = place(supply(group(8, "n1", "n2", "n3")), ask, 3)
    seating = settle([Entry(lot, 0, placed)])
    assert seating.tasks == {"1": 2, "2": 1}
    assert {name: [one.id for one in jobs] for found in seating.jobs.values() for name, jobs in found.items()} == {"n1": ["1"], "n2": ["2", "1"], "n3": ["1", "2"]}


def test_what_is_placed_later_goes_to_the_jobs_that_come_later():
    ask = Ask(smp(8))
    lot = Lot(ask, (job(1, tasks=1), job(2, tasks=1), job(3, tasks=1)), 3)
    first = place(supply(group(8, "n1")), ask, 3)
    second = place(supply(group(8, "n2")), ask, 2)
    seating = settle([Entry(lot, 0, first), Entry(lot, 1, second)])
    assert {name: [one.id for one in jobs] for found in seating.jobs.values() for name, jobs in found.items()} == {"n1": ["1"], "n2": ["2"]}
