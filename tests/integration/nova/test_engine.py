"""The engine over the real stack: each trouble has its own reaction, jobs run all the same, and nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.nova import Nova
from saltext.dynamiccluster.model import Chunk, Phase, Request
from saltext.dynamiccluster.policy.track import LISTING_GRACE
from saltext.dynamiccluster.settings import Settings

from .engine import RESOURCE, NovaWorld, settings

pytestmark = pytest.mark.integration
WHOLE_NODE = Request(chunks=(Chunk(1, 2),))
Start = Callable[[Settings], NovaWorld]


@pytest.fixture
def start(nova: Nova, tmp_path: Path) -> Iterator[Start]:
    worlds: list[NovaWorld] = []

    def make(given: Settings) -> NovaWorld:
        worlds.append(NovaWorld(nova, given, tmp_path / "journal"))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


def await_(world: NovaWorld, seconds: float, until: Callable[[], bool]) -> None:
    assert world.run(seconds, until), world.describe()


def serving(world: NovaWorld) -> list[str]:
    return [name for name, node in world.core.memory.nodes.items() if node.phase is Phase.SERVING]


def test_quota_in_the_middle_of_a_batch_stops_launches_until_something_is_freed(nova, start):
    nova.set_quota(instances=2)
    world = start(settings(nova, 4))
    world.submit(4, WHOLE_NODE, duration=4.0)
    await_(world, 120, lambda: len(serving(world)) == 2)
    backoff = world.core.memory.resource(RESOURCE).backoff
    assert backoff is not None and "quota" in f"{backoff.kind} {backoff.reason}".lower()
    await_(world, 180, world.empty)
    assert {job.ended for job in world.batch.jobs.values()} == {"done"}
    # The race that Nova loses itself leaves a server in ERROR at most for a moment.
    assert world.most_servers <= 4


def test_servers_that_cannot_be_spawned_are_cleaned_up(nova, start):
    nova.knobs(spawn_failure="abort")
    world = start(settings(nova, 2))
    world.submit(1, WHOLE_NODE)
    await_(world, 90, lambda: any(event.tag.endswith("/failed") for event in world.events.events))
    await_(world, 90, lambda: not nova.servers("hpc"))
    assert world.most_servers <= 2 and not serving(world)


def test_a_server_deleted_behind_our_back_is_replaced_and_foreign_ones_are_not_touched(nova, start):
    foreign = nova.make_server("burst-aaaaaa", nova.stranger)
    world = start(settings(nova, 2))
    (job,) = world.submit(1, WHOLE_NODE, duration=1000.0, rerunnable=True)
    await_(world, 120, lambda: bool(world.batch.running()))
    for _ in range(4):  # a young server may be missing for a while; this one is not young
        world.ahead += LISTING_GRACE / 3
        world.step()
    (lost,) = world.known
    nova.lose(lost)
    await_(world, 120, lambda: job.runs == 2)
    job.duration = 1.0
    await_(world, 120, world.empty)
    assert job.ended == "done"
    assert [one.id for one in nova.servers()] == [foreign.id]


def test_nova_down_neither_launches_nor_removes_and_goes_on_afterwards(nova, start):
    world = start(settings(nova, 2))
    world.submit(2, WHOLE_NODE, duration=1000.0)
    await_(world, 120, lambda: len(world.batch.running()) == 2)
    before = dict(world.core.memory.nodes)
    with nova.down("nova"):
        world.submit(1, WHOLE_NODE, duration=1.0)
        world.run(4)
        assert set(world.core.memory.nodes) == set(before) and len(world.batch.running()) == 2
    for job in world.batch.jobs.values():
        job.duration = 1.0
    await_(world, 180, world.empty)
