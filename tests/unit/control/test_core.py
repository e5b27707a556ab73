"""The one writer: what may begin beside what is under way, and what becomes of a decision that cannot be written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.model import Notice, NoticeKind, Phase
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


# -- what a node hears of its machine ---------------------------------------------------------------------------------


def serving(world: World) -> str:
    world.command("add", resource="cloud1", num=1)
    world.run(300, lambda: any(node.phase is Phase.SERVING for node in world.core.memory.nodes.values()))
    return next(iter(world.core.memory.nodes))


def interruption(text: str = "terminate at 12:00") -> Notice:
    return Notice(NoticeKind.INTERRUPTION, text, due=2e9)


def test_notice_is_remembered_told_once_and_kept_over_a_restart(world):
    name = serving(world)
    assert world.core.hear(interruption(), node=name)
    assert not world.core.hear(interruption("again"), node=name)
    [event] = [event for event in world.events.events if event.tag.endswith("/noticed")]
    assert (event.data["kind"], event.data["due"]) == ("interruption", 2e9) and "takes the machine back" in event.data["reason"]
    assert [entry.node for entry in world.core.ledger.history(limit=5) if "takes the machine back" in entry.text] == [name]
    world.restart()
    assert world.core.memory.nodes[name].notice.kind is NoticeKind.INTERRUPTION


@pytest.mark.parametrize(("node", "instance"), [("nobody", ""), ("", ""), (None, "i-another")])
def test_notice_counts_only_for_the_node_whose_minion_and_machine_it_names(world, node, instance):
    name = serving(world)
    assert not world.core.hear(interruption(), node=name if node is None else node, instance=instance)
    assert world.core.memory.nodes[name].notice is None


def test_minion_that_bears_its_machines_id_is_known_as_well(world):
    name = serving(world)
    record = world.core.memory.nodes[name]
    assert world.core.hear(interruption(), node=record.instance_id, instance=record.instance_id)


def test_interrupted_node_gives_its_jobs_back_and_another_machine_runs_them(world):
    [again], [stays] = world.submit(rerunnable=True, duration=400), world.submit(duration=400)
    world.run(300, lambda: bool(again.taken and stays.taken))
    [name] = again.taken
    world.core.hear(interruption(), node=name)
    world.run(30)
    assert not again.taken and stays.taken == {name: 1}
    world.run(120, lambda: bool(again.taken))
    assert again.taken and name not in again.taken
    world.account.end(next(m.id for m in world.account.living() if m.tags["Name"] == name))
    world.run(600, lambda: again.ended == "done")
    assert (again.ended, again.runs, stays.ended) == ("done", 2, "lost")
    assert name not in world.core.memory.nodes and world.harmed == []


def ordered_within(world: World, seconds: float) -> bool:
    return world.run(seconds, lambda: bool(world.core.memory.nodes))


def test_nothing_is_ordered_for_a_while_after_the_journal_was_lost_not_even_after_another_start(world):
    world.command("auto", enabled=True)
    world.restart(lose_journal=True)
    world.submit(1)
    assert not ordered_within(world, 100)
    world.restart()
    assert not ordered_within(world, 170)
    assert ordered_within(world, 60)
    world.restart()
    assert world.core.waiting == ""


def test_clock_that_jumps_does_not_shorten_the_wait_after_a_lost_journal(world):
    world.command("auto", enabled=True)
    world.restart(lose_journal=True)
    world.submit(1)
    world.run(20)
    world.clock.advance(1000)
    assert not ordered_within(world, 100)
    assert ordered_within(world, 200)
