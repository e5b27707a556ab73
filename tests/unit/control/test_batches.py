"""Many nodes with one call: whatever happens in between, each gets one machine at most, and none is forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster import intents
from saltext.dynamiccluster.control.batches import is_under_way
from saltext.dynamiccluster.control.lifecycle import is_moot
from saltext.dynamiccluster.errors import Refusal
from saltext.dynamiccluster.model import Chunk, NodeRecord, Phase, Request
from saltext.dynamiccluster.policy.plan import Act, Action
from saltext.dynamiccluster.sim.kill import EngineKilled, Wire
from saltext.dynamiccluster.sim.minions import MARK
from saltext.dynamiccluster.sim.world import World, make_settings

WHOLE_NODE = Request(chunks=(Chunk(cores=4),))


class Shared:
    """Renders user-data for one machine, or for several that name themselves."""

    def __init__(self):
        self.together = True

    def __call__(self, record, token):
        return f"name={record.name} {MARK}{token}"

    def shared(self, record, token):
        return f"{MARK}{token}"

    def names_itself(self, resource):
        return self.together


class ManyWorld(World):
    """A world whose cloud launches up to `at_once` machines with one call."""

    at_once = 10

    def _parts(self):
        for cloud in self.clouds.values():
            cloud.most_at_once = self.at_once
        return replace(super()._parts(), render=Shared())


@pytest.fixture
def make(tmp_path):
    def make_world(resources=None, kind=ManyWorld, **general):
        return kind(make_settings(resources, **{"max_idle_time": 60, "max_launch_time": 300, **general}), tmp_path / "journal")

    return make_world


def calls(world: World, *kinds: str) -> list[str]:
    return [call for call, _ in world.clouds["cloud1"].calls if call in (kinds or ("launch", "launch_many"))]


def served(world: World, jobs: int) -> None:
    """Run until all jobs have ended and everything is taken down again; every machine had a minion with its own token."""
    assert world.run(2000, lambda: world.settled(0)), world.describe()
    assert world.account.launches == jobs, world.describe()
    assert world.harmed == [] and world.minions.keys == set()


def counts(world: World) -> list[tuple[str, int]]:
    return [(call, int(intent.rpartition("x")[2])) for call, intent in world.clouds["cloud1"].calls if call == "launch_many"]


def test_a_large_demand_is_one_call(make):
    world = make()
    world.submit(8, WHOLE_NODE)
    served(world, 8)
    assert calls(world) == ["launch_many"]
    assert world.most == 8 and world.minions.refused == []


def test_nodes_of_a_resource_are_not_asked_for_side_by_side(make):
    """Of several launches that began at once each would find the others begun, and take none along."""
    world = make({name: {"quantity": {"min": 3, "max": 4}} for name in ("cloud1", "cloud2")})
    real, begun = world.core.decide, []

    def decide():
        actions = real()
        begun.append([action.resource for action in actions if action.act is Act.LAUNCH])
        return actions

    world.core.decide = decide
    assert world.run(300, lambda: len(world.account.living()) == 6), world.describe()
    assert sorted(resource for some in begun for resource in some) == ["cloud1", "cloud2"]
    assert calls(world) == ["launch_many"]


def test_more_than_one_call_can_launch_are_as_few_calls_as_that_needs(make):
    class Small(ManyWorld):
        at_once = 3

    world = make(kind=Small)
    world.submit(8, WHOLE_NODE)
    served(world, 8)
    assert calls(world) == ["launch_many"] * 3


@pytest.mark.parametrize(("at_once", "jobs"), [(10, 1), (1, 3)])
def test_a_single_machine_names_itself_too(make, at_once, jobs):
    class Single(ManyWorld):
        pass

    Single.at_once = at_once
    world = make(kind=Single)
    world.submit(jobs, WHOLE_NODE)
    served(world, jobs)
    assert calls(world) == ["launch_many"] * jobs


@pytest.mark.parametrize("why", ["template", "cloud"])
def test_where_something_does_not_know_how_each_is_launched_alone(make, why):
    class Unable(ManyWorld):
        at_once = 0 if why == "cloud" else 10

        def _parts(self):
            parts = super()._parts()
            parts.render.together = why != "template"
            return parts

    world = make(kind=Unable)
    world.submit(3, WHOLE_NODE)
    world.run(60)
    assert calls(world) == ["launch"] * 3


def test_host_names_of_another_kind_are_no_hindrance(make):
    world = make(hostname="private_dns")
    world.submit(3, WHOLE_NODE)
    assert world.run(60, lambda: len(world.minions.keys) == 3), world.describe()
    assert calls(world) == ["launch_many"]


def test_machines_share_all_that_the_call_says_and_each_names_itself(make):
    world = make()
    world.submit(4, WHOLE_NODE)
    assert world.run(60, lambda: len(world.account.living()) == 4)
    records = list(world.core.memory.nodes.values())
    assert len({intents.batch_of(record.intent) for record in records}) == 1
    assert sorted(intents.number_of(record.intent) for record in records) == [0, 1, 2, 3]
    machines = {f"cloud1-{machine.id}": machine for machine in world.account.living()}
    assert {record.minion: record.instance_id for record in records} == {name: machine.id for name, machine in machines.items()}
    assert len({machine.user_data for machine in machines.values()}) == len({str(machine.tags) for machine in machines.values()}) == 1
    launched = [entry for entry in world.core.ledger.history(limit=100) if entry.text.startswith("launch: ")]
    assert sorted(entry.node for entry in launched) == sorted(record.name for record in records)
    assert set(world.minions.expected) == set(machines), "only what the call made is let in"
    for name in machines:
        world.command("hold", node=name)
    assert {record.held_for != "" for record in world.core.memory.nodes.values()} == {True}


@pytest.mark.parametrize("lag", [0.0, 100.0])
def test_a_lost_answer_is_asked_for_again_with_the_same_words(make, lag):
    world = make()
    world.account.lag = lag
    world.clouds["cloud1"].troubles.lose_reply("launch_many", times=2)
    world.submit(5, WHOLE_NODE)
    served(world, 5)
    asked = {intent for call, intent in world.clouds["cloud1"].calls if call == "launch_many"}
    assert len(asked) == 1 and "launch" not in calls(world)


def test_a_node_that_has_its_machine_is_not_given_up_when_its_launch_is_asked_for_again(make):
    """The answer tells what the cloud has of the launch by now: the machine may have ended since, and its host and jobs must be cleared away."""
    world = make(cloud_poller_interval=5)
    world.clouds["cloud1"].troubles.lose_reply("launch_many")
    world.clouds["cloud1"].troubles.truncate_list = 1
    world.submit(2, WHOLE_NODE)
    assert world.run(120, lambda: sum(bool(record.instance_id) for record in world.core.memory.nodes.values()) == 1), world.describe()
    [first] = [record for record in world.core.memory.nodes.values() if record.instance_id]
    world.minions.keys.add(first.minion)
    world.account.forget(first.instance_id)
    world.clouds["cloud1"].troubles.truncate_list = 0
    assert world.run(60, lambda: len(calls(world, "launch_many")) == 2), world.describe()
    assert first.name in world.core.memory.nodes and first.minion in world.minions.keys
    [second] = [record for record in world.core.memory.nodes.values() if record.name != first.name]
    assert second.instance_id not in ("", first.instance_id)


def test_what_the_cloud_had_not_is_given_up_and_its_token_is_void(make):
    world = make(max_idle_time=100_000)
    world.account.capacity = 3
    world.submit(5, WHOLE_NODE, 3000.0)
    assert world.run(30, lambda: len(world.account.living()) == 3)
    names = {machine.name for machine in world.account.living()}
    assert {record.minion for record in world.core.memory.nodes.values() if record.tried_at} == names == set(world.minions.expected)
    world.run(300)
    assert len(world.account.living()) == 3 and world.account.launches == 3
    assert world.core.memory.resource("cloud1").backoff.kind == "no capacity"


@pytest.mark.parametrize("kind", [Refusal.QUOTA, Refusal.NO_CAPACITY, Refusal.BAD_REQUEST, Refusal.UNAUTHORISED])
def test_a_refusal_of_all_is_a_refusal_of_each_and_the_next_try_is_a_single_one(make, kind):
    world = make()
    world.clouds["cloud1"].troubles.refuse("launch_many", kind)
    world.submit(4, WHOLE_NODE)
    world.run(30)
    assert calls(world) == ["launch_many"] and world.core.memory.nodes == {}
    assert world.core.memory.resource("cloud1").backoff.kind == kind.value
    served(world, 4)
    assert calls(world)[:3] == ["launch_many"] * 3
    assert [count for call, count in counts(world)][:3] == [4, 1, 3], "after a refusal one is tried, then the others together"


def test_throttled_ones_are_asked_for_soon_under_new_intents(make):
    world = make()
    world.clouds["cloud1"].troubles.refuse("launch_many", Refusal.THROTTLED)
    world.submit(4, WHOLE_NODE)
    assert world.run(30, lambda: calls(world) == ["launch_many"])
    names = set(world.core.memory.nodes)
    assert len(names) == 4 and {record.tried_at for record in world.core.memory.nodes.values()} == {0.0}
    assert not any(intents.batch_of(record.intent) for record in world.core.memory.nodes.values())
    served(world, 4)


def test_a_batch_of_which_a_node_is_gone_is_not_asked_for_again_in_other_words(make):
    world = make()
    world.account.lag = 60.0
    world.clouds["cloud1"].troubles.lose_reply("launch_many")
    world.submit(3, WHOLE_NODE)
    assert world.run(30, lambda: calls(world) == ["launch_many"])
    gone = sorted(world.core.memory.nodes)[0]
    world.core.ledger.update(lambda memory: memory.without_node(gone))
    world.run(40)
    assert calls(world) == ["launch_many"]
    assert world.run(2000, lambda: world.settled(0)), world.describe()
    assert world.account.launches == 4 and world.most <= 4, "nobody expects the minion of the third machine, so that it goes and another one comes"
    assert world.harmed == [] and world.minions.keys == set()


@pytest.mark.thorough
@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_step_makes_no_machine_twice_and_loses_none(tmp_path, after):
    """The engine is killed before, and after, each of its first side effects: the orders, the tokens, the call, its outcome."""
    for step in range(40):
        world = ManyWorld(
            make_settings(max_idle_time=60, max_launch_time=300), tmp_path / f"{step}", wire=Wire(step, after=after)
        )
        world.submit(3, WHOLE_NODE)
        try:
            world.run(2000, lambda: world.settled(0))
        except EngineKilled:
            world.restart()
        assert world.run(3000, lambda: world.settled(0)), (step, world.describe())
        assert world.account.launches == 3, (step, world.describe())
        assert world.harmed == [] and world.minions.keys == set()
        world.close()


def test_a_node_that_another_ones_call_asks_for_is_left_to_it(make):
    world = make()
    seen = []
    real = world.clouds["cloud1"].launch_many

    def launch_many(order):
        for record in world.core.memory.nodes.values():
            action = Action(Act.LAUNCH, record.resource, record.name, "again")
            seen.append((is_under_way(record.intent), is_moot(action, record)))
        return real(order)

    world.clouds["cloud1"].launch_many = launch_many
    world.submit(3, WHOLE_NODE)
    served(world, 3)
    assert seen == [(True, True)] * 3


def test_a_node_that_another_call_took_meanwhile_is_not_launched_alone_as_well(make):
    """Two threads: this one wrote that it begins, and before it goes on it finds that the node has joined another one's call."""
    world = make()
    world.submit(1, WHOLE_NODE)
    world.run(10)
    assert world.run(30, lambda: bool(world.core.memory.nodes))
    world.core.ledger.update(lambda memory: replace(memory, nodes={}))
    record = NodeRecord("cloud1-a", "cloud1", "alone", asked_at=world.clock.now())
    world.core.ledger.update(lambda memory: memory.with_node(record))
    before = len(calls(world))
    actor = world.core._actor
    write = actor._write_intent

    def write_and_lose(action, known, now):
        write(action, known, now)
        taken = replace(world.core.memory.nodes[known.name], intent=f"{'a' * 32}x2.1")
        world.core.ledger.update(lambda memory: memory.with_node(taken))

    actor._write_intent = write_and_lose
    assert world.core.carry_out(Action(Act.LAUNCH, "cloud1", "cloud1-a", "for job 1")) is False
    assert len(calls(world)) == before


@pytest.mark.parametrize(
    ("intent", "batch", "count", "number"),
    [
        (f"{'a' * 32}x12", "", 1, 0),
        ("0" * 32, "", 1, 0),
        (f"{'a' * 32}x12.7", f"{'a' * 32}x12", 12, 7),
        ("manual-wn-a", "", 1, 0),
        ("theirs.1", "", 1, 0),
        (f"{'a' * 32}x12.7.1", "", 1, 0),
    ],
)
def test_intents_tell_their_batch(intent, batch, count, number):
    assert (intents.batch_of(intent), intents.count_of(intent), intents.number_of(intent)) == (batch, count, number)
    assert (intents.alone(intent) == intent) is (batch == "")
    assert intents.batch_of(intents.alone(intent)) == ""


def test_a_launched_node_is_not_launched_again():
    action = Action(Act.LAUNCH, "a", "n", "for job 1")
    assert not is_moot(action, NodeRecord("n", "a", "i"))
    assert is_moot(action, NodeRecord("n", "a", "i", Phase.BOOTING))
