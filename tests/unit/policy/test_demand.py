"""Jobs in order and in lots; what any of them looks at."""

from __future__ import annotations

import random
import time

import pytest

from saltext.dynamiccluster.model import Chunk, JobState, Phase, Place, Request
from saltext.dynamiccluster.policy import demand
from saltext.dynamiccluster.policy.demand import Asked, collect_lots, round_memory, split_jobs, sum_up
from saltext.dynamiccluster.policy.matching import UNKNOWN, Ask
from saltext.dynamiccluster.policy.placement import allocate
from saltext.dynamiccluster.policy.scale_in import scale_in
from tests.worlds import NOW, host, idle, job, record, resource, settings, smp, world


def ids(lots):
    return [[item.id for item in lot.jobs] for lot in lots]


def test_order_is_priority_then_age_then_id_with_zero_priority_last():
    jobs = (
        job(10, priority=0.5),
        job(9, priority=0.5),
        job(1, priority=0.0, created=1.0),
        job(2, priority=0.9),
        job(3, priority=0.5, created=NOW - 600),
        job(4, priority=-1.0),
    )
    assert ids(collect_lots(jobs)) == [["2", "3", "9", "10", "4", "1"]]


def test_neighbours_of_equal_shape_make_a_lot():
    jobs = tuple(job(number, smp(1 + number // 2 % 2), tasks=2) for number in range(6))
    lots = collect_lots(jobs)
    assert ids(lots) == [["0", "1"], ["2", "3"], ["4", "5"]]
    assert [lot.tasks for lot in lots] == [4, 4, 4]
    assert lots[0].ask is lots[2].ask


def test_shapes_that_alternate_too_often_go_together_behind_the_first_of_them(monkeypatch):
    monkeypatch.setattr(demand, "MOST_LOTS", 3)
    jobs = (*(job(number, smp(1 + number % 2)) for number in range(6)), job(8, smp(1), priority=0.0))
    assert ids(collect_lots(jobs)) == [["0", "2", "4"], ["1", "3", "5"], ["8"]]


def _listed(how, count=600):
    """Return jobs of eight shapes as batch systems list them; of a few priorities, so that age and id decide, too."""
    chance = random.Random(how)
    priorities = [chance.choice((0.9, 0.5, 0.1)) for _ in range(count)]
    ages = [chance.randrange(50) for _ in range(count)]
    if how.startswith("highest first"):
        priorities.sort(reverse=True)
    if how.startswith("oldest first"):
        ages = list(range(count, 0, -1))
    if how.endswith("but for a few"):
        priorities[7::200] = [0.0, 0.95, -1.0]
    rows = zip(priorities, ages, strict=True)
    return [job(number, smp(1 + chance.randrange(8)), priority=priority, created=NOW - age) for number, (priority, age) in enumerate(rows)]


@pytest.mark.parametrize("how", ["highest first", "highest first but for a few", "oldest first", "oldest first but for a few", "anyhow", "anyhow but for a few"])
def test_long_queue_is_heaped_the_same_however_it_is_listed(monkeypatch, how):
    monkeypatch.setattr(demand, "MOST_LOTS", 20)
    monkeypatch.setattr(demand, "_PART", 100)
    jobs = _listed(how)
    plain = {}
    for item in sorted(jobs, key=lambda one: (one.priority == 0, -one.priority, one.created, len(one.id), one.id)):
        plain.setdefault((item.request, item.priority == 0), []).append(item.id)
    assert ids(collect_lots(jobs)) == list(plain.values())


@pytest.mark.parametrize("odd", [{"state": JobState.HELD}, {"state": JobState.RUNNING}, {"tasks": 0}])
def test_demand_is_what_could_start(odd):
    some, other = (job(1), job(2)), (job(3, **odd),)
    assert split_jobs(some) == (list(some), [])
    assert split_jobs((some[0], *other, some[1])) == (list(some), list(other))
    assert split_jobs(some) == (list(some), [])  # also after it was asked about others


def test_only_what_is_asked_for_is_looked_at():
    plain = sum_up((Ask(Request()),))
    assert plain == Asked()
    wide = sum_up(
        (
            Ask(Request(chunks=(Chunk(1, 2, 3000, 1, frozenset({"ib"})),), needs=(("rack", "1"),))),
            Ask(Request(places=(Place("q", "*", "@g"),), node_memory_mb=1000)),
        )
    )
    assert wide == Asked(frozenset({"rack"}), frozenset({"ib"}), True, True, 1000, 1500, 1000)


@pytest.mark.parametrize(
    ("memory", "cores", "rounded"),
    [(UNKNOWN, 4, UNKNOWN), (7999, 4, 7000), (50000, 4, 7000), (50000, 0, 1000), (-5, 4, 0)],
)
def test_memory_is_cut_to_what_can_make_a_difference(memory, cores, rounded):
    asked = Asked(memory_step=1000, memory_a_core=1500, memory_a_node=1000)
    assert round_memory(asked, memory, cores) == rounded


@pytest.mark.thorough
def test_cost_grows_with_shapes_not_with_jobs():
    """A hundred thousand jobs of 300 shapes against 10,000 nodes, in a fraction of the interval at which decisions are made."""
    chunks = [(Chunk(1 + number % 3 * 4, 1 + number % 8, distinct=number % 5 == 0),) for number in range(300)]
    shapes = [Request(chunks=chunks[number], account=str(number)) for number in range(300)]
    jobs = tuple(job(number, shapes[number * 7 % 300], priority=1 + number % 11) for number in range(100_000))
    hosts = tuple(host(f"n{number}", used=number % 9) for number in range(10_000))
    records = tuple(record(item.name) if item.busy else idle(item.name) for item in hosts)
    coming = tuple(record(f"c{number}", Phase.BOOTING) for number in range(1000))
    seen = world(jobs=jobs, hosts=hosts, records=(*records, *coming), config=settings({"a": resource(maximum=12_000)}))
    start = time.process_time()
    found = allocate(seen)
    scale_in(seen, found)
    assert time.process_time() - start < 4  # about 0.8 s on one core of a slow machine
    assert len(found.orders) == 1000
    assert len(found.fates) == 100_000
