"""Spare nodes, and idle nodes that go as early as their successors come."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.model import Phase, ResourceFlag
from saltext.dynamiccluster.policy.decide import decide
from saltext.dynamiccluster.policy.economy import keep_spare, note_wave
from saltext.dynamiccluster.policy.memory import Backoff, ResourceMemory
from saltext.dynamiccluster.policy.placement import allocate
from saltext.dynamiccluster.policy.scale_in import scale_in
from tests.worlds import NOW, host, idle, job, ordered, record, resource, settings, smp, world

BUSY = tuple(host(f"b{number}", used=8) for number in range(4))
BUSY_RECORDS = tuple(record(f"b{number}") for number in range(4))


def seen(headroom=0.5, records=(), hosts=(), resources=None, **more):
    config = settings(resources, headroom=headroom)
    return world(hosts=(*BUSY, *hosts), records=(*BUSY_RECORDS, *records), config=config, **more)


def kept(found):
    return keep_spare(found, allocate(found))


def test_without_headroom_nothing_is_added():
    assert not ordered(kept(seen(headroom=0)))


def test_spare_nodes_are_ordered_for_the_busy_ones_rounded_up():
    assert ordered(kept(seen(0.5))) == ["a", "a"]
    assert ordered(kept(seen(0.3))) == ["a", "a"]
    assert kept(seen()).orders[0].reason == "to keep spare nodes (headroom 0.5)"


def test_a_cluster_without_jobs_keeps_none():
    quiet = world(hosts=(host("n1"),), records=(idle("n1", 700),), config=settings(headroom=1))
    assert not ordered(kept(quiet))
    assert [going.name for going in scale_in(quiet, kept(quiet)).going] == ["n1"]


def test_idle_nodes_and_those_on_their_way_are_spare():
    assert ordered(kept(seen(hosts=(host("n1"),), records=(idle("n1"),)))) == ["a"]
    assert ordered(kept(seen(records=(record("n1", Phase.BOOTING),)))) == ["a"]
    assert not ordered(kept(seen(hosts=(host("n1"),), records=(idle("n1"), record("n2", Phase.BOOTING)))))


def test_what_jobs_count_on_is_not_spare():
    found = kept(seen(hosts=(host("n1"),), records=(idle("n1"),), jobs=(job(1, smp(8)),)))
    assert ordered(found) == ["a", "a"]


def test_the_latest_idle_nodes_are_kept_and_say_why():
    hosts, records = tuple(host(f"n{number}") for number in range(3)), (idle("n0", 900), idle("n1", 700), idle("n2", 800))
    found = seen(hosts=hosts, records=records)
    shrunk = scale_in(found, kept(found))
    assert [going.name for going in shrunk.going] == ["n0"]
    assert shrunk.stays["n1"] == shrunk.stays["n2"] == "kept as a spare node (headroom 0.5)"


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({"resources": {"a": resource(maximum=5)}}, 1),
        ({"resources": {"a": resource(maximum=4)}}, 0),
        ({"resources": {"a": resource(maximum=4), "b": resource(priority=2)}}, 2),
        ({"memory": {"a": ResourceMemory(flag=ResourceFlag.FROZEN)}}, 0),
        ({"memory": {"a": ResourceMemory(backoff=Backoff(NOW + 60, "quota", "none left"))}}, 0),
        ({"batch_error": "timed out"}, 0),
        ({"cloud_errors": {"a": "503"}}, 0),
        ({"auto": False}, 0),
    ],
)
def test_spare_nodes_keep_every_limit(more, count):
    resources, memory = more.pop("resources", None), more.pop("memory", None)
    config = settings(resources, headroom=0.5)
    found = world(hosts=BUSY, records=BUSY_RECORDS, config=config, resources=memory, **more)
    assert len(kept(found).orders) == count


def test_spare_nodes_keep_the_limits_over_all_resources():
    config = settings(headroom=1, limits={"max_nodes": 6})
    assert len(kept(world(hosts=BUSY, records=BUSY_RECORDS, config=config)).orders) == 2
    config = settings({"a": resource(price=1.0)}, headroom=1, limits={"max_cost_per_day": 7})
    assert len(kept(world(hosts=BUSY, records=BUSY_RECORDS, config=config)).orders) == 3


# -- idle nodes that go early -----------------------------------------------------------------------------------------


def booted(name, seconds, idle_for=0.0, resource="a"):
    since = NOW - idle_for if idle_for else 0.0
    return record(name, asked_at=NOW - 3600, ready_at=NOW - 3600 + seconds, idle_since=since, resource=resource)


def test_an_idle_node_goes_once_its_successor_would_have_come():
    config = settings(idle_boots=2)
    hosts = (host("n1"), host("n2"), host("n3", used=1))
    records = (booted("n1", 100, 190), booted("n2", 100, 210), booted("n3", 90))
    found = world(hosts=hosts, records=records, config=config)
    shrunk = scale_in(found, allocate(found))
    assert [going.name for going in shrunk.going] == ["n2"]
    assert shrunk.stays["n1"] == "idle 190 s of 200 s"


@pytest.mark.parametrize(("boots", "seconds", "limit"), [(0, 100, 600), (2, 100, 200), (2, 1000, 600), (0.5, 100, 50)])
def test_max_idle_time_is_never_exceeded(boots, seconds, limit):
    found = world(hosts=(host("n1"),), records=(booted("n1", seconds),), config=settings(idle_boots=boots))
    assert found.idle_limits == {"a": limit}


def test_each_resource_learns_from_its_own_nodes_and_adopted_ones_teach_nothing():
    config = settings({"a": resource(), "b": resource()}, idle_boots=1)
    adopted = record("n2", resource="b", asked_at=NOW - 60, ready_at=NOW - 60)
    found = world(hosts=(host("n1"), host("n2")), records=(booted("n1", 120), adopted), config=config)
    assert found.idle_limits == {"a": 120, "b": 600}


# -- more may follow --------------------------------------------------------------------------------------------------


def ordered_for_jobs(name, ago, phase=Phase.BOOTING, **more):
    return record(name, phase, asked_at=NOW - ago, cause="for job 7", **more)


WAVES = (NOW - 7200, NOW - 3600, NOW - 10)


def growing(surge, records, hosts=(), waves=WAVES, **more):
    return world(hosts=hosts, records=records, config=settings(surge=surge, **more), waves=waves)


@pytest.mark.parametrize(
    ("records", "count"),
    [
        ((ordered_for_jobs("n1", 10),), 1),
        (tuple(ordered_for_jobs(f"n{number}", 599) for number in range(4)), 2),
        (tuple(ordered_for_jobs(f"n{number}", 10) for number in range(5)), 2),
        ((ordered_for_jobs("n1", 601),), 0),
        ((ordered_for_jobs("n1", 10, Phase.DESTROYING, leaving_for="not in service within max_launch_time"),), 0),
        ((record("n1", Phase.BOOTING, asked_at=NOW - 10, cause="to keep spare nodes (surge 1)"),), 0),
        ((record("n1", Phase.BOOTING, asked_at=NOW + 50, cause="for job 7"),), 0),
    ],
)
def test_nodes_ordered_lately_for_jobs_bring_spare_ones(records, count):
    busy = tuple(host(item.hostname, used=8) for item in records if item.phase is Phase.SERVING)
    counted = {item.name: "7" for item in records}
    found = growing(0.75, records, busy)
    allocation = replace(allocate(found), counted=counted)
    orders = keep_spare(found, allocation).orders
    assert len(orders) == count
    assert {order.reason for order in orders} <= {"to keep spare nodes (surge 0.75)"}


def test_spare_nodes_bring_no_further_ones():
    records = (ordered_for_jobs("n1", 10), record("n2", Phase.BOOTING, asked_at=NOW - 5, cause="to keep spare nodes (surge 1)"))
    found = growing(1, records)
    assert not keep_spare(found, replace(allocate(found), counted={"n1": "7"})).orders


def test_a_node_kept_as_spare_goes_once_no_order_is_recent():
    hosts = (host("n1", used=8), host("n2"))
    lately, long_ago = ordered_for_jobs("n1", 30, Phase.SERVING), ordered_for_jobs("n1", 700, Phase.SERVING)
    for first, going in ((lately, []), (long_ago, ["n2"])):
        found = growing(1, (first, idle("n2", 700)), hosts)
        shrunk = scale_in(found, kept(found))
        assert [item.name for item in shrunk.going] == going
        assert going or shrunk.stays["n2"] == "kept as a spare node (surge 1)"


def test_both_kinds_of_spare_nodes_add_up_and_are_rounded_once():
    records = (ordered_for_jobs("n1", 30, Phase.SERVING), ordered_for_jobs("n2", 30, Phase.SERVING))
    hosts = (host("n1", used=8), host("n2", used=8))
    found = growing(1, records, hosts, headroom=0.25)
    assert [order.reason for order in kept(found).orders] == ["to keep spare nodes (headroom 0.25, surge 1)"] * 2


@pytest.mark.parametrize(("longest", "count"), [(0, 0), (20, 0), (40, 1), (86400, 1)])
def test_an_order_is_recent_for_ten_minutes_and_not_beyond_the_longest_idle_time(longest, count):
    for ago, expected in ((30, count), (601, 0)):
        records = (ordered_for_jobs("n1", ago, Phase.SERVING),)
        assert len(kept(growing(1, records, (host("n1", used=8),), max_idle_time=longest)).orders) == expected


@pytest.mark.parametrize(
    ("waves", "count"),
    [
        ((), 0),
        ((NOW - 10,), 0),
        ((NOW - 3600, NOW - 10), 0),
        (WAVES, 1),
        ((NOW - 86401, NOW - 3600, NOW - 10), 0),
        ((NOW - 86399, NOW - 3600, NOW - 10), 1),
        ((NOW + 5, NOW + 3600, NOW + 7200), 0),
    ],
)
def test_the_first_jobs_of_all_bring_none_and_neither_does_what_comes_once_a_day(waves, count):
    found = growing(1, (ordered_for_jobs("n1", 10),), waves=waves)
    assert len(keep_spare(found, replace(allocate(found), counted={"n1": "7"})).orders) == count


def came(*agos, **more):
    """Return nodes that were ordered for jobs and came into service so many seconds ago."""
    return tuple(record(f"n{number}", asked_at=NOW - ago - 100, ready_at=NOW - ago, cause="for job 7", **more) for number, ago in enumerate(agos))


@pytest.mark.parametrize(
    ("before", "records", "after"),
    [
        ((), came(0), (NOW,)),
        ((), came(300, 200), (NOW - 200,)),
        ((), came(601), ()),
        ((NOW - 599,), came(0), (NOW - 599,)),
        ((NOW - 600,), came(0), (NOW - 600, NOW)),
        ((NOW - 800,), came(700), (NOW - 800,)),
        ((NOW - 9000, NOW - 8000, NOW - 7000), came(5, 10), (NOW - 8000, NOW - 7000, NOW - 5)),
        ((NOW - 9000, NOW + 50), came(0), (NOW - 9000, NOW)),
        ((), (record("n1", Phase.BOOTING, asked_at=NOW - 10, cause="for job 7"),), ()),
        ((), (record("n1", asked_at=NOW - 100, ready_at=NOW, cause="to keep spare nodes (surge 1)"),), ()),
    ],
)
def test_what_comes_into_service_within_ten_minutes_is_one_wave_and_three_are_remembered(before, records, after):
    found = world(records=records, config=settings(surge=1), waves=before)
    assert note_wave(found.memory, found).waves == after


def test_waves_are_noted_by_decisions_and_only_if_they_are_set_to_count():
    for surge, waves in ((1, (NOW - 5,)), (0, ())):
        found = world(hosts=(host("n0", used=8),), records=came(5), config=settings(surge=surge))
        assert decide(found.snapshot, found.settings, found.memory, NOW).memory.waves == waves


# -- what costs less ----------------------------------------------------------------------------------------------------


def test_of_idle_nodes_the_dearest_are_not_kept_as_spare_ones():
    prices = {"a": resource(price=0.5), "b": resource(price=0.25), "c": resource()}
    hosts = tuple(host(name) for name in ("n1", "n2", "n3", "n4"))
    records = (idle("n1", 610), idle("n2", 900, resource="b"), idle("n3", 700, resource="b"), idle("n4", 990, resource="c"))
    found = seen(0.5, records, hosts, prices)
    shrunk = scale_in(found, kept(found))
    assert sorted(going.name for going in shrunk.going) == ["n1", "n2"]


@pytest.mark.parametrize(("dear", "cheap"), [("b", "c"), ("c", "b")])
def test_spare_nodes_are_ordered_where_they_cost_less_within_a_priority(dear, cheap):
    prices = {"a": resource(maximum=4), dear: resource(price=0.5), cheap: resource(price=0.25, maximum=1), "d": resource(priority=2)}
    assert [order.resource for order in kept(seen(0.5, resources=prices)).orders] == [cheap, dear]


def test_spare_nodes_on_their_way_count_before_idle_ones_that_would_be_kept():
    hosts = (host("n1"), host("n2"))
    records = (idle("n1", 700), idle("n2", 800), record("n3", Phase.BOOTING))
    found = seen(hosts=hosts, records=records)
    assert [going.name for going in scale_in(found, kept(found)).going] == ["n2"]
