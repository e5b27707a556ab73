"""The predecessor's failures that concern the loop, acting, restarts and persistence, each in the simulated world."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from saltext.dynamiccluster.control.present import Status, present
from saltext.dynamiccluster.errors import BatchRefused, ConfigurationError, Fault, HostHasJobs, NameUnresolvable, Refusal
from saltext.dynamiccluster.model import Chunk, HoldBy, Phase, Request, ResourceFlag
from saltext.dynamiccluster.policy.plan import Act
from saltext.dynamiccluster.sim.world import World, make_settings

WHOLE_NODE = Request(chunks=(Chunk(cores=4),))


@pytest.fixture
def make(tmp_path):
    def make_world(resources=None, **general) -> World:
        return World(make_settings(resources, **{"max_idle_time": 60, "max_launch_time": 300, **general}), tmp_path / "journal")

    return make_world


def serving(world: World, count: int = 1) -> bool:
    return sum(record.phase is Phase.SERVING for record in world.core.memory.nodes.values()) == count


def texts(world: World) -> list[str]:
    return [entry.text for entry in world.core.ledger.history(limit=1000)]


def launches(world: World, name: str = "cloud1") -> int:
    return sum(call == "launch" for call, _ in world.clouds[name].calls)


# -- failures of clouds -----------------------------------------------------------------------------------------------


def test_s11_missing_user_data_file_is_told_and_stops_nothing_else(make):
    world = make({"broken": {"priority": 1}, "fine": {"priority": 2}})
    render, fault = world.core.parts.render, Fault("dynamiccluster:cloud:broken:config:userdata_file", "there is no file /x")

    def fail(record, token):
        if record.resource == "broken":
            raise ConfigurationError((fault,))
        return render(record, token)

    world.core.parts = replace(world.core.parts, render=fail)
    world.submit(1, WHOLE_NODE)
    assert world.run(600, world.done), world.describe()
    backoff = world.core.memory.resource("broken").backoff
    assert backoff.kind == "bad request" and "there is no file /x" in backoff.reason
    assert launches(world, "broken") == 0
    assert any(str(fault) in problem for problem in present(world.core, Status("", 0.0))["problems"])


@pytest.mark.parametrize("error", [OSError("socket reset"), KeyError("PTR"), RecursionError()])
def test_s13_any_exception_in_a_call_frees_the_node_for_the_next_try(make, error):
    world = make()
    cloud = world.clouds["cloud1"]
    real, cloud.launch = cloud.launch, lambda order: (_ for _ in ()).throw(error)
    world.submit(1, WHOLE_NODE)
    world.run(60)
    assert world.core.failures > 0 and any("unforeseen" in text for text in texts(world))
    cloud.launch = real
    (name,) = world.core.memory.nodes
    assert world.run(250, world.done), world.describe()
    assert world.account.launches == 1 and list(world.core.memory.nodes) == [name]


def test_s14_resource_with_a_failing_cloud_does_not_stop_another(make):
    world = make({"bad": {"priority": 1, "quantity": {"min": 2, "max": 4}}, "good": {"priority": 2}})
    world.clouds["bad"].troubles.refuse("launch", Refusal.FAILED, times=None)
    world.submit(2, WHOLE_NODE)
    assert world.run(600, world.done), world.describe()
    assert launches(world, "bad") < 30


def test_s26_failing_launches_are_spaced_and_recover(make):
    world = make(auto_provision_interval=5, batch_window=0)
    world.clouds["cloud1"].troubles.refuse("launch", Refusal.UNREACHABLE, times=None)
    world.submit(1, WHOLE_NODE)
    world.run(600)
    assert 2 <= launches(world) <= 7  # 10, 20, 40 ... s apart, however often it is decided
    world.clouds["cloud1"].troubles.mend("launch")
    assert world.run(900, world.done), world.describe()
    tags = [tag.rsplit("/", 1)[-1] for tag in world.events.tags() if "/resource/" in tag]
    assert tags == ["backoff", "recovered"]


def test_lost_reply_is_asked_again_with_the_same_words_and_makes_one_machine(make):
    world = make()
    world.account.lag = 100.0  # the listing does not tell it either
    world.clouds["cloud1"].troubles.lose_reply("launch", times=2)
    world.submit(1, WHOLE_NODE)
    assert world.run(600, world.done), world.describe()
    assert world.account.launches == 1 and launches(world) == 3


def test_quota_stops_the_resource_until_something_is_freed(make):
    world = make(max_idle_time=100_000)
    world.account.quota = 2
    world.submit(4, WHOLE_NODE, 2000.0)
    assert world.run(300, lambda: serving(world, 2)), world.describe()
    world.run(120)
    tries = launches(world)
    assert tries <= 4 and world.core.memory.resource("cloud1").backoff.kind == "quota"
    victim = next(iter(world.core.memory.nodes))
    world.command("remove", node=victim, force=True)
    assert world.run(400, lambda: launches(world) > tries and serving(world, 2)), world.describe()


def test_throttled_launch_keeps_its_order(make):
    world = make()
    world.clouds["cloud1"].troubles.refuse("launch", Refusal.THROTTLED, times=2)
    world.submit(1, WHOLE_NODE)
    world.run(20)
    name = next(iter(world.core.memory.nodes))
    assert world.run(300, lambda: serving(world)), world.describe()
    assert list(world.core.memory.nodes) == [name] and len(world.core.memory.launches) == 1


def test_dropped_order_does_not_use_up_the_launches_of_an_hour(make):
    world = make(limits={"max_launches_per_hour": 2})
    world.clouds["cloud1"].troubles.refuse("launch", Refusal.NO_CAPACITY, times=3)
    world.submit(1, WHOLE_NODE)
    assert world.run(3000, world.done), world.describe()
    assert len(world.core.memory.launches) == 1


def test_adopt_what_the_cloud_does_not_have_is_told_and_given_up(make):
    world = make()
    assert world.command("adopt", resource="cloud1", instance="i-nosuch")["ok"]
    world.run(30)
    assert world.core.memory.resource("cloud1").adopting == ()
    assert any("there is no machine i-nosuch" in text for text in texts(world))


def test_the_cloud_is_asked_once_for_an_adoption_although_decisions_come_sooner_than_the_next_listing(make):
    world = make()
    world.run(10)
    machine = world.account.make({"Name": "by-hand"}, user_data="")
    world.command("adopt", resource="cloud1", instance=machine.id)
    begun = [action.act for _ in range(5) for action in world.core.decide() if world.core.carry_out(action)]
    assert begun.count(Act.ADOPT) == 1


def test_adopted_machine_becomes_a_node(make):
    world = make(max_idle_time=100_000)
    world.run(10)
    machine = world.account.make({"Name": "by-hand"}, user_data="")
    world.minions.keys.add("by-hand")
    assert world.command("adopt", resource="cloud1", instance=machine.id)["ok"]
    assert world.run(300, lambda: serving(world)), world.describe()
    assert world.account.launches == 0


# -- the batch system ---------------------------------------------------------------------------------------------------


def test_s24_host_that_cannot_be_registered_is_given_up_and_another_is_launched(make):
    world = make(max_launch_time=120)
    world.batch.troubles["join"] = [BatchRefused("denied: host is no admin host")] * 4
    world.submit(1, WHOLE_NODE)
    assert world.run(1200, world.done), world.describe()
    why = [event.data["reason"] for event in world.events.events if event.tag.endswith("/failed")]
    assert len(why) == 1 and "denied: host is no admin host" in why[0]
    assert world.harmed == [] and world.run(600, world.settled), world.describe()


def test_defect_unresolvable_name_is_not_asked_again_at_once(make):
    world = make()
    world.stride = 1.0
    world.batch.troubles["join"] = [NameUnresolvable("can't resolve hostname")] * 2
    world.submit(1, WHOLE_NODE)
    assert world.run(300, lambda: serving(world)), world.describe()
    times = [entry.at for entry in world.core.ledger.history(limit=100) if entry.text.startswith("join")]
    assert len(times) == 3 and all(late - early >= 10 for late, early in zip(times, times[1:], strict=False))


def test_host_that_still_lists_jobs_goes_back_to_holding(make):
    world = make(max_idle_time=10)
    world.submit(1, WHOLE_NODE, 10.0)
    world.batch.troubles["remove"] = [HostHasJobs("denied: host has running jobs")]
    refused = lambda: any("host has running jobs" in text for text in texts(world))  # noqa: E731
    assert world.run(600, refused), world.describe()
    assert [record.phase for record in world.core.memory.nodes.values()] == [Phase.DRAINING]
    assert world.run(300, world.settled), world.describe()


def test_s23_lost_machine_jobs_are_requeued_or_reported_and_the_host_removed(make):
    world = make()
    again, lost = world.submit(1, WHOLE_NODE, 500.0, rerunnable=True)[0], world.submit(1, WHOLE_NODE, 500.0)[0]
    assert world.run(300, lambda: len(world.batch.running()) == 2), world.describe()
    for machine in world.account.living():
        world.account.end(machine.id)
    assert world.run(120, lambda: not world.batch.hosts), world.describe()
    assert lost.ended == "lost" and again.ended == ""
    assert any(f"lost jobs: {lost.id}" in text for text in texts(world))
    assert world.run(1500, world.done) and again.ended == "done"


def test_s23_vacate_ends_the_jobs_and_unhold_lets_new_ones_in(make):
    world = make(max_idle_time=100_000)
    job = world.submit(1, WHOLE_NODE, 5000.0)[0]
    assert world.run(300, world.batch.running), world.describe()
    name = next(iter(world.core.memory.nodes))
    assert world.command("vacate", node=name)["ok"]
    assert world.run(60, lambda: job.ended == "vacated"), world.describe()
    assert world.batch.hosts[name].hold is HoldBy.US
    assert world.command("unhold", node=name)["ok"]
    assert world.run(60, lambda: world.batch.hosts[name].hold is HoldBy.NOBODY), world.describe()


def test_defect_batch_system_down_keeps_everything_as_it_is(make):
    world = make(max_idle_time=10)
    world.submit(2, WHOLE_NODE, 30.0)
    assert world.run(300, lambda: serving(world, 2)), world.describe()
    world.batch.down = True
    calls = len(world.wire.passed)
    world.run(1000)
    changes = [label for label in world.wire.passed[calls:] if label != "journal"]
    assert changes == [] and len(world.account.living()) == 2
    world.batch.down = False
    assert world.run(600, world.settled), world.describe()


# -- restarts and persistence ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lose_journal", [False, True])
def test_s9_restart_while_qmaster_is_down(make, lose_journal):
    world = make(max_idle_time=10)
    job = world.submit(1, WHOLE_NODE, 2000.0)[0]
    assert world.run(300, world.batch.running), world.describe()
    world.batch.down = True
    world.restart(lose_journal=lose_journal)
    world.run(1200)
    assert len(world.account.living()) == 1 and world.harmed == [] and job.taken
    world.batch.down = False
    assert world.run(2500, world.settled), world.describe()
    assert job.ended == "done" and world.account.launches == 1


def test_s10_restart_with_a_machine_that_is_still_being_configured(make):
    world = make()
    world.minions.highstate = 60.0
    world.submit(1, WHOLE_NODE, 10.0)
    assert world.run(300, lambda: any(r.phase is Phase.CONFIGURING for r in world.core.memory.nodes.values()))
    world.restart(lose_journal=True)
    assert world.run(600, world.done), world.describe()
    assert world.account.launches == 1 and world.events.tags("/orphaned")


@pytest.mark.parametrize("lose_journal", [False, True])
def test_defect_decisions_of_an_administrator_survive_a_restart(make, lose_journal):
    world = make(max_idle_time=100_000)
    world.command("add", resource="cloud1")
    assert world.run(300, lambda: serving(world)), world.describe()
    name = next(iter(world.core.memory.nodes))
    world.command("hold", node=name)
    world.command("freeze", resource="cloud1")
    world.command("auto", enabled=False)
    world.run(30)
    world.restart(lose_journal=lose_journal)
    world.run(60)
    memory = world.core.memory
    assert memory.auto is False and memory.resource("cloud1").flag is ResourceFlag.FROZEN
    assert memory.nodes[name].held_for == "held by an administrator (root)"
    assert world.batch.hosts[name].hold is HoldBy.US


def test_lost_journal_is_told_and_orders_wait_until_every_machine_is_surely_listed(make):
    world = make()
    world.run(10)
    world.restart(lose_journal=True)
    world.submit(1, WHOLE_NODE)
    world.run(120)
    assert world.account.launches == 0
    assert any("the journal was lost" in problem for problem in present(world.core, Status("", 0.0))["problems"])
    assert world.run(300, world.done), world.describe()


def test_new_installation_waits_for_nothing(make):
    world = make()
    world.submit(1, WHOLE_NODE)
    assert world.run(30, lambda: world.account.launches == 1), world.describe()


def test_restart_repeats_no_event(make):
    world = make(max_idle_time=100_000)
    world.submit(1, WHOLE_NODE, 1000.0)
    assert world.run(300, world.batch.running)
    world.run(20)
    before = len(world.events.events)
    world.restart()
    world.run(60)
    assert world.events.events[before:] == []


def test_defect_full_disk_begins_nothing_new_and_goes_on_by_itself(make):
    world = make()
    world.run(10)
    journal = world.core.ledger._journal
    write, journal._write = journal._write, lambda *args: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    world.submit(1, WHOLE_NODE)
    world.run(300)
    assert launches(world) == 0 and not [label for label in world.wire.passed if label != "journal"]
    assert "No space left" in " ".join(present(world.core, Status("", 0.0))["problems"])
    assert world.events.tags("engine/degraded")
    journal._write = write
    assert world.run(300, world.done), world.describe()
    assert world.account.launches == 1 and world.events.tags("engine/recovered")


def test_defect_full_disk_takes_no_node_further_but_lets_jobs_run(make):
    world = make(max_idle_time=30)
    world.minions.highstate = 40.0
    job = world.submit(1, WHOLE_NODE, 10.0)[0]
    assert world.run(300, lambda: any(r.phase is Phase.CONFIGURING for r in world.core.memory.nodes.values()))
    journal = world.core.ledger._journal
    write, journal._write = journal._write, lambda *args: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    passed = len(world.wire.passed)
    assert world.run(300, lambda: job.ended == "done"), world.describe()
    world.run(300)
    assert {label for label in world.wire.passed[passed:] if label != "journal"} <= {"batch.unhold", "batch.hold", "minions.configure"}
    assert len(world.account.living()) == len(world.batch.hosts) == 1
    journal._write = write
    assert world.run(300, world.settled), world.describe()


def test_s22_each_hook_runs_once_for_each_node_whatever_fails(make, tmp_path):
    script = tmp_path / "hook.sh"
    script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/ran\nexit 3\n')
    script.chmod(0o755)
    names = ("post_vm_provision_command", "post_vm_destroy_command")
    world = make(max_idle_time=10, **{name: f"{script} {name} {{0}} {{1}} {{2}} {{3}}" for name in names})
    world.submit(1, WHOLE_NODE, 10.0)
    assert world.run(600, lambda: world.done() and world.settled()), world.describe()
    lines = [line.split() for line in (tmp_path / "ran").read_text().splitlines()]
    assert [line[0] for line in lines] == list(names)
    assert all(line[1] == line[3] and line[2].startswith("10.") and line[4] == "cloud1" for line in lines)
    assert sum("FAILED: exit status 3" in text for text in texts(world)) == 2


def test_host_name_is_asked_from_the_administrators_command(make):
    world = make(hostname={"command": "/bin/echo {1}"}, max_idle_time=100_000)
    world.submit(1, WHOLE_NODE)
    assert world.run(300, world.done), world.describe()
    assert [record.hostname for record in world.core.memory.nodes.values()] == list(world.core.memory.nodes)


# -- secrets --------------------------------------------------------------------------------------------------------------


def test_token_is_nowhere_but_in_the_journal(make):
    world = make()
    world.submit(1, WHOLE_NODE, 10.0)
    tokens, documents = set(), []
    for _ in range(40):
        world.step()
        tokens |= set(world.minions.expected.values())
        documents.append(json.dumps(present(world.core, Status("", 0.0))) + repr(world.core.memory))
    said = repr([(event.tag, event.data) for event in world.events.events]) + "".join(texts(world)) + "".join(documents)
    assert tokens and not [token for token in tokens if token in said]
