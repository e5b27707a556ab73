"""Which nodes go, and why the others stay."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.model import HoldBy, NodeState, Phase, ResourceFlag
from saltext.dynamiccluster.policy import reasons
from saltext.dynamiccluster.policy.lifecycle import LIFT
from saltext.dynamiccluster.policy.memory import Backoff, ResourceMemory
from saltext.dynamiccluster.policy.placement import FOR_JOBS, MANUAL
from saltext.dynamiccluster.policy.scale_in import Going, down_too_long
from tests.worlds import NOW, host, idle, job, leaving, nodes_of, record, resource, settings, shrink, smp, world

LONG = 700.0


def test_idle_node_goes_after_max_idle_time():
    seen = world(hosts=(host("n1"), host("n2")), records=(idle("n1", LONG), idle("n2", 120)))
    found = shrink(seen)
    assert found.going == (Going("n1", reasons.IDLE),)
    assert found.stays == {"n2": "idle 120 s of 600 s"}


def test_oldest_idle_node_goes_first_and_the_minimum_is_kept():
    hosts = tuple(host(f"n{number}") for number in range(4))
    records = (idle("n0", 700), idle("n1", 900), idle("n2", 800), idle("n3", 900))
    seen = world(hosts=hosts, records=records, config=settings({"a": resource(minimum=2)}))
    assert leaving(seen) == ["n1", "n3"]
    assert shrink(seen).stays["n2"] == "kept: minimum 2 of a"


def test_nodes_on_their_way_count_for_the_minimum_and_broken_ones_do_not():
    config = settings({"a": resource(minimum=1)})
    assert leaving(world(hosts=(host("n1"),), records=(idle("n1", LONG), record("n2", Phase.BOOTING)), config=config)) == ["n1"]
    broken = (idle("n1", LONG), record("n2", down_since=NOW - 10))
    assert leaving(world(hosts=(host("n1"), host("n2", up=False)), records=broken, config=config)) == []


@pytest.mark.parametrize(
    ("changes", "more", "words"),
    [
        ({"jobs": ("1", "2", "3")}, {}, "busy with 3 jobs"),
        ({"up": None}, {}, "whether it is up is not known now"),
        ({"hold": HoldBy.ADMINISTRATOR}, {}, "held in the batch system by an administrator"),
        ({}, {"batch_error": "timed out"}, "the batch system could not be read: timed out"),
        ({}, {"cloud_errors": {"a": "503"}}, "the cloud of a could not be read: 503"),
        ({}, {"auto": False}, "the automatic mode is off"),
        ({}, {"resources": {"a": ResourceMemory(flag=ResourceFlag.FROZEN)}}, "a is frozen"),
        ({}, {"config": settings(minimum_node_life=7200)}, "idle, but 3600 s old and minimum_node_life is 7200 s"),
    ],
)
def test_node_stays_and_says_why(changes, more, words):
    seen = world(hosts=(host("n1", **changes),), records=(idle("n1", LONG),), **more)
    found = shrink(seen)
    assert (found.going, found.stays) == ((), {"n1": words})


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (record("n1", held_for="maintenance", idle_since=NOW - LONG), "held: maintenance"),
        (record("n1", resource="old", idle_since=NOW - LONG), "old is not in the settings any more"),
        (record("n1", Phase.DRAINING, leaving_for=reasons.IDLE), f"it is on its way out: {reasons.IDLE}"),
        (record("n1", Phase.CONFIGURING), "it is on its way (configuring for 120 s)"),
        (record("n1"), "it was just let in"),
    ],
)
def test_node_in_another_phase_stays_and_says_why(item, words):
    assert shrink(world(hosts=(host("n1"),), records=(item,))).stays == {"n1": words}


def test_s18_node_that_an_administrator_disabled_is_not_removed_neither_idle_nor_down():
    disabled = host("n1", hold=HoldBy.ADMINISTRATOR, up=False)
    seen = world(hosts=(disabled,), records=(idle("n1", 9999, down_since=NOW - 9999),))
    assert (leaving(seen), down_too_long(seen)) == ([], ())


def test_idle_node_that_a_pending_job_can_use_stays():
    seen = world(jobs=(job(17),), hosts=(host("n1"), host("n2")), records=(idle("n1", 900), idle("n2", 800)))
    found = shrink(seen)
    assert [going.name for going in found.going] == ["n1"]
    assert found.stays["n2"] == "job 17 counts on it"


def test_s19_idle_nodes_stay_for_a_job_that_waits_for_the_rest_but_not_for_ever():
    """3 of 4 nodes came; the fourth is tried again later. They are kept for as long as a launch may take."""
    backed = {"a": ResourceMemory(backoff=Backoff(NOW + 60, "launches fail", "one never joined"))}
    for seconds, going in ((700, []), (1700, []), (1900, ["n0", "n1", "n2"])):
        seen = world(
            jobs=(job(17, nodes_of(4, 8)),),
            hosts=tuple(host(f"n{number}") for number in range(3)),
            records=tuple(idle(f"n{number}", seconds) for number in range(3)),
            resources=backed,
        )
        assert leaving(seen) == going, seconds
    assert shrink(seen).stays == {}


def test_s19_idle_nodes_stay_when_the_missing_one_is_ordered():
    seen = world(
        jobs=(job(17, nodes_of(4, 8)),),
        hosts=tuple(host(f"n{number}") for number in range(3)),
        records=tuple(idle(f"n{number}", 5000) for number in range(3)),
    )
    assert leaving(seen) == []


def test_s15_idle_node_of_a_frozen_resource_stays():
    frozen = {"a": ResourceMemory(flag=ResourceFlag.FROZEN)}
    seen = world(hosts=(host("n1"), host("n2", up=False)), records=(idle("n1", 9999), record("n2", down_since=NOW - 9999)), resources=frozen)
    assert (leaving(seen), down_too_long(seen)) == ([], ())


def test_impossible_job_keeps_no_node():
    seen = world(jobs=(job(1, smp(99)),), hosts=(host("n1"),), records=(idle("n1", LONG),))
    assert leaving(seen) == ["n1"]


def test_physical_nodes_are_never_touched():
    found = shrink(world(hosts=(host("metal"),)))
    assert (found.going, found.stays) == ((), {})


def test_order_that_its_cloud_refuses_is_given_up_once_another_resource_serves_its_jobs():
    backed = {"a": ResourceMemory(backoff=Backoff(NOW + 60, "no capacity", "none left"))}
    config = settings({"a": resource(), "b": resource(priority=2)})
    refused = record("n1", Phase.ASKED, tried_at=0.0, instance_id="", cause=f"{FOR_JOBS}1")
    asked_for = record("n2", Phase.ASKED, tried_at=0.0, instance_id="", cause=MANUAL)
    taken = world(jobs=(job(),), records=(refused, asked_for), resources=backed, config=config)
    assert shrink(taken).going == (Going("n1", reasons.CANCELLED),)
    alone = world(jobs=(job(),), records=(refused,), resources=backed)
    assert leaving(alone) == []


# -- down -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("down", "changes", "more", "goes"),
    [
        (500, {}, {}, True),
        (470, {}, {}, False),
        (500, {"jobs": ("7",)}, {}, False),
        (500, {"jobs": ("7",)}, {"config": settings(destroy_down_nodes_with_jobs=True)}, True),
        (500, {"up": None}, {}, False),
        (500, {"up": True, "error": "configuration conflict"}, {}, True),
        (500, {}, {"batch_error": "timed out"}, False),
        (500, {}, {"cloud_errors": {"a": "503"}}, False),
        (500, {}, {"auto": False}, True),
        (500, {}, {"resources": {"a": ResourceMemory(flag=ResourceFlag.FROZEN)}}, False),
    ],
)
def test_node_that_is_down_goes_only_without_jobs(down, changes, more, goes):
    seen = world(hosts=(host("n1", **{"up": False, **changes}),), records=(record("n1", down_since=NOW - down),), **more)
    assert down_too_long(seen) == ((Going("n1", reasons.DOWN),) if goes else ())
    assert leaving(seen) == []


def test_node_that_is_down_with_jobs_says_what_can_be_done():
    seen = world(hosts=(host("n1", up=False, jobs=("7",)),), records=(record("n1", down_since=NOW - 500),))
    words = "down for 500 s, but it lists 7: not ended without destroy_down_nodes_with_jobs or a forced remove"
    assert shrink(seen).stays == {"n1": words}


def test_wish_to_lift_a_hold_does_not_keep_a_node_that_is_missing_in_the_batch_system():
    seen = world(records=(record("n1", down_since=NOW - 500, shown=NodeState.ERROR, held_for=LIFT),))
    assert down_too_long(seen) == (Going("n1", reasons.DOWN),)


def test_node_missing_in_the_batch_system_goes_after_max_down_time():
    seen = world(records=(record("n1", down_since=NOW - 500, shown=NodeState.ERROR),))
    assert down_too_long(seen) == (Going("n1", reasons.DOWN),)


def test_minimum_node_life_counts_from_the_order_and_not_from_when_it_became_idle():
    found = world(hosts=(host("n1"),), records=(idle("n1", 700),), config=settings(minimum_node_life=1800))
    assert leaving(found) == ["n1"]
