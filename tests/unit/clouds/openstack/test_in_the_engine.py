"""The adapter under the engine's own core, on virtual time: every trouble of the small OpenStack ends with all jobs done and nothing left."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from saltext.dynamiccluster.clouds.openstack import OpenStack, Timeouts
from saltext.dynamiccluster.clouds.openstack.room import Room
from saltext.dynamiccluster.errors import Refusal
from saltext.dynamiccluster.model import Chunk, Request, Shape
from saltext.dynamiccluster.sim.cloud import Machine
from saltext.dynamiccluster.sim.world import World, make_settings
from tests.unit.clouds.openstack.fake_cloud import IMAGE, PASSWORD
from tests.unit.clouds.openstack.fake_http import FakeOpenStack

WHOLE_NODE = Request(chunks=(Chunk(cores=2),))
SHAPE = Shape(2, 4096)


class NovaWorld(World):
    """A world whose machines are the small OpenStack's servers."""

    def __init__(self, fake: FakeOpenStack, directory: Path, settle: float, **general: object):
        self.fake, self.settle = fake, settle
        config = {
            "auth_url": fake.auth_url, "username": "hpc", "password": PASSWORD, "project": "cluster", "image_uuid": IMAGE, "flavor": "m1.small",
            "instance_name_prefix": "os-",
        }
        general = {"max_idle_time": 60, "max_launch_time": 900, "auto_provision_interval": 20, **general}
        super().__init__(make_settings({"private": {"type": "openstack", "config": config}}, **general), directory, shape=SHAPE)

    def prepare(self) -> None:
        timeouts = Timeouts(call=60.0, settle=self.settle)
        self.clouds = {name: OpenStack(name, self.settings.name, found.config, timeouts=timeouts) for name, found in self.settings.cloud.items()}
        for cloud in self.clouds.values():
            cloud.account = self.account
            cloud.room = Room(cloud.api, self.clock.now, self.clock.advance)

    def restart(self, **more: object) -> None:
        self.prepare()  # a new process has new adapters, which remember nothing
        super().restart(**more)

    def advance(self) -> None:
        cloud = self.fake.cloud
        cloud.advance()
        for server in cloud.servers.values():
            if server.status == "ACTIVE" and server.id not in self.account.machines:
                user_data = base64.b64decode(server.request.get("user_data") or "").decode()
                now = self.clock.now()
                taken = server.metadata.get("Name") in [one.tags.get("Name") for one in self.account.living()]
                tags = {**server.metadata, **({"Name": server.id} if taken else {})}  # the simulation tells machines apart by name
                self.account.machines[server.id] = Machine(server.id, tags, SHAPE, server.address, now, now, now, user_data)
        for id_ in set(self.account.machines) - set(cloud.servers):
            if self.account.machines[id_] in self.account.living():
                self.account.end(id_)
        super().advance()

    def settled(self, nodes: int = 0) -> bool:
        return super().settled(nodes) and len(self.fake.cloud.servers) == nodes


@pytest.fixture
def make(fake, tmp_path) -> Iterator[Callable[..., NovaWorld]]:
    made: list[NovaWorld] = []

    def make_world(settle: float = 0.0, **general: object) -> NovaWorld:
        made.append(NovaWorld(fake, tmp_path / "journal", settle, **general))
        return made[-1]

    yield make_world
    for world in made:
        world.close()


def finish(world: NovaWorld, seconds: float = 3000.0) -> None:
    """Let all jobs end and all nodes go, without harm to any job."""
    assert world.run(seconds, world.settled), world.describe()
    assert world.harmed == [] and all(job.ended == "done" for job in world.batch.jobs.values())


def test_jobs_run_and_nothing_is_left(make, fake):
    world = make()
    world.submit(3, WHOLE_NODE, 60.0)
    finish(world)
    assert fake.count("POST", "/servers") == 3


def test_s35_lost_answers_make_no_further_server(make, fake):
    world = make(settle=3600.0)
    fake.cloud.loses_answers = 2
    world.submit(3, WHOLE_NODE, 60.0)
    finish(world)
    assert fake.count("POST", "/servers") == 3


