"""What the demand gets: existing nodes first, then nodes on their way, then new ones, whole or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.model import (
    Chunk,
    HoldBy,
    Instance,
    InstanceState,
    JobState,
    Offer,
    Phase,
    Place,
    QueueSlots,
    Request,
    ResourceFlag,
    Reservation,
    Shape,
)
from saltext.dynamiccluster.policy.memory import Backoff, ResourceMemory
from saltext.dynamiccluster.policy.placement import allocate
from saltext.dynamiccluster.policy.plan import Outcome
from tests.worlds import NOW, going_idle, host, idle, job, nodes_of, ordered, place, record, resource, settings, smp, spread, world

BIG = Shape(cores=32, memory_mb=131072, gpus=4)


def serial(count: int, **more):
    return tuple(job(number, **more) for number in range(1, count + 1))


# -- what exists, what comes, what is new ---------------------------------------------------------------------------


def test_serial_jobs_share_new_nodes_and_no_remainder_is_lost():
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
    assert [sorted(order.jobs) for order in found.orders] == [["1", "2"], ["1"], ["1"]]


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
    assert [order.jobs for order in found.orders] == [("1",)]


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
    assert [order.jobs for order in found.orders] == [("99",)] * 4


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
    assert [order.jobs for order in found.orders] == [("2",)]
    assert (found.fates["1"].outcome, found.fates["1"].reason) == (Outcome.WAITS, "a is at its maximum of 1 node")


def test_g6_job_of_priority_zero_is_served_last_but_served():
    jobs = (job(1, smp(8), priority=0.0), job(2, smp(8), priority=-1.0))
    one = place(jobs=jobs, config=settings({"a": resource(maximum=1)}))
    assert [order.jobs for order in one.orders] == [("2",)]
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


# -- what nodes must have ----------------------------------------------------------------------------------------------


def test_memory_limits_how_many_pieces_fit():
    assert ordered(place(jobs=tuple(job(number, smp(1, memory_mb=4096)) for number in range(8)))) == ["a", "a"]


def test_unknown_memory_restricts_nothing():
    assert ordered(place(jobs=(job(1, smp(1, memory_mb=10**6)),), shapes={"a": Shape(8)})) == ["a"]


def test_memory_of_running_jobs_is_not_free():
    running = job("r", smp(1, memory_mb=12000), state=JobState.RUNNING, hosts=("n1",))
    found = place(jobs=(running, job(1, smp(1, memory_mb=8000))), hosts=(host("n1", used=1),))
    assert ordered(found) == ["a"]


def test_gpus_of_running_jobs_are_not_free():
    running = job("r", smp(1, gpus=4), state=JobState.RUNNING, hosts=("n1",))
    busy = host("n1", slots=32, used=1, reported=BIG)
    assert ordered(place(jobs=(running, job(1, smp(1, gpus=1))), hosts=(busy,), shapes={"a": BIG})) == ["a"]


def test_s21_free_memory_is_what_idle_nodes_show():
    """A request for nearly all memory is met by no node, as each uses some itself: nothing is launched, not even once for a try."""
    near = Request(node_memory_mb=16000)
    assert place(jobs=(job(1, near),)).fates["1"].outcome is Outcome.IMPOSSIBLE
    small = Request(node_memory_mb=15000)
    assert ordered(place(jobs=(job(1, small),))) == ["a"]
    found = place(jobs=(job(1, small),), hosts=(host("n1", free_memory_mb=14000),), records=(idle("n1"),))
    assert (ordered(found), found.fates["1"].outcome) == ([], Outcome.IMPOSSIBLE)


def test_s21_what_no_idle_node_can_serve_a_new_one_will_not_either():
    """The offer promises what the nodes that came of it do not have: no second one is launched."""
    offers = {Reservation(): Offer(frozenset({"all.q"}), features={"rack": "r1"})}
    wanting = job(1, Request(needs=(("rack", "r1"),)))
    assert ordered(place(jobs=(wanting,), offers=offers)) == ["a"]
    found = place(jobs=(wanting,), offers=offers, hosts=(host("n1"),), records=(idle("n1"),))
    assert (ordered(found), found.fates["1"].outcome) == ([], Outcome.WAITS)
    assert "idle nodes of a do not suit it" in found.fates["1"].reason


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (smp(1, gpus=99), "it asks for 99 GPUs on one node; nodes of big have 4"),
        (smp(64), "it asks for 64 cores on one node; nodes of big have 32"),
        (smp(1, memory_mb=10238976), "it asks for 10238976 MiB of memory on one node; nodes of big have 131072"),
        (smp(1, properties=frozenset({"infiniband"})), "it asks for property infiniband, which nodes of a do not have"),
        (Request(needs=(("licence", "2"),)), "it asks for licence=2; nodes of a have no licence"),
        (Request(places=(Place("all.q", "n1"),)), "it may only run in queue all.q on host n1; nodes of a are in all.q"),
        (Request(places=(Place("long.q"),)), "it may only run in queue long.q; nodes of a are in all.q"),
        (Request(places=()), "it may only run in no queue that is known; nodes of a are in all.q"),
        (nodes_of(20, 8), "it needs 20 nodes of a at once; there may be 10 at most"),
        (Request(impossible="6 slots cannot be divided by 4"), "6 slots cannot be divided by 4"),
    ],
)
def test_s21_impossible_job_launches_nothing_and_is_told_why(request_, reason):
    config = settings({"a": resource(), "big": resource(maximum=2, priority=2)})
    idle_nodes = tuple(host(f"m{number}") for number in range(7))
    found = place(jobs=(job(1, request_),), config=config, shapes={"big": BIG}, hosts=idle_nodes if request_ != nodes_of(20, 8) else ())
    assert ordered(found) == []
    assert (found.fates["1"].outcome, found.fates["1"].reason) == (Outcome.IMPOSSIBLE, reason)


def test_a3_memory_beyond_any_node_is_not_placed():
    assert ordered(place(jobs=(job(1, smp(1, memory_mb=9999 * 1024)),), hosts=(host("n1"),))) == []


def test_impossible_job_does_not_keep_others_from_nodes():
    found = place(jobs=(job(1, smp(99), priority=9), job(2, smp(8))))
    assert [order.jobs for order in found.orders] == [("2",)]


def test_job_for_a_host_that_is_there_waits_for_it():
    found = place(jobs=(job(1, Request(places=(Place("all.q", "n1*"),))),), hosts=(host("n1.example.org", used=8), host("n2")))
    assert (ordered(found), found.fates["1"].outcome) == ([], Outcome.WAITS)
    free = place(jobs=(job(1, Request(places=(Place("all.q", "n1"),))),), hosts=(host("n1.example.org"), host("n2")))
    assert free.fates["1"].nodes == ("n1.example.org",)


def test_job_for_a_host_on_its_way_waits_for_that_one():
    request = Request(places=(Place("all.q", "n2"),))
    records = (record("n1", Phase.BOOTING), record("n2", Phase.BOOTING))
    assert place(jobs=(job(1, request),), records=records).fates["1"].nodes == ("n2",)


# -- queues, groups, reservations ---------------------------------------------------------------------------------------


def test_g10_host_group_as_reservation_scales_out():
    config = settings({"a": resource(account="@big"), "b": resource(priority=0)})
    offers = {
        Reservation(account="@big"): Offer(frozenset({"long.q"}), frozenset({"@big"})),
        Reservation(): Offer(frozenset({"all.q"}), frozenset({"@allhosts"})),
    }
    for place_ in (Place("long.q"), Place("long.q", "*", "@big"), Place("*", "*", "@big")):
        assert ordered(place(jobs=(job(1, Request(places=(place_,))),), config=config, offers=offers)) == ["a"]


def test_g9_queue_bound_resource_serves_only_its_queue():
    config = settings({"a": resource(queue="short.q"), "b": resource(queue="long.q", priority=2)})
    offers = {Reservation(queue=name): Offer(frozenset({name})) for name in ("short.q", "long.q")}
    assert ordered(place(jobs=(job(1, Request(places=(Place("long.q"),))),), config=config, offers=offers)) == ["b"]
    assert ordered(place(jobs=(job(1),), config=config, offers=offers)) == ["a"]


def test_g12_free_slots_are_counted_for_each_queue():
    both = host("n1", queues=(QueueSlots("all.q", 8, 8), QueueSlots("long.q", 8, 2)), jobs=("1", "2"))
    assert ordered(place(jobs=(job(9, Request(places=(Place("all.q"),))),), hosts=(both,))) == ["a"]
    assert ordered(place(jobs=(job(9, Request(places=(Place("long.q"),))),), hosts=(both,))) == []


TORQUE = {
    "plain": resource(priority=2),
    "acc": resource(account="physics"),
    "que": resource(queue="short"),
    "prop": resource(property="ib"),
}
TORQUE_OFFERS = {
    Reservation(): Offer(frozenset({""})),
    Reservation(account="physics"): Offer(frozenset({""})),
    Reservation(queue="short"): Offer(frozenset({""})),
    Reservation(property="ib"): Offer(frozenset({""}), properties=frozenset({"ib"})),
}


@pytest.mark.parametrize(
    ("request_", "orders"),
    [
        (Request(places=(Place("batch"),)), ["plain"]),
        (Request(places=(Place("batch"),), account="physics"), ["acc"]),
        (Request(places=(Place("short"),)), ["que"]),
        (Request(places=(Place("batch"),), chunks=(Chunk(properties=frozenset({"ib"})),)), ["prop"]),
    ],
)
def test_torque_reservations_are_kept_for_whom_they_are(request_, orders):
    config = settings(TORQUE, cluster="torque")
    assert ordered(place(jobs=(job(1, request_),), config=config, offers=TORQUE_OFFERS)) == orders


def test_torque_node_reserved_for_an_account_is_no_supply_for_others():
    reserved = host("n1", queues=(QueueSlots("", 8),), reservation=Reservation(account="physics"))
    config = settings(TORQUE, cluster="torque")
    for account, orders in (("", ["plain"]), ("physics", [])):
        request = Request(places=(Place("batch"),), account=account)
        assert ordered(place(jobs=(job(1, request),), hosts=(reserved,), config=config, offers=TORQUE_OFFERS)) == orders


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
    config = settings({"a": resource(minimum=2, maximum=4)})
    broken = (record("n1"), record("n2", Phase.DESTROYING), record("n3", Phase.DRAINING, leaving_for="an administrator removed it"))
    assert ordered(place(config=config, records=broken, hosts=(host("n1", up=False), host("n3")))) == ["a"]
    assert ordered(place(config=config, records=(*broken, record("n4", Phase.DESTROYING)), hosts=(host("n1", up=False),))) == []


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


def test_instances_without_a_record_count_against_the_maximum():
    stray = tuple(Instance(f"i-{number}", f"x{number}", "a", InstanceState.ACTIVE) for number in range(3))
    ended = Instance("i-9", "x9", "a", InstanceState.INEXISTENT)
    found = place(jobs=(job(1, smp(8), tasks=9),), config=settings({"a": resource(maximum=4)}), listed=(*stray, ended))
    assert len(found.orders) == 1


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
