"""Many nodes with one call: whatever happens in between, each gets one machine at most, and none is forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.control import intents
from saltext.dynamiccluster.control.batches import is_under_way
from saltext.dynamiccluster.control.lifecycle import is_moot
from saltext.dynamiccluster.errors import Refusal
from saltext.dynamiccluster.model import Chunk, NodeRecord, Phase, Request
from saltext.dynamiccluster.policy.plan import Act, Action
from saltext.dynamiccluster.sim.kill import EngineKilled, Wire
from saltext.dynamiccluster.sim.minions import MARK
from saltext.dynamiccluster.sim.world import World, make_settings

WHOLE_NODE = Request(chunks=(Chunk(cores=4),))


class Rows:
    """Renders user-data as one line for each machine."""

    def __call__(self, record, token):
        return f"name={record.name} {MARK}{token}"

    def many(self, rows):
        return "\n".join(self(record, token) for record, token in rows)

    def knows_many(self, resource):
        return True


class ManyWorld(World):
    """A world whose cloud launches up to `at_once` machines with one call."""

    at_once = 10

    def _parts(self):
        for cloud in self.clouds.values():
            cloud.most_at_once = self.at_once
        return replace(super()._parts(), render=Rows())


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


def test_a_large_demand_is_one_call(make):
    world = make()
    world.submit(8, WHOLE_NODE)
    served(world, 8)
    assert calls(world) == ["launch_many"]
    assert world.most == 8 and world.minions.refused == []


def test_more_than_one_call_can_launch_are_as_few_calls_as_that_needs(make):
    class Small(ManyWorld):
        at_once = 3

    world = make(kind=Small)
    world.submit(8, WHOLE_NODE)
    served(world, 8)
    assert calls(world) == ["launch_many"] * 3


def test_a_single_node_is_launched_alone(make):
    world = make()
    world.submit(1, WHOLE_NODE)
    served(world, 1)
    assert calls(world) == ["launch"]


@pytest.mark.parametrize("why", ["template", "cloud", "hostname"])
def test_where_something_does_not_know_how_each_is_launched_alone(make, why):
    class Unable(ManyWorld):
        at_once = 1 if why == "cloud" else 10

        def _parts(self):
            parts = super()._parts()
            if why == "template":
                parts.render.knows_many = lambda resource: False
            return parts

    general = {"hostname": "private_dns"} if why == "hostname" else {}
    world = make(kind=Unable, **general)
    world.submit(3, WHOLE_NODE)
    world.run(60)
    assert calls(world) == ["launch"] * 3


def test_each_node_has_a_name_an_intent_and_a_token_of_its_own_and_history_tells_each(make):
    world = make()
    world.submit(4, WHOLE_NODE)
    assert world.run(60, lambda: len(world.account.living()) == 4)
    records = list(world.core.memory.nodes.values())
    assert len({intents.batch_of(record.intent) for record in records}) == 1
    assert sorted(intents.number_of(record.intent) for record in records) == [0, 1, 2, 3]
    machines = {machine.tags["Name"]: machine for machine in world.account.living()}
    assert {record.name: record.instance_id for record in records} == {name: machine.id for name, machine in machines.items()}
    assert len({machine.user_data for machine in machines.values()}) == 4
    launched = [entry.node for entry in world.core.ledger.history(limit=100) if entry.text.startswith("launch: ")]
    assert sorted(launched) == sorted(machines)


@pytest.mark.parametrize("lag", [0.0, 100.0])
def test_a_lost_answer_is_asked_for_again_with_the_same_words(make, lag):
    world = make()
    world.account.lag = lag
    world.clouds["cloud1"].troubles.lose_reply("launch_many", times=2)
    world.submit(5, WHOLE_NODE)
    served(world, 5)
    asked = {intent for call, intent in world.clouds["cloud1"].calls if call == "launch_many"}
    assert len(asked) == 1 and "launch" not in calls(world)


def test_what_the_cloud_had_not_is_given_up_and_its_token_is_void(make):
    world = make(max_idle_time=100_000)
    world.account.capacity = 3
    world.submit(5, WHOLE_NODE, 3000.0)
    assert world.run(30, lambda: len(world.account.living()) == 3)
    names = {machine.tags["Name"] for machine in world.account.living()}
    assert set(world.core.memory.nodes) <= names | {record.name for record in world.core.memory.nodes.values() if not record.tried_at}
    assert set(world.minions.expected) <= set(world.core.memory.nodes)
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
    assert calls(world)[:2] == ["launch_many", "launch"]


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
    assert world.account.launches == 3


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
