"""Nodes of clouds that bill by the hour stay for what is paid, and no longer."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.model import ResourceFlag
from saltext.dynamiccluster.policy.billing import paid_for, way_out
from saltext.dynamiccluster.policy.memory import ResourceMemory
from tests.worlds import NOW, host, job, leaving, record, resource, settings, shrink, world

HOURLY = {"billing_unit": "1h"}
WAY_OUT = 110.0  # 60 s and, by default, three readings of the batch system and one of the cloud


def config(terms=HOURLY, minimum=0, **general):
    return settings({"a": {**resource(minimum), **terms}}, **general)


def aged(age, idle_for, name="n1", **more):
    return record(name, asked_at=NOW - age, tried_at=NOW - age, idle_since=NOW - idle_for, **more)


def kept(age, idle_for, terms=HOURLY, **general):
    """Return why a node of this age stays, "" when it goes."""
    return shrink(world(hosts=(host("n1"),), records=(aged(age, idle_for),), config=config(terms, **general))).stays.get("n1", "")


@pytest.mark.parametrize(
    ("terms", "age", "left"),
    [
        ({}, 1000, 0),
        (HOURLY, 1000, 2600),
        (HOURLY, 3600, 0),
        (HOURLY, 3601, 3599),
        (HOURLY, 0, 0),
        ({"billing_unit": 60}, 1010, 0),  # nobody can leave that punctually
        ({"billing_minimum": "10m"}, 100, 500),
        ({"billing_minimum": "10m"}, 700, 0),
        ({"billing_unit": "1h", "billing_minimum": "2h"}, 100, 7100),
        ({"billing_unit": "1h", "billing_minimum": "2h"}, 7300, 3500),
    ],
)
def test_what_is_paid_for(terms, age, left):
    assert way_out(config()) == WAY_OUT
    assert paid_for(aged(age, 1), config(terms), NOW) == left


def test_what_is_billed_begins_with_the_call_of_the_cloud():
    assert paid_for(record("n1", asked_at=NOW - 900, tried_at=NOW - 600), config(), NOW) == 3000
    assert paid_for(record("n1", asked_at=NOW - 900, tried_at=0.0), config(), NOW) == 2700
    assert paid_for(record("n1", asked_at=NOW + 900, tried_at=NOW + 900), config(), NOW) == 0  # a clock that jumped


@pytest.mark.parametrize(
    ("age", "idle_for", "why"),
    [
        (1000, 700, "idle, but paid for 2600 s more"),
        (1000, 300, "idle 300 s of 600 s"),
        (3600 - 111, 700, "idle, but paid for 111 s more"),
        (3600 - 110, 700, ""),
        (3600 - 100, 120, ""),  # shortly before another hour, a short idleness will do
        (3600 - 100, 90, "idle 90 s of 110 s"),
        (3700, 700, "idle, but paid for 3500 s more"),
    ],
)
def test_an_idle_node_stays_until_shortly_before_the_paid_hour_ends(age, idle_for, why):
    assert kept(age, idle_for) == why


def test_a_minimum_alone_keeps_a_node_and_hastens_none():
    terms = {"billing_minimum": "30m"}
    assert kept(1000, 700, terms) == "idle, but paid for 800 s more"
    assert kept(1750, 120, terms) == "idle 120 s of 600 s"
    assert kept(1900, 700, terms) == ""


def test_other_rules_still_hold():
    hosts = (host("n1"), host("n2"))
    wanted = world(jobs=(job(7),), hosts=hosts[:1], records=(aged(3550, 700),), config=config())
    assert leaving(wanted) == []
    least = world(hosts=hosts, records=(aged(3550, 700), aged(3550, 800, "n2")), config=config(minimum=1))
    assert leaving(least) == ["n2"]
    frozen = world(hosts=hosts[:1], records=(aged(3550, 700),), config=config(), resources={"a": ResourceMemory(flag=ResourceFlag.FROZEN)})
    assert leaving(frozen) == []
    assert kept(1000, 700, max_idle_time="2h") == "idle 700 s of 7200 s"


def test_a_paid_node_makes_room_where_the_cluster_is_full():
    seen = world(hosts=(host("n1"), host("n2")), records=(aged(1000, 700), aged(1000, 800, "n2")), config=config(limits={"max_nodes": 2}))
    assert leaving(seen) == ["n2", "n1"]
    assert leaving(world(hosts=seen.batch.hosts, records=seen.memory.nodes.values(), config=config(limits={"max_nodes": 3}))) == []


def test_a_node_of_a_resource_that_left_the_settings_says_so():
    seen = world(hosts=(host("n1"),), records=(aged(1000, 700, resource="old"),), config=config())
    assert shrink(seen).stays == {"n1": "old is not in the settings any more"}
