"""The one writer: what may begin beside what is under way, and what becomes of a decision that cannot be written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.model import Phase
from saltext.dynamiccluster.policy.memory import Backoff
from saltext.dynamiccluster.policy.plan import Act
from saltext.dynamiccluster.sim.world import World, make_settings


@pytest.fixture
def world(tmp_path) -> World:
    world = World(make_settings(max_idle_time=100_000), tmp_path / "journal")
    world.run(10)
    return world


def begun(world: World) -> list[Act]:
    return [action.act for action in world.core.decide()]


def test_nothing_begins_at_a_node_while_something_is_under_way_there(world):
    world.command("add", resource="cloud1", num=2)
    assert begun(world) == []  # the intents are written, nothing is called yet
    assert begun(world) == [Act.LAUNCH, Act.LAUNCH]
    assert begun(world) == []


def test_after_a_back_off_one_launch_tries_whether_the_trouble_is_over(world):
    core = world.core
    over = Backoff(world.clock.now() - 1, "throttled", "slow down")
    core.ledger.update(lambda memory: memory.with_resource("cloud1", replace(memory.resource("cloud1"), backoff=over)))
    world.command("add", resource="cloud1", num=3)
    begun(world)
    assert begun(world) == [Act.LAUNCH]
    assert begun(world) == []


def test_reading_that_was_begun_with_other_settings_is_dropped(world):
    core, real = world.core, world.batch.observe
    world.batch.observe = lambda: (core.use(replace(core.parts)), real())[1]
    before = core.snapshot.batch.serial
    core.see_batch()
    assert core.snapshot.batch.serial == before
    world.batch.observe = real
    core.see_batch()
    assert core.snapshot.batch.serial == before + 1


def test_orders_that_cannot_be_written_are_not_given_and_stay_wanted(world):
    world.command("add", resource="cloud1", num=2)
    journal = world.core.ledger._journal
    write, journal._write = journal._write, lambda *args: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    begun(world)
    assert world.core.memory.nodes == {} and world.core.memory.resource("cloud1").wanted == 2
    journal._write = write
    begun(world)
    assert [record.phase for record in world.core.memory.nodes.values()] == [Phase.ASKED] * 2
    assert world.core.memory.resource("cloud1").wanted == 0
