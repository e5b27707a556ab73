"""A cloud that takes every order and then has no quota or no host for it: the resource waits, and one machine tries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.model import Chunk, InstanceState, Phase, Request
from saltext.dynamiccluster.policy import reasons
from saltext.dynamiccluster.sim.world import World, make_settings

WHOLE_NODE = Request(chunks=(Chunk(cores=4),))


@pytest.fixture
def make(tmp_path):
    def make_world(*names: str) -> World:
        resources = {name: {"priority": number} for number, name in enumerate(names, 1)}
        return World(make_settings(resources, max_idle_time=60, max_launch_time=3600), tmp_path / "journal")

    return make_world


@pytest.fixture
def world(make) -> World:
    return make("cloud1", "cloud2")


def refuse_belatedly(world: World, kind: Refusal, name: str = "cloud1") -> None:
    """Have the cloud say of the machines that break why that was."""
    cloud = world.clouds[name]
    listed = cloud.list

    def tell():
        return tuple(
            replace(one, refusal=kind.value, detail=f"ERROR: {kind.value}") if one.state is InstanceState.ERROR else one for one in listed()
        )

    cloud.list = tell


def launches(world: World, name: str = "cloud1") -> int:
    return sum(call == "launch" for call, _ in world.clouds[name].calls)


def backoff(world: World, name: str = "cloud1"):
    return world.core.memory.resource(name).backoff


@pytest.mark.parametrize("kind", [Refusal.QUOTA, Refusal.NO_CAPACITY])
def test_the_resource_waits_by_the_kind_and_the_jobs_go_elsewhere(world, kind):
    refuse_belatedly(world, kind)
    world.account.broken_next = 4
    world.submit(4, WHOLE_NODE, 600.0)
    assert world.run(300, lambda: backoff(world) is not None), world.describe()
    assert (backoff(world).kind, backoff(world).belated) == (kind.value, True)
    assert world.core.memory.resource("cloud1").failures == 0
    assert "and then refused it" in backoff(world).reason
    asked = launches(world)
    assert world.run(290, lambda: launches(world, "cloud2") == 4), world.describe()
    assert launches(world) == asked


def test_the_end_of_a_refused_machine_frees_nothing(world):
    refuse_belatedly(world, Refusal.QUOTA)
    world.account.broken_next = 2
    world.submit(2, WHOLE_NODE, 600.0)
    assert world.run(300, lambda: backoff(world) is not None), world.describe()
    until = backoff(world).until
    assert world.run(120, lambda: not any(one.leaving_for.startswith(reasons.REFUSED) for one in world.core.memory.nodes.values()))
    assert backoff(world).until == until


def test_after_the_wait_one_machine_tries_and_only_one_that_runs_lifts_the_back_off(make):
    world = make("cloud1")
    refuse_belatedly(world, Refusal.NO_CAPACITY)
    world.account.broken_next = 9
    world.submit(4, WHOLE_NODE, 600.0)
    assert world.run(400, lambda: backoff(world) is not None), world.describe()
    world.account.broken_next = 1
    before = launches(world)
    assert world.run(2000, lambda: backoff(world).step == 2), world.describe()
    assert launches(world) == before + 1
    assert world.run(4000, lambda: backoff(world) is None), world.describe()
    assert world.run(600, lambda: sum(one.phase is Phase.SERVING for one in world.core.memory.nodes.values()) >= 4), world.describe()


def test_a_failure_that_concerns_one_machine_holds_back_only_that(make):
    world = make("cloud1")
    cloud, first = world.clouds["cloud1"], []
    launch = cloud.launch

    def launch_others(order):
        first.append(order.intent)
        if order.intent == first[0]:
            raise CloudError("resource cloud1: its answer was lost", Refusal.UNREACHABLE, certain=False, alone=True)
        return launch(order)

    cloud.launch = launch_others
    world.submit(3, WHOLE_NODE, 600.0)
    assert world.run(200, lambda: launches(world) == 2), world.describe()
    assert backoff(world) is None
    assert sum(intent == first[0] for intent in first) < 10
