"""What keeps us from launching, and what is ordered whether there are jobs or not."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.model import Instance, InstanceState, Offer, Phase, ResourceFlag, Reservation
from saltext.dynamiccluster.policy.memory import Backoff, ResourceMemory
from saltext.dynamiccluster.policy.plan import Outcome
from tests.worlds import NOW, host, job, ordered, place, record, resource, settings, smp


def serial(count: int, **more):
    return tuple(job(number, **more) for number in range(1, count + 1))


# -- what keeps us from launching ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"cloud_errors": {"a": "timed out"}}, "the cloud of a could not be read: timed out"),
        ({"shapes": {"a": None}}, "what a node of a gives is not known yet"),
        ({"offers": {Reservation("x"): Offer(frozenset())}}, "how a node of a would join the batch system is not known yet"),
        ({"offers": {Reservation(): Offer(frozenset(), problem="no queue x")}}, "a node of a could not join: no queue x"),
        ({"resources": {"a": ResourceMemory(flag=ResourceFlag.FROZEN)}}, "a is frozen"),
        (
            {"resources": {"a": ResourceMemory(backoff=Backoff(NOW + 30, "quota", "too many"))}},
            "a is tried again in 30 s (quota: too many)",
        ),
    ],
)
def test_blocked_resource_launches_nothing_and_jobs_that_only_it_could_serve_wait(known, reason):
    found = place(jobs=(job(),), **known)
    assert (ordered(found), found.blocked) == ([], {"a": reason})
    assert (found.fates["1"].outcome, found.fates["1"].reason) == (Outcome.WAITS, reason)


def test_stale_batch_reading_orders_nothing_not_even_the_minimum():
    wanted = {"a": ResourceMemory(wanted=1)}
    found = place(jobs=(job(),), config=settings({"a": resource(minimum=2)}), batch_error="qmaster down", resources=wanted)
    assert (ordered(found), found.unhold) == ([], ())
    assert found.fates["1"].reason == "nothing is launched now: the batch system could not be read: qmaster down"


def test_s14_failing_resource_below_its_minimum_does_not_keep_another_from_serving():
    config = settings({"a": resource(minimum=2), "b": resource(priority=2)})
    found = place(jobs=(job(),), config=config, cloud_errors={"a": "503"})
    assert ordered(found) == ["b"]
    backed = {"a": ResourceMemory(backoff=Backoff(NOW + 60, "unreachable", "503"))}
    assert ordered(place(jobs=(job(),), config=config, resources=backed)) == ["b"]


def test_orders_that_their_cloud_refuses_do_not_keep_jobs_from_another_resource():
    config = settings({"a": resource(), "b": resource(priority=2)})
    refused = record("n1", Phase.ASKED, tried_at=0.0, instance_id="")
    backed = {"a": ResourceMemory(backoff=Backoff(NOW + 60, "no capacity", "none left"))}
    assert ordered(place(jobs=(job(),), records=(refused,), config=config, resources=backed)) == ["b"]
    alone = place(jobs=(job(),), records=(refused,), resources=backed)
    assert (ordered(alone), alone.fates["1"].outcome) == ([], Outcome.WAITS)
    assert "n1 is ordered, but a is tried again in 60 s" in alone.fates["1"].reason


def test_automatic_mode_off_places_on_what_exists_and_orders_only_what_an_administrator_wants():
    config = settings({"a": resource(minimum=2)}, auto_mode=False)
    found = place(jobs=(job(1), job(2, smp(8))), hosts=(host("n1", used=7),), config=config, resources={"a": ResourceMemory(wanted=1)})
    assert [(order.manual, order.jobs) for order in found.orders] == [(True, ())]
    assert found.fates["1"].outcome is Outcome.RUNS
    none = place(jobs=(job(2, smp(8)),), config=config)
    assert (ordered(none), none.fates["2"].reason) == ([], "the automatic mode is off")


# -- refills ------------------------------------------------------------------------------------------------------------


def test_s3_minimum_is_ordered_once_and_jobs_use_it():
    config = settings({"a": resource(minimum=2)})
    found = place(jobs=serial(9), config=config)
    assert [order.jobs for order in found.orders] == [(), ()]
    assert found.orders[0].reason == "to keep the minimum of 2 nodes in a"
    assert {fate.outcome for fate in found.fates.values()} == {Outcome.ORDERED}
    asked = tuple(record(f"n{number}", Phase.ASKED, instance_id="") for number in range(2))
    assert ordered(place(config=config, records=asked)) == []


def test_defect_nodes_in_error_or_leaving_do_not_count_for_the_minimum_but_for_the_maximum():
    """Row "current_num counts Error/Deleting nodes"."""
    broken = (record("n1"), record("n2", Phase.DESTROYING), record("n3", Phase.DRAINING, leaving_for="an administrator removed it"))
    for maximum, orders in ((8, 2), (5, 2), (4, 1), (3, 0)):
        config = settings({"a": resource(minimum=2, maximum=maximum)})
        assert ordered(place(config=config, records=broken, hosts=(host("n1", up=False), host("n3")))) == ["a"] * orders, maximum


def test_s15_frozen_resource_is_not_refilled():
    config = settings({"a": resource(minimum=3)})
    records = tuple(record(f"n{number}") for number in range(3))
    hosts = (host("n0"), host("n1"))
    frozen = {"a": ResourceMemory(flag=ResourceFlag.FROZEN)}
    assert ordered(place(config=config, records=records, hosts=hosts, resources=frozen)) == []
    assert ordered(place(config=config, records=records, hosts=hosts)) == ["a"]


def test_s29_wanted_nodes_never_pass_the_maximum():
    found = place(resources={"a": ResourceMemory(wanted=16)}, config=settings({"a": resource(maximum=8)}))
    assert len(found.orders) == 8
    assert all(order.manual for order in found.orders)


def test_defect_instances_without_a_record_count_against_the_maximum():
    stray = tuple(Instance(f"i-{number}", f"x{number}", "a", InstanceState.ACTIVE) for number in range(3))
    ended = Instance("i-9", "x9", "a", InstanceState.INEXISTENT)
    found = place(jobs=(job(1, smp(8), tasks=9),), config=settings({"a": resource(maximum=4)}), listed=(*stray, ended))
    assert len(found.orders) == 1
