"""Maxima and the limits over all resources."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.model import Instance, InstanceState, NodeState, Phase, ResourceFlag
from saltext.dynamiccluster.policy.limits import blocked_resources, count_nodes, hourly_cost, room_for, spent_of_day
from saltext.dynamiccluster.policy.memory import ResourceMemory
from saltext.dynamiccluster.policy.plan import Outcome
from saltext.dynamiccluster.policy.track import track
from tests.worlds import NOW, host, idle, job, ordered, place, record, resource, settings, smp, world

HOUR = int(NOW // 3600)
BURST = (job(1, smp(8), tasks=50),)


def two(**general):
    return settings({"a": resource(maximum=10, price=1.0), "b": resource(maximum=10, priority=2, price=2.0)}, **general)


@pytest.mark.parametrize(
    ("limits", "memory", "orders", "reason"),
    [
        ({"max_nodes": 12}, {}, 12, "limits.max_nodes (12) is reached"),
        ({"max_launches_per_hour": 5}, {}, 5, "limits.max_launches_per_hour (5) is reached"),
        ({"max_launches_per_hour": 5}, {"launches": (NOW - 4000, NOW - 3000, NOW - 10)}, 3, "limits.max_launches_per_hour (5) is reached"),
        ({"max_cost_per_day": 7.5}, {}, 7, "limits.max_cost_per_day (7.5) is nearly spent"),
        ({"max_cost_per_day": 14.0}, {}, 12, "limits.max_cost_per_day (14) is nearly spent"),
        (
            {"max_cost_per_day": 7.5},
            {"costs": {HOUR: 3.0, HOUR - 23: 1.0, HOUR - 24: 99.0}},
            3,
            "limits.max_cost_per_day (7.5) is nearly spent",
        ),
    ],
)
def test_limits_over_all_resources_are_never_passed(limits, memory, orders, reason):
    found = place(jobs=BURST, config=two(limits=limits), **memory)
    assert len(found.orders) == orders
    assert found.fates["1"].outcome is Outcome.ORDERED
    assert reason in found.fates["1"].reason


def test_nodes_that_run_already_use_up_the_limits():
    records = (record("n1"), record("n2", Phase.DESTROYING), record("n3", Phase.ASKED, "b", instance_id=""))
    found = place(jobs=BURST, records=records, hosts=(host("n1", used=8),), config=two(limits={"max_nodes": 5}))
    assert len(found.orders) == 2
    found = place(jobs=BURST, records=records, hosts=(host("n1", used=8),), config=two(limits={"max_cost_per_day": 6.0}))
    assert len(found.orders) == 2  # 1 + 1 + 2 for the hour to come of what is there


def test_what_nodes_cost_is_added_up_hour_by_hour_for_a_day():
    gone = record("n3", gone=True)
    ordered_only = record("n4", Phase.ASKED, instance_id="")
    records = (record("n1"), record("n2", Phase.BOOTING, resource="b"), gone, ordered_only)
    seen = world(config=two(), records=records, costs={HOUR: 2.0, HOUR - 25: 9.0}, costed_at=NOW - 1800)
    after = track(seen.snapshot, seen.settings, seen.memory, NOW)
    assert after.costs == {HOUR: pytest.approx(2.0 + 0.5 * (1.0 + 2.0))}
    assert track(seen.snapshot, seen.settings, after, NOW).costs == after.costs  # no second of time costs twice


def test_cost_of_the_day_and_of_the_hour_to_come():
    seen = world(config=two(), records=(record("n1"), record("n2", resource="b")), costs={HOUR: 2.0, HOUR - 30: 9.0})
    assert spent_of_day(seen) == 2.0
    assert hourly_cost(seen, count_nodes(seen)) == 3.0


def test_limits_bind_the_minimum_and_an_administrators_nodes_too():
    config = settings({"a": resource(minimum=2), "b": resource(minimum=1)}, limits={"max_nodes": 3})
    assert ordered(place(config=config, resources={"b": ResourceMemory(wanted=5)})) == ["a", "a", "b"]


def test_nodes_of_a_resource_that_left_the_settings_count_in_max_nodes():
    records = (record("x1", resource="old"), record("x2", resource="old"))
    assert len(place(jobs=BURST, records=records, config=two(limits={"max_nodes": 3})).orders) == 1


@pytest.mark.parametrize(
    ("limits", "room", "sentence"),
    [
        ({}, 9, "a is at its maximum of 10 nodes"),
        ({"max_nodes": 4}, 3, "limits.max_nodes (4) is reached"),
        ({"max_launches_per_hour": 2}, 2, "limits.max_launches_per_hour (2) is reached"),
        ({"max_cost_per_day": 3.0}, 2, "limits.max_cost_per_day (3) is nearly spent"),
    ],
)
def test_s29_room_for_more_nodes_names_the_limit(limits, room, sentence):
    seen = world(config=two(limits=limits), records=(idle("n1"),), hosts=(host("n1"),))
    assert room_for(seen, "a") == (room, sentence)


def test_count_tells_billed_from_kept():
    records = (
        idle("n1"),
        record("n2", Phase.BOOTING),
        record("n3"),
        record("n4", Phase.DRAINING, leaving_for="it is wanted no more"),
        record("n5", held_for="an administrator looks at it"),
        record("n6", gone=True),
    )
    hosts = (host("n1"), host("n3", up=False), host("n4"), host("n5"), host("n6"))
    count = count_nodes(world(records=records, hosts=hosts))["a"]
    assert (count.billed, count.kept) == (6, 2)


def test_restarted_qmaster_does_not_refill_the_minimum():
    config = settings({"a": resource(minimum=2)})
    seen = dict(config=config, records=(idle("n1", shown=NodeState.IDLE), idle("n2", shown=NodeState.IDLE)))
    assert ordered(place(hosts=(host("n1", up=None), host("n2", up=None)), **seen)) == []
    assert ordered(place(hosts=(host("n1", up=False), host("n2", up=None)), **seen)) == ["a"]


@pytest.mark.parametrize("flag", [ResourceFlag.FROZEN, ResourceFlag.DRAINING, ResourceFlag.DRAINED])
def test_resource_that_an_administrator_stopped_is_blocked(flag):
    assert blocked_resources(world(resources={"a": ResourceMemory(flag=flag)})) == {"a": f"a is {flag.name.lower()}"}


@pytest.mark.parametrize(
    ("general", "records", "beyond"),
    [
        ({}, [("a", 1), ("a", 2), ("a", 0)], set()),
        ({}, [("a", 1), ("a", 2), ("a", 0), ("a", 3)], {"n3"}),
        ({}, [("a", 1), ("a", 2), ("b", 2), ("b", 3)], {"n3"}),
        ({"limits": {"max_nodes": 2}}, [("a", 1), ("a", 2), ("b", 3)], {"n2"}),
    ],
    ids=["room for all", "the newest goes", "by resource", "over all resources"],
)
def test_orders_beyond_the_maximum(general, records, beyond):
    """A number is when it was ordered; 1 was tried already, and 0 is a machine that the cloud shows and nobody remembers."""
    config = settings({"a": resource(maximum=3), "b": resource(maximum=1, priority=2)}, **general)
    asked = {
        f"n{number}": record(f"n{number}", Phase.ASKED, name, asked_at=NOW - 100 + at, tried_at=float(at == 1), instance_id="")
        for number, (name, at) in enumerate(records)
        if at
    }
    listed = tuple(Instance(f"i-{number}", "x", name, InstanceState.ACTIVE) for number, (name, at) in enumerate(records) if not at)
    seen = world(records=tuple(asked.values()), listed=listed, config=config)
    assert seen.beyond_maximum == beyond
