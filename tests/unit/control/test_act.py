"""What carrying out an action leaves behind: when the node was changed, what is spent, what the batch system was told."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.model import Chunk, Phase, Request
from saltext.dynamiccluster.policy.plan import Act
from saltext.dynamiccluster.sim.world import World, make_settings

WHOLE_NODE = Request(chunks=(Chunk(cores=4),))


@pytest.fixture
def world(tmp_path) -> World:
    world = World(make_settings(max_idle_time=30, max_launch_time=300), tmp_path / "journal")
    world.submit(1, WHOLE_NODE, 20.0)
    return world


def serving(world: World) -> bool:
    return [record.phase for record in world.core.memory.nodes.values()] == [Phase.SERVING]


def act(world: World, wanted: Act) -> list[bool]:
    """Decide once, without looking first, and carry out the actions of this kind."""
    return [world.core.carry_out(action) for action in world.core.decide() if action.act is wanted]


def test_what_was_changed_is_not_changed_again_before_it_was_looked_at(world):
    assert world.run(300, lambda: serving(world) and world.done()), world.describe()
    (name,) = world.core.memory.nodes
    world.core.see_batch()
    world.command("hold", node=name)
    assert act(world, Act.HOLD) == [True]
    assert act(world, Act.HOLD) == []
    assert world.core.memory.nodes[name].batch_acted_at == world.clock.now()


def test_a_machine_is_ended_once_for_each_listing(world):
    assert world.run(600, lambda: any(r.phase is Phase.DESTROYING for r in world.core.memory.nodes.values())), world.describe()
    calls = [call for call, _ in world.clouds["cloud1"].calls].count("destroy")
    for _ in range(5):
        act(world, Act.DESTROY)
    assert [call for call, _ in world.clouds["cloud1"].calls].count("destroy") <= max(calls, 1)


def test_token_and_user_data_are_gone_from_the_journal_once_the_node_serves(world):
    assert world.run(60, lambda: bool(world.account.living())), world.describe()
    (name,) = world.core.memory.nodes
    assert world.core.ledger.order(name).token
    assert world.run(300, lambda: serving(world)), world.describe()
    assert world.core.ledger.order(name) is None


@pytest.mark.parametrize("ends", [False, True])
def test_only_a_host_whose_machine_has_ended_is_removed_as_gone(world, ends):
    told, remove = [], world.batch.remove
    world.batch.remove = lambda hostname, *, gone=False: (told.append(gone), remove(hostname, gone=gone))[1]
    assert world.run(300, lambda: serving(world)), world.describe()
    if ends:
        world.account.end(world.account.living()[0].id)
        world.run(30)
    assert world.run(900, world.settled), world.describe()
    assert told and told[0] is ends
