"""What decisions learn of how soon idle nodes are wanted again."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.model import HoldBy, Phase
from saltext.dynamiccluster.policy.idle import EDGES
from saltext.dynamiccluster.policy.lessons import MOST_LEFT, learn
from saltext.dynamiccluster.policy.memory import Memory, ResourceMemory
from saltext.dynamiccluster.policy.placement import Allocation, Order
from saltext.dynamiccluster.policy.reasons import CANCELLED, IDLE
from saltext.dynamiccluster.policy.scale_in import Going
from tests.worlds import NOW, host, idle, job, record, settings, world

ON = settings(idle_boots=4, idle_learns=True)
FOR_A_JOB = Order("a", "for job 1", (job(1),))


def learned(hosts=(), before=(), after=(), going=(), orders=(), left=(), config=ON, unhold=(), **more):
    seen = world(hosts=hosts, records=after, config=config, resources={"a": ResourceMemory(left=left)}, **more)
    was = Memory(nodes={item.name: item for item in before})
    return learn(seen.memory, was, seen, Allocation(unhold=unhold), going, orders).resource("a")


def lengths(known):
    """Return the lower ends of the classes that hold a gap, with their weights."""
    return {(0.0, *EDGES)[place]: round(weight, 2) for place, weight in enumerate(known.gaps) if weight}


def test_a_node_that_gets_a_job_was_idle_for_a_gap():
    known = learned((host("n1", used=1),), (idle("n1", 100),), (record("n1"),))
    assert lengths(known) == {90.0: 1.0}


@pytest.mark.parametrize(
    ("seen", "item"),
    [
        (host("n1"), record("n1")),
        (host("n1", up=False), record("n1", down_since=NOW)),
        (host("n1", used=1, hold=HoldBy.US), record("n1")),
        (host("n1", used=1), record("n1", Phase.DRAINING, leaving_for=IDLE)),
        (host("n1"), idle("n1", 100)),
        (host("n1", used=1), record("n1", resource="old")),
    ],
)
def test_what_ends_idleness_otherwise_is_no_gap(seen, item):
    assert learned((seen,), (idle("n1", 100),), (item,)).gaps == ()


def test_an_order_for_jobs_ends_the_gap_of_the_node_that_went_last():
    known = learned(orders=(FOR_A_JOB,), left=(NOW - 1000, NOW - 200))
    assert lengths(known) == {180.0: 1.0} and known.left == (NOW - 1000,)


def test_a_node_that_is_called_back_was_missed_as_well():
    draining = record("n1", Phase.DRAINING, leaving_for=IDLE)
    known = learned((host("n1"),), (), (draining,), left=(NOW - 200,), unhold=("n1",))
    assert lengths(known) == {180.0: 1.0} and known.left == ()


def test_spare_and_other_orders_miss_nobody():
    assert learned(orders=(Order("a", "to keep spare nodes"), Order("b", "for job 1", (job(1),))), left=(NOW - 200,)).left == (NOW - 200,)


def test_a_node_that_goes_is_remembered_until_nobody_can_have_missed_it():
    going = (Going("n1", IDLE), Going("n2", CANCELLED))
    records = (idle("n1", 700), record("n2", Phase.ASKED, idle_since=NOW - 5))
    known = learned((host("n1"),), records, records, going)
    assert known.left == (NOW - 700,) and known.gaps == ()
    assert lengths(learned(left=(NOW - 1801,))) == {1800.0: 1.0}


def test_new_gaps_weigh_more_than_old_ones():
    seen = tuple(host(f"n{number}", used=1) for number in range(51))
    before = (idle("n0", 5000), *(idle(f"n{number}", 20) for number in range(1, 51)))
    known = learned(seen, before, tuple(record(f"n{number}") for number in range(51)))
    assert sum(known.gaps) < 51 and lengths(known)[15.0] > 30 and lengths(known)[1800.0] < 1


def test_what_is_remembered_is_bounded():
    records = tuple(idle(f"n{number:04d}", 700) for number in range(MOST_LEFT + 50))
    assert len(learned((), records, records, [Going(item.name, IDLE) for item in records]).left) == MOST_LEFT


@pytest.mark.parametrize("config", [settings(), settings(idle_boots=4), settings(idle_learns=True)])
def test_nothing_is_learned_unless_it_is_asked_for(config):
    assert learned((host("n1", used=1),), (idle("n1", 100),), (record("n1"),), config=config) == ResourceMemory()


def test_a_reading_that_failed_teaches_nothing():
    known = learned((host("n1", used=1),), (idle("n1", 100),), (record("n1"),), orders=(FOR_A_JOB,), left=(NOW - 200,), batch_error="timed out")
    assert known == ResourceMemory(left=(NOW - 200,))


def test_what_an_older_version_remembered_in_other_classes_begins_anew():
    seen = world(hosts=(host("n1", used=1),), records=(record("n1"),), config=ON, resources={"a": ResourceMemory(gaps=(5.0, 5.0))})
    known = learn(seen.memory, Memory(nodes={"n1": idle("n1", 100)}), seen, Allocation(), (), ()).resource("a")
    assert lengths(known) == {90.0: 1.0}
