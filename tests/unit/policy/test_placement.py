"""What the demand gets: existing nodes first, then nodes on their way, then new ones, whole or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.model import Chunk, HoldBy, JobState, Phase, QueueSlots, Request, Shape
from saltext.dynamiccluster.policy.memory import Backoff, ResourceMemory
from saltext.dynamiccluster.policy.placement import allocate
from saltext.dynamiccluster.policy.plan import Outcome
from tests.worlds import (
    SMALL,
    NOW,
    going_idle,
    host,
    idle,
    job,
    nodes_of,
    ordered,
    place,
    promised,
    record,
    resource,
    settings,
    smp,
    spread,
    world,
)

BIG = Shape(cores=32, memory_mb=131072, gpus=4)


def serial(count: int, **more):
    return tuple(job(number, **more) for number in range(1, count + 1))


# -- what exists, what comes, what is new ---------------------------------------------------------------------------


def test_defect_serial_jobs_share_new_nodes_and_no_remainder_is_lost():
    """Row "py2 / is floor inside ceil": 17 jobs on nodes of 8 cores are 3 nodes."""
    found = place(jobs=serial(17))
    assert ordered(found) == ["a"] * 3
    assert sum(len(order.jobs) for order in found.orders) == 17
    assert {fate.outcome for fate in found.fates.values()} == {Outcome.ORDERED}


def test_new_nodes_are_packed_with_big_jobs_first():
    small = tuple(job(number, smp(2)) for number in range(1, 4))
    big = tuple(job(number, smp(6)) for number in range(4, 7))
    assert ordered(place(jobs=(*small, *big))) == ["a"] * 3


@pytest.mark.parametrize("used", [0, 3])
def test_s4_job_that_the_scheduler_has_not_started_yet_launches_nothing(used):
    found = place(jobs=(job(),), hosts=(host("n1", used=used),))
    assert ordered(found) == []
    assert (found.fates["1"].outcome, found.fates["1"].nodes) == (Outcome.RUNS, ("n1",))


def test_partly_free_nodes_are_used_before_idle_ones_and_those_before_arriving_ones():
    hosts = (host("n1"), host("n2", used=7))
    records = (idle("n1"), record("n2"), record("n3", Phase.BOOTING))
    found = place(jobs=(*serial(9), job(10, smp(8))), hosts=hosts, records=records)
    assert found.fates["1"].nodes == ("n2",)
    assert found.fates["2"].nodes == ("n1",)
    assert (found.fates["10"].outcome, found.fates["10"].nodes) == (Outcome.ARRIVING, ("n3",))
    assert found.needed == {"n1", "n3"}
    assert ordered(found) == []


def test_s2_nodes_on_their_way_are_supply():
    """Ordered nodes that the cloud has not born yet count, in every phase of their way."""
    phases = (Phase.ASKED, Phase.BOOTING, Phase.JOINING, Phase.CONFIGURING)
    records = tuple(record(f"n{number}", phase) for number, phase in enumerate(phases))
    assert ordered(place(jobs=(job(1, nodes_of(4, 8)),), records=records, config=settings({"a": resource(maximum=8)}))) == []


def test_s5_starting_nodes_are_no_lock():
    """A node on its way in one resource does not keep another resource from growing."""
    config = settings({"a": resource(), "b": resource(priority=2)})
    found = place(jobs=(job(1, smp(16)),), records=(record("n1", Phase.BOOTING),), config=config, shapes={"b": BIG})
    assert ordered(found) == ["b"]


def test_node_that_was_just_let_in_is_not_ordered_again():
    """Its release came after the last reading, which still shows our hold."""
    held = host("n1", hold=HoldBy.US, queues=(QueueSlots("all.q", 8, 0, usable=False),))
    found = place(jobs=(job(),), hosts=(held,), records=(record("n1"),))
    assert (ordered(found), found.fates["1"].outcome) == ([], Outcome.ARRIVING)


def test_defect_node_held_as_idle_and_new_job_arrives():
    """Row "node held as idle, new job arrives": it is released again instead of booting a new one."""
    gone, held = going_idle("n1")
    found = place(jobs=(job(),), hosts=(held,), records=(gone,))
    assert (ordered(found), found.unhold, found.fates["1"].outcome) == ([], ("n1",), Outcome.RUNS)


def test_s18_node_held_as_idle_that_an_administrator_disabled_meanwhile_is_not_called_back():
    gone, held = going_idle("n1")
    found = place(jobs=(job(),), hosts=(replace(held, hold=HoldBy.ADMINISTRATOR),), records=(gone,))
    assert (ordered(found), found.unhold) == (["a"], ())


def test_idle_node_of_ours_is_preferred_to_one_that_is_being_held():
    gone, held = going_idle("n1")
    found = place(jobs=(job(),), hosts=(held, host("n2")), records=(gone, idle("n2")))
    assert (found.unhold, found.fates["1"].nodes) == ((), ("n2",))


@pytest.mark.parametrize(
    "changes",
    [
        {"up": False},
        {"hold": HoldBy.ADMINISTRATOR},
        {"error": "two queues claim it"},
        {"exclusive": True, "jobs": ("9",)},
        {"queues": (QueueSlots("all.q", 8, 0, usable=False, state="E"),)},
        {"queues": ()},
    ],
)
def test_host_that_takes_no_jobs_is_no_supply(changes):
    assert ordered(place(jobs=(job(),), hosts=(host("n1", **changes),))) == ["a"]


@pytest.mark.parametrize(
    "changes",
    [
        {"held_for": "an administrator looks at it"},
        {"leaving_for": "an administrator removed it"},
        {"phase": Phase.DRAINING},
        {"gone": True},
    ],
)
def test_node_of_ours_that_is_not_in_service_is_no_supply(changes):
    assert ordered(place(jobs=(job(),), hosts=(host("n1"),), records=(replace(idle("n1"), **changes),))) == ["a"]


def test_physical_hosts_are_supply():
    assert ordered(place(jobs=serial(8), hosts=(host("metal"),))) == []


# -- hosts of which nobody knows whether they are up -----------------------------------------------------------------


def test_restarted_qmaster_does_not_launch_a_second_cluster():
    unknown = tuple(host(f"n{number}", up=None) for number in range(3))
    records = tuple(record(f"n{number}") for number in range(3))
    found = place(jobs=serial(24), hosts=unknown, records=records)
    assert ordered(found) == []
    assert {fate.outcome for fate in found.fates.values()} == {Outcome.WAITS}
    assert "not known" in found.fates["1"].reason


def test_host_that_stays_unknown_is_replaced_after_max_down_time():
    found = place(jobs=(job(),), hosts=(host("n1", up=None),), records=(record("n1", down_since=NOW - 500),))
    assert ordered(found) == ["a"]


@pytest.mark.parametrize(("waited", "orders"), [(60, []), (1000, ["a"])])
def test_job_waits_for_an_unknown_physical_host_only_while_it_is_young(waited, orders):
    assert ordered(place(jobs=(job(created=NOW - waited),), hosts=(host("metal", up=None),))) == orders


# -- jobs of several nodes -------------------------------------------------------------------------------------------


def test_a1_job_that_may_spread_shares_the_nodes_of_others():
    """Three nodes with one core taken each: two more slots go onto the first of them, none onto a new one."""
    found = place(jobs=(job(1, nodes_of(3, 1)), job(2, spread(2))))
    assert ordered(found) == ["a"] * 3
    assert list(map(sorted, promised(found))) == [["1", "2"], ["1"], ["1"]]


@pytest.mark.parametrize(
    ("request_", "orders"),
    [
        (Request(chunks=(Chunk(4, 2),)), 1),  # Torque's nodes=4:ppn=2 may share a node
        (Request(chunks=(Chunk(4, 2, distinct=True),)), 4),  # Grid Engine's fixed rule does not
        (Request(chunks=(Chunk(4, 2),), exclusive=True), 1),
        (Request(chunks=(Chunk(2, 1), Chunk(3, 2))), 1),
        (spread(12), 2),
    ],
)
def test_a6_pieces_share_nodes_where_they_may(request_, orders):
    assert ordered(place(jobs=(job(1, request_),))) == ["a"] * orders


def test_array_takes_as_many_nodes_as_there_are():
    found = place(jobs=(job(1, smp(8), tasks=50),), config=settings({"a": resource(maximum=4)}))
    assert ordered(found) == ["a"] * 4
    assert found.fates["1"].outcome is Outcome.ORDERED
    assert "46 of its 50 tasks wait: a is at its maximum of 4 nodes" in found.fates["1"].reason


def test_job_of_several_nodes_is_placed_whole_or_not_at_all():
    busy = tuple(host(f"n{number}", used=8) for number in range(2))
    records = tuple(record(f"n{number}") for number in range(2))
    found = place(jobs=(job(1, nodes_of(4, 8)),), hosts=busy, records=records, config=settings({"a": resource(maximum=4)}))
    assert (ordered(found), found.fates["1"].outcome) == ([], Outcome.WAITS)
    assert found.fates["1"].reason == "its 4 pieces need room at the same time: a may get only 2 more nodes now"
    whole = place(jobs=(job(1, nodes_of(4, 8)),), hosts=busy, records=records, config=settings({"a": resource(maximum=6)}))
    assert ordered(whole) == ["a"] * 4


def test_tasks_of_a_distinct_job_share_nodes_with_each_other_only():
    assert ordered(place(jobs=(job(1, nodes_of(2, 4), tasks=3),))) == ["a"] * 3


def test_exclusive_jobs_share_with_nobody():
    found = place(jobs=(job(1, Request(exclusive=True)), job(2), job(3)), hosts=(host("n1", used=1),))
    assert ordered(found) == ["a"]
    assert promised(found) == [["1"]]


def test_defect_big_job_is_not_starved_by_small_ones():
    """Row "a large job that does not fit never reserves": in every second half hour the room under the maximum is kept for it."""
    busy, records = (host("n1", used=8),), (record("n1"),)
    config = settings({"a": resource(maximum=4)})
    small = serial(16, priority=0.9)
    for waited, orders in ((60, 2), (2000, 0), (4000, 2)):
        big = job(99, nodes_of(4, 8), created=NOW - waited, priority=0.1)
        found = place(jobs=(*small, big), hosts=busy, records=records, config=config)
        assert ordered(found) == ["a"] * orders, waited
        assert found.fates["99"].outcome is Outcome.WAITS


def test_big_job_whose_turn_it_is_goes_before_small_ones_when_it_fits():
    big = job(99, nodes_of(4, 8), created=NOW - 2000, priority=0.1)
    found = place(jobs=(*serial(16, priority=0.9), big), config=settings({"a": resource(maximum=4)}))
    assert promised(found) == [["99"]] * 4


# -- order of resources and jobs --------------------------------------------------------------------------------------


def test_resource_with_the_lower_priority_number_comes_first_and_the_next_one_takes_over_at_its_limit():
    config = settings({"a": resource(maximum=5, priority=2), "b": resource(maximum=2, priority=1)})
    assert ordered(place(jobs=(job(1, smp(8), tasks=4),), config=config)) == ["a", "a", "b", "b"]


def test_a4_equal_resources_take_turns_by_nodes_and_name():
    config = settings({"b": resource(), "a": resource()})
    assert ordered(place(jobs=(job(1, smp(8), tasks=3),), config=config)) == ["a", "a", "b"]
    records = (record("n1", Phase.BOOTING), record("n2", Phase.DESTROYING))
    assert ordered(place(jobs=(job(1, smp(8), tasks=3),), config=config, records=records)) == ["b", "b"]


def test_limits_give_the_last_node_to_the_first_job():
    jobs = (job(1, smp(8), priority=0.1), job(2, smp(2), priority=0.9))
    found = place(jobs=jobs, config=settings({"a": resource(maximum=1)}))
    assert promised(found) == [["2"]]
    assert (found.fates["1"].outcome, found.fates["1"].reason) == (Outcome.WAITS, "a is at its maximum of 1 node")


def test_g6_job_of_priority_zero_is_served_last_but_served():
    jobs = (job(1, smp(8), priority=0.0), job(2, smp(8), priority=-1.0))
    one = place(jobs=jobs, config=settings({"a": resource(maximum=1)}))
    assert promised(one) == [["2"]]
    assert ordered(place(jobs=jobs)) == ["a", "a"]


def test_g7_display_limit_is_no_limit_of_planning():
    config = settings(display=2)
    assert config.cluster.config.queued_job_number_to_display == 2
    found = place(jobs=tuple(job(number, smp(8)) for number in range(5)), config=config)
    assert len(found.orders) == len(found.fates) == 5


def test_g5_only_pending_jobs_are_demand():
    states = (JobState.HELD, JobState.DEPENDENT, JobState.WAITING, JobState.ERROR, JobState.UNKNOWN)
    jobs = tuple(job(number, state=state, reason=f"it is {state.value}") for number, state in enumerate(states))
    found = place(jobs=(*jobs, job("r", state=JobState.RUNNING, hosts=("n1",)), job("z", tasks=0)))
    assert ordered(found) == []
    assert {fate.outcome for fate in found.fates.values()} == {Outcome.NOT_DEMAND}
    assert set(found.fates) == {"0", "1", "2", "3", "4", "z"}


# -- the whole --------------------------------------------------------------------------------------------------------------


def test_a2_one_pass_leaves_nothing_behind_for_the_next():
    seen = world(jobs=serial(17), hosts=(host("n1"),))
    assert allocate(seen) == allocate(seen)


def test_every_job_that_does_not_run_has_a_fate():
    jobs = (*serial(30), job("h", state=JobState.HELD), job("i", smp(99)), job("r", state=JobState.RUNNING))
    found = place(jobs=jobs, config=settings({"a": resource(maximum=1)}))
    assert set(found.fates) == {item.id for item in jobs} - {"r"}
    assert all(fate.reason for fate in found.fates.values())


def test_s19_idle_nodes_are_counted_on_while_a_job_waits_for_the_rest():
    hosts = tuple(host(f"n{number}") for number in range(3))
    records = tuple(idle(f"n{number}") for number in range(3))
    backed = {"a": ResourceMemory(backoff=Backoff(NOW + 60, "launches fail", "3 of 4 never joined"))}
    found = place(jobs=(job(17, nodes_of(4, 8)),), hosts=hosts, records=records, resources=backed)
    assert (ordered(found), found.fates["17"].outcome) == ([], Outcome.WAITS)
    assert found.hoped == {"n0", "n1", "n2"}
    assert set(found.counted.values()) == {"17"}


def test_node_on_its_way_is_supply_although_its_cloud_was_not_read_since_the_start():
    known = {"b": ResourceMemory(promised=SMALL)}
    found = place(
        config=settings({"a": resource(), "b": resource()}),
        jobs=(job(1, smp(8)),),
        records=(record("n1", Phase.BOOTING, "b"),),
        shapes={"b": None},
        cloud_errors={"b": "it does not answer"},
        resources=known,
    )
    assert ordered(found) == [] and found.fates["1"].outcome is Outcome.ARRIVING
