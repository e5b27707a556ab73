"""The last look before an act that cannot be taken back."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.clouds.ownership import INTENT, owner_tags
from saltext.dynamiccluster.errors import BatchRefused
from saltext.dynamiccluster.model import Chunk, HoldBy, Request
from saltext.dynamiccluster.policy.plan import Act
from saltext.dynamiccluster.sim.world import World, make_settings

WHOLE_NODE = Request(chunks=(Chunk(cores=4),))
ONE = {"cloud1": {"quantity": {"min": 0, "max": 1}}}


@pytest.fixture
def world(tmp_path) -> World:
    return World(make_settings(ONE, max_idle_time=1000, max_launch_time=300), tmp_path / "journal")


def decided(world: World, act: Act):
    [action] = [action for action in world.core.decide() if action.act is act]
    return action


def test_machine_found_after_the_decision_is_one_too_many_to_launch(world):
    """Its like was forgotten, or somebody made it with our tags: the maximum counts what there is."""
    world.submit(1, WHOLE_NODE)
    world.run(30, lambda: bool(world.core.memory.nodes))
    launch = decided(world, Act.LAUNCH)
    world.account.make({**owner_tags("default", "cloud1"), "Name": "found", INTENT: "another"})
    world.core.see_cloud("cloud1")
    assert world.core.carry_out(launch) is False
    assert world.account.launches == 0


def test_jobs_are_left_alone_when_their_machine_is_listed_after_all(world):
    job = world.submit(1, WHOLE_NODE, 1000.0)[0]
    assert world.run(300, lambda: bool(world.batch.running())), world.describe()
    [machine] = world.account.living()
    world.account.stop(machine.id)
    world.batch.hosts[machine.tags["Name"]].up = False
    world.core.see_cloud("cloud1")
    world.core.see_batch()
    world.core.decide()
    clear = decided(world, Act.CLEAR)
    machine.stopped = False
    world.core.see_cloud("cloud1")
    assert world.core.carry_out(clear) is False
    assert job.taken and not job.ended


def test_node_that_an_administrator_disabled_meanwhile_is_not_let_in(world):
    world.batch.troubles["unhold"] = [BatchRefused("not now")]
    world.submit(1, WHOLE_NODE)
    assert world.run(300, lambda: any("not now" in record.failed for record in world.core.memory.nodes.values())), world.describe()
    world.clock.advance(60)
    world.core.see_batch()
    release = decided(world, Act.RELEASE)
    host = world.batch.hosts[release.node]
    host.hold = HoldBy.ADMINISTRATOR
    world.core.see_batch()
    assert world.core.carry_out(release) is False
    assert host.hold is HoldBy.ADMINISTRATOR
