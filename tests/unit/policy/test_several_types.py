"""A resource whose cloud chooses among several types: machines differ from what the plan expected of them."""

from __future__ import annotations

from dataclasses import replace

from saltext.dynamiccluster.model import Instance, InstanceState, Phase, Shape
from saltext.dynamiccluster.policy.bins import find_spare_memory
from saltext.dynamiccluster.policy.memory import ResourceMemory
from saltext.dynamiccluster.policy.placement import allocate
from saltext.dynamiccluster.policy.track import track
from saltext.dynamiccluster.policy.world import World
from saltext.dynamiccluster.snapshot import Reading
from tests.worlds import SMALL, host, job, ordered, record, smp, world

BIG = Shape(cores=16, memory_mb=32768)


def with_shapes(seen: World, **shapes: Shape) -> World:
    """Return the world with the shapes of some machines as their own types have them."""
    reading = seen.snapshot.clouds["a"]
    instances = tuple(replace(item, shape=shapes.get(item.name, item.shape)) for item in reading.value.instances)
    clouds = {"a": replace(reading, value=replace(reading.value, instances=instances))}
    snapshot = replace(seen.snapshot, clouds=clouds)
    nodes = tuple(replace(node, instance=next((i for i in instances if node.instance and i.id == node.instance.id), None)) for node in seen.nodes)
    return replace(seen, snapshot=snapshot, nodes=nodes)


def test_a_machine_larger_than_expected_takes_more_jobs_on_its_way():
    jobs = tuple(job(number, smp(4)) for number in range(4))
    seen = world(jobs=jobs, records=(record("n1", Phase.BOOTING),))
    assert ordered(allocate(seen)) == ["a"], "as expected: 8 cores are coming, 16 are asked for"
    assert ordered(allocate(with_shapes(seen, n1=BIG))) == []


def test_a_machine_smaller_than_expected_takes_fewer():
    jobs = tuple(job(number, smp(4)) for number in range(2))
    seen = world(jobs=jobs, records=(record("n1", Phase.BOOTING),))
    assert ordered(allocate(seen)) == []
    assert ordered(allocate(with_shapes(seen, n1=Shape(4, 8192)))) == ["a"]


def test_what_a_machine_of_another_type_reports_is_not_expected_of_the_next_one():
    known = record("n1")
    seen = with_shapes(world(hosts=(host("n1", slots=16, reported=BIG),), records=(known,)), n1=BIG)
    after = track(seen.snapshot, seen.settings, seen.memory, seen.now)
    assert after.resource("a").shape is None


def test_what_a_machine_of_the_expected_type_reports_still_corrects_the_cloud():
    hosts = (host("n1", slots=16, reported=BIG), host("n2", slots=7, reported=Shape(8, 15900)))
    seen = with_shapes(world(hosts=hosts, records=(record("n1"), record("n2"))), n1=BIG, n2=SMALL)
    after = track(seen.snapshot, seen.settings, seen.memory, seen.now)
    assert after.resource("a").shape == Shape(7, 15900)


def test_free_memory_of_a_larger_idle_node_is_not_promised_for_a_new_one():
    seen = world(hosts=(host("n1", slots=16, reported=BIG, free_memory_mb=30000),), records=(record("n1"),))
    assert find_spare_memory(seen, "a", SMALL) == SMALL.memory_mb
    assert find_spare_memory(seen, "a", BIG) == 30000


def test_a_shape_that_is_not_known_is_as_expected():
    seen = world(jobs=(job(1, smp(8)),), records=(record("n1", Phase.BOOTING),))
    assert ordered(allocate(with_shapes(seen))) == []


def test_the_remembered_shape_stays_while_nobody_of_that_type_serves():
    kept = {"a": ResourceMemory(shape=Shape(7, 15900))}
    seen = world(resources=kept, listed=(Instance("i-9", "n9", "a", InstanceState.ACTIVE),))
    after = track(replace(seen.snapshot, batch=Reading(seen.batch, seen.now, 3)), seen.settings, seen.memory, seen.now)
    assert after.resource("a").shape == Shape(7, 15900)
