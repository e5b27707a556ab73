"""Whole clusters in virtual time, decided and acted on by the engine's own code: the predecessor's failures seen from outside."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.errors import Refusal
from saltext.dynamiccluster.model import Chunk, HoldBy, Phase, Place, Request, Reservation, Shape
from saltext.dynamiccluster.sim.batch import SimHost
from saltext.dynamiccluster.sim.world import START, World, make_settings

WHOLE_NODE = Request(chunks=(Chunk(cores=4),))


@pytest.fixture
def make(tmp_path):
    def make_world(resources=None, stride: float = 5.0, **general) -> World:
        settings = make_settings(resources, **{"max_idle_time": 60, "max_launch_time": 300, **general})
        return World(settings, tmp_path / "journal", stride=stride)

    return make_world


def phases(world: World) -> list[Phase]:
    return [record.phase for record in world.core.memory.nodes.values()]


def serving(world: World, count: int) -> bool:
    return phases(world).count(Phase.SERVING) == count


def orders(world: World) -> int:
    return sum(entry.text.startswith("order:") for entry in world.core.ledger.history(limit=1000))


def test_burst_grows_runs_and_shrinks_back_to_the_minimum(make):
    world = make({"cloud1": {"quantity": {"min": 1, "max": 6}}})
    world.submit(40, duration=120.0)
    held = world.submit(1, held=True)[0]
    done = lambda: all(job.ended for job in world.batch.jobs.values() if job is not held)  # noqa: E731
    assert world.run(1500, lambda: done() and len(world.account.living()) == len(world.batch.hosts) == 1), world.describe()
    assert world.most == 6 and world.harmed == []
    assert all(job.runs == 1 for job in world.batch.jobs.values() if job is not held) and not held.ended


def test_same_seed_same_story(make, tmp_path):
    stories = []
    for number in range(2):
        world = World(make_settings(max_idle_time=60), tmp_path / str(number))
        world.submit(9, duration=50.0)
        world.run(400)
        stories.append([(entry.at, entry.text.split(":")[0]) for entry in world.core.ledger.history(limit=1000)])
    assert stories[0] == stories[1] and len(stories[0]) > 20


def test_s1_provision_interval_spaces_the_orders(make):
    world = make(auto_provision_interval=60, max_idle_time=10_000)
    for _ in range(24):
        world.submit(1, WHOLE_NODE, 5000.0)
        world.step()
    times = {entry.at for entry in world.core.ledger.history(limit=1000) if entry.text.startswith("order:")}
    assert len(times) == 2


def test_s2_job_for_four_nodes_is_one_order_of_four_however_slow_the_cloud(make):
    world = make(auto_provision_interval=5)
    world.account.boot = 100.0
    world.submit(1, Request(chunks=(Chunk(4, 4, distinct=True),)))
    assert world.run(600, world.done), world.describe()
    assert orders(world) == world.account.launches == 4


def test_s3_minimum_is_one_order(make):
    world = make({"cloud1": {"quantity": {"min": 2, "max": 8}}}, auto_provision_interval=5)
    world.account.boot = 60.0
    world.run(300)
    assert orders(world) == 2 and serving(world, 2)


def test_s4_idle_node_that_a_job_can_use_is_supply(make):
    world = make(max_idle_time=10_000)
    world.command("add", resource="cloud1")
    assert world.run(300, lambda: serving(world, 1)), world.describe()
    schedule, world.batch.schedule = world.batch.schedule, lambda: None  # the scheduler has not run yet
    world.submit(1)
    world.run(200)
    world.batch.schedule = schedule
    assert world.run(200, world.done) and world.account.launches == 1


def test_s5_starting_node_of_one_resource_does_not_lock_another(make):
    resources = {"a": {"reservation": {"queue": "a.q"}, "priority": 1}, "b": {"reservation": {"queue": "b.q"}, "priority": 2}}
    world = make(resources, max_launch_time=5000)
    world.batch.queues = ("a.q", "b.q")
    world.account.stuck_next = 1
    world.command("add", resource="a")
    world.run(60)
    job = world.submit(1, Request(places=(Place("b.q"),)))[0]
    assert world.run(600, lambda: bool(job.ended)), world.describe()


@pytest.mark.parametrize("how", ["end", "stop", "forget", "stuck", "broken"])
def test_s6_machine_that_never_becomes_a_node_is_replaced(make, how):
    world = make(max_launch_time=120)
    world.account.stuck_next, world.account.broken_next = int(how == "stuck"), int(how == "broken")
    world.submit(1, WHOLE_NODE)
    world.run(20)
    machine = world.account.living()[0]
    if how in ("end", "stop", "forget"):
        getattr(world.account, how)(machine.id)
    assert world.run(1500, world.done), world.describe()
    assert world.run(600, world.settled), world.describe()


def test_s7_hanging_boot_ends_at_max_launch_time_whatever_the_intervals(make):
    world = make(cloud_poller_interval=5, cluster_poller_interval=10, max_launch_time=100)
    world.account.stuck_next = 1
    world.submit(1, WHOLE_NODE)
    assert world.run(200, lambda: bool(world.account.machines) and world.account.machines["sim-000001"].leaves_at is not None)
    assert world.account.machines["sim-000001"].leaves_at - START <= 130


def test_s8_four_nodes_that_vanish_at_once_are_all_removed(make):
    world = make(max_idle_time=10_000)
    world.command("add", resource="cloud1", num=4)
    assert world.run(300, lambda: serving(world, 4)), world.describe()
    for machine in world.account.living():
        world.account.end(machine.id)
    assert world.run(120, world.settled), world.describe()


def test_s15_node_that_dies_in_a_frozen_resource_is_not_replaced(make):
    world = make({"cloud1": {"quantity": {"min": 3, "max": 8}}})
    assert world.run(300, lambda: serving(world, 3)), world.describe()
    world.command("freeze", resource="cloud1")
    world.account.end(world.account.living()[0].id)
    world.run(600)
    assert world.account.launches == 3
    world.command("restore", resource="cloud1")
    assert world.run(600, lambda: serving(world, 3)), world.describe()


def test_s16_drain_takes_nodes_of_every_state_out_of_the_batch_system_first(make):
    world = make(max_idle_time=10_000, max_down_time=10_000)
    world.command("add", resource="cloud1", num=3)
    assert world.run(300, lambda: serving(world, 3)), world.describe()
    busy = world.submit(1, WHOLE_NODE, 300.0)[0]
    world.run(10)
    down = next(host for host in world.batch.hosts.values() if not world.batch.running(host.name))
    down.up = False
    world.command("add", resource="cloud1")
    world.run(10)
    world.command("drain", resource="cloud1")
    assert world.run(900, world.settled), world.describe()
    assert busy.ended == "done" and world.harmed == []
    assert world.run(60, lambda: bool(world.events.tags("resource/cloud1/drained"))), world.describe()


def test_s17_node_that_joined_and_was_never_configured_leaves_no_ghost(make):
    world = make(max_launch_time=120)
    world.minions.highstate = 100_000.0
    world.submit(1, WHOLE_NODE)
    assert world.run(120, lambda: Phase.CONFIGURING in phases(world)), world.describe()
    name = next(iter(world.core.memory.nodes))
    assert world.run(300, lambda: name not in world.core.memory.nodes), world.describe()
    assert name not in world.batch.hosts and name not in world.minions.keys


def test_failed_configuration_is_replaced_before_the_deadline(make):
    world = make()
    world.minions.fail_next = 1
    world.submit(1, WHOLE_NODE, 10.0)
    assert world.run(900, world.done), world.describe()
    assert world.account.launches == 2


def test_s18_node_that_an_administrator_disabled_is_not_destroyed(make):
    world = make(max_idle_time=30)
    world.submit(1, WHOLE_NODE, 10.0)
    assert world.run(300, world.done), world.describe()
    host = next(iter(world.batch.hosts.values()))
    host.hold = HoldBy.ADMINISTRATOR
    world.run(1000)
    assert len(world.account.living()) == 1 and host.hold is HoldBy.ADMINISTRATOR
    host.hold = HoldBy.NOBODY
    assert world.run(300, world.settled), world.describe()


def test_s25_machine_that_is_active_at_once_joins_all_the_same(make):
    world = make()
    world.account.boot = 0.0
    world.submit(1, WHOLE_NODE)
    assert world.run(300, world.done), world.describe()


def test_s29_two_orders_of_eight_with_room_for_eight(make):
    world = make(max_idle_time=10_000)
    assert world.command("add", resource="cloud1", num=8)["ok"]
    second = world.command("add", resource="cloud1", num=8)
    assert not second["ok"] and "room for 0" in second["message"]
    world.run(400)
    assert world.account.launches == world.most == 8


def test_defect_held_node_is_wanted_back_instead_of_a_new_one(make):
    world = make(max_idle_time=30)
    world.submit(1, WHOLE_NODE, 10.0)
    assert world.run(300, world.done), world.describe()
    assert world.run(200, lambda: Phase.DRAINING in phases(world)), world.describe()
    world.submit(1, WHOLE_NODE, 10.0)
    assert world.run(100, world.done), world.describe()
    assert world.account.launches == 1


def test_defect_daemon_down_with_a_job_on_a_running_machine_is_left_alone(make):
    world = make(max_down_time=60)
    job = world.submit(1, WHOLE_NODE, 5000.0)[0]
    assert world.run(300, lambda: bool(job.taken)), world.describe()
    world.batch.hosts[next(iter(job.taken))].up = False
    world.run(1000)
    assert len(world.account.living()) == 1 and job.taken and world.harmed == []
    assert world.events.tags("/error")


def test_defect_physical_node_is_never_touched(make):
    world = make(max_idle_time=10, max_down_time=10)
    world.batch.hosts["iron"] = SimHost("iron", Shape(2), Reservation(), ("all.q",), HoldBy.NOBODY, False)
    world.run(600)
    assert "iron" in world.batch.hosts and not [label for label in world.wire.passed if label != "journal"]


def test_listing_that_stops_early_loses_no_machine(make):
    world = make(max_idle_time=10_000)
    world.command("add", resource="cloud1", num=4)
    assert world.run(300, lambda: serving(world, 4)), world.describe()
    world.clouds["cloud1"].troubles.truncate_list = 1
    world.run(1000)
    assert serving(world, 4) and world.account.launches == 4


def test_cloud_that_refuses_every_call_changes_nothing_for_running_jobs(make):
    world = make(max_idle_time=30)
    job = world.submit(1, WHOLE_NODE, 600.0)[0]
    assert world.run(300, lambda: bool(job.taken)), world.describe()
    for operation in ("list", "get", "destroy", "launch", "shape"):
        world.clouds["cloud1"].troubles.refuse(operation, Refusal.UNAUTHORISED, times=None)
    assert world.run(1000, lambda: job.ended == "done"), world.describe()
    assert world.harmed == [] and len(world.account.living()) == 1
    for operation in ("list", "get", "destroy", "launch", "shape"):
        world.clouds["cloud1"].troubles.mend(operation)
    assert world.run(1500, world.settled), world.describe()
