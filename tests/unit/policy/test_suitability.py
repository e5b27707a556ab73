"""What a node must have for a job: memory, GPUs, properties, queues, groups, reservations (rows S21, A3, G9, G10, G12)."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.model import Chunk, JobState, Offer, Phase, Place, QueueSlots, Request, Reservation, Shape
from saltext.dynamiccluster.policy.plan import Outcome
from tests.worlds import host, idle, job, nodes_of, ordered, place, promised, record, resource, settings, smp

BIG = Shape(cores=32, memory_mb=131072, gpus=4)


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
    found = place(jobs=(job(1, smp(1, memory_mb=9999 * 1024)),), hosts=(host("n1"),))
    assert (ordered(found), found.fates["1"].outcome) == ([], Outcome.IMPOSSIBLE)


def test_impossible_job_does_not_keep_others_from_nodes():
    found = place(jobs=(job(1, smp(99), priority=9), job(2, smp(8))))
    assert promised(found) == [["2"]]


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


def test_t2_pieces_with_different_properties_get_a_node_each():
    """`nodes=1:a+1:b` wants two nodes, one of each property; neither needs both."""
    chunks = (Chunk(properties=frozenset({"a"})), Chunk(properties=frozenset({"b"})))
    config = settings({"one": resource(property="a"), "two": resource(property="b")}, cluster="torque")
    offers = {Reservation(property=name): Offer(frozenset({""}), properties=frozenset({name})) for name in "ab"}
    wants = job(1, Request(places=(Place("batch"),), chunks=chunks))
    assert sorted(ordered(place(jobs=(wants,), config=config, offers=offers))) == ["one", "two"]
    lacking = settings({"one": resource(property="a")}, cluster="torque")
    found = place(jobs=(wants,), config=lacking, offers=offers)
    assert ordered(found) == [] and found.fates["1"].outcome is Outcome.IMPOSSIBLE


def test_torque_node_reserved_for_an_account_is_no_supply_for_others():
    reserved = host("n1", queues=(QueueSlots("", 8),), reservation=Reservation(account="physics"))
    config = settings(TORQUE, cluster="torque")
    for account, orders in (("", ["plain"]), ("physics", [])):
        request = Request(places=(Place("batch"),), account=account)
        assert ordered(place(jobs=(job(1, request),), hosts=(reserved,), config=config, offers=TORQUE_OFFERS)) == orders
