"""Where another engine may act by now, no call leaves: not one that was decided before, not one that was just written down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from saltext.dynamiccluster.errors import NotActing
from saltext.dynamiccluster.model import Chunk, Request
from saltext.dynamiccluster.sim.world import World, make_settings

WHOLE_NODE = Request(chunks=(Chunk(cores=4),))


class Fence:
    """Lets so many checks pass, then none."""

    def __init__(self, passes: int):
        self.left = passes

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise NotActing("b acts now")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(make_settings(auto_provision_interval=1, batch_window=0, max_idle_time=30), tmp_path)
    yield made
    made.close()


def close(world: World, passes: int = 0) -> None:
    world.core.parts = replace(world.core.parts, fence=Fence(passes))


def changes(world: World) -> int:
    """Return how many calls have changed something."""
    return len(world.wire.passed)


def test_nothing_is_launched(world: World) -> None:
    world.submit(1, WHOLE_NODE)
    world.run(20)
    before = len(world.account.machines)
    close(world)
    world.submit(2, WHOLE_NODE)
    world.run(600)
    assert len(world.account.machines) == before


def test_a_launch_is_checked_again_after_its_token_was_written_down(world: World) -> None:
    close(world, passes=1)
    world.submit(1, WHOLE_NODE)
    world.run(30)
    assert not world.account.machines


@pytest.mark.parametrize("seconds", [40, 80, 120, 200])
@pytest.mark.thorough
def test_whatever_a_node_has_come_to_it_stays_there(world: World, seconds: float) -> None:
    world.submit(1, WHOLE_NODE, duration=30)
    world.run(seconds)
    hosts = {name: (host.hold, sorted(host.jobs) if hasattr(host, "jobs") else ()) for name, host in world.batch.hosts.items()}
    living = [machine.id for machine in world.account.living()]
    close(world)
    world.run(2000)
    assert [machine.id for machine in world.account.living()] == living
    assert {name: host.hold for name, host in world.batch.hosts.items()} == {name: hold for name, (hold, _) in hosts.items()}


def test_without_a_stand_by_all_of_it_happens(world: World) -> None:
    world.submit(1, WHOLE_NODE, duration=30)
    assert world.run(3000, world.settled)
    assert changes(world) > 0