def test_s35_an_order_that_is_carried_out_late_makes_one_server_over_a_restart(make, fake):
    world = make(settle=3600.0)
    fake.cloud.swallows = 1
    world.submit(1, WHOLE_NODE, 60.0)
    assert world.run(120, lambda: bool(fake.cloud.late)), world.describe()
    world.restart()
    world.run(60)
    assert fake.count("POST", "/servers") == 1
    fake.cloud.deliver()
    finish(world)
    assert fake.count("POST", "/servers") == 1


@pytest.mark.thorough
@pytest.mark.parametrize("serving", [False, True])
def test_a_further_server_that_comes_late_is_ended_and_the_node_keeps_its_job(make, fake, serving):
    world = make(settle=0.0)
    fake.cloud.swallows = 1
    world.submit(1, WHOLE_NODE, 200.0)
    assert world.run(200, lambda: fake.count("POST", "/servers") == 2), world.describe()
    if serving:
        assert world.run(200, lambda: bool(world.batch.running())), world.describe()
    fake.cloud.deliver()
    assert world.run(60, lambda: len(fake.cloud.servers) == 1), world.describe()
    finish(world)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.thorough
def test_a_quota_reached_in_the_middle_of_a_batch_stops_until_something_is_freed(make, fake, known):
    world = make()
    fake.cloud.quota["instances"], fake.cloud.hides_limits = 2, not known
    world.submit(5, WHOLE_NODE, 60.0)
    assert world.run(300, lambda: world.core.memory.resource("private").backoff is not None), world.describe()
    assert world.core.memory.resource("private").backoff.kind == Refusal.QUOTA.value
    finish(world, 6000.0)
    assert world.core.memory.resource("private").failures == 0


@pytest.mark.thorough
def test_no_valid_host_backs_off_and_one_server_tries(make, fake):
    world = make()
    fake.cloud.full = True
    world.submit(3, WHOLE_NODE, 60.0)
    assert world.run(300, lambda: world.core.memory.resource("private").backoff is not None), world.describe()
    asked = fake.count("POST", "/servers")
    world.run(240)
    assert fake.count("POST", "/servers") == asked and not fake.cloud.servers
    fake.cloud.full = False
    finish(world)
    assert fake.count("POST", "/servers") == asked + 3


@pytest.mark.thorough
def test_deletes_that_do_not_take_are_repeated_until_the_server_is_gone(make, fake):
    world = make()
    fake.cloud.deaf_deletes = 3
    world.submit(2, WHOLE_NODE, 30.0)
    finish(world)


def test_s34_failing_listings_launch_and_remove_nothing(make, fake):
    world = make()
    world.submit(2, WHOLE_NODE, 300.0)
    assert world.run(200, lambda: len(world.batch.running()) == 2), world.describe()
    fake.always["/servers/detail"] = (500, "Unexpected API Error.")
    world.submit(2, WHOLE_NODE, 60.0)
    asked, ended = fake.count("POST", "/servers"), fake.count("DELETE", "/servers")
    world.run(200)
    assert (fake.count("POST", "/servers"), fake.count("DELETE", "/servers")) == (asked, ended)
    fake.always.clear()
    finish(world)


@pytest.mark.thorough
def test_defect_foreign_servers_are_there_afterwards(make, fake):
    world = make()
    for name in ("os-aaaaaa", "my-os-1"):
        fake.cloud.create({"server": {"name": name, "flavorRef": "1", "imageRef": IMAGE, "networks": "auto"}}, 2.9)
    world.submit(2, WHOLE_NODE, 30.0)
    assert world.run(2000, lambda: world.done() and not world.core.memory.nodes), world.describe()
    assert {one.name for one in fake.cloud.servers.values()} == {"os-aaaaaa", "my-os-1"}


@pytest.mark.thorough
def test_servers_deleted_behind_our_back_cost_no_more_than_themselves(make, fake):
    world = make()
    world.submit(2, WHOLE_NODE, 120.0, rerunnable=True)
    assert world.run(200, lambda: len(world.batch.running()) == 2), world.describe()
    del fake.cloud.servers[next(iter(fake.cloud.servers))]
    assert world.run(3000, world.settled), world.describe()
    assert all(job.ended == "done" for job in world.batch.jobs.values())
