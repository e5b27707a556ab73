"""What a refused launch leads to: offerings left out, accounts slowed down, spot machines tried for a while."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from saltext.dynamiccluster.control import refusals
from saltext.dynamiccluster.control.announce import events
from saltext.dynamiccluster.control.backoff import back_off
from saltext.dynamiccluster.control.present import Status, present
from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.model import Chunk, Instance, InstanceState, Phase, Request
from saltext.dynamiccluster.policy.memory import SPOT, Backoff, Memory, ResourceMemory
from saltext.dynamiccluster.policy.plan import Outcome
from saltext.dynamiccluster.sim.world import World, make_settings

WHOLE_NODE = Request(chunks=(Chunk(cores=4),))
CHANCE = random.Random(1)
FULL = CloudError("there is none", Refusal.NO_CAPACITY)
C5, M5 = "c5.large in subnet-1 (spot)", "m5.large in subnet-2 (spot)"


def config(name: str, **more) -> dict:
    return {
        "region_name": "us-east-1",
        "image_id": "ami-12345678",
        "instance_type": "c5.xlarge",
        "instance_name_prefix": f"{name}-",
        **more,
    }


@pytest.fixture
def make(tmp_path):
    def make_world(resources, **general) -> World:
        return World(make_settings(resources, **{"max_idle_time": 60, "max_launch_time": 3600, **general}), tmp_path / "journal")

    return make_world


@pytest.fixture
def market(make) -> World:
    """Return a world with spot machines before on-demand ones."""
    return make({"spot": {"priority": 1, "config": config("spot", spot_bid=0.1, spot_timeout=300)}, "firm": {"priority": 2}})


def launches(world: World, name: str) -> int:
    return sum(call == "launch" for call, _ in world.clouds[name].calls)


def backoff(world: World, name: str) -> Backoff | None:
    return world.core.memory.resource(name).backoff


# -- spot -------------------------------------------------------------------------------------------------------------


def waits(patience: float, seconds: float) -> list[tuple[str, float]]:
    """Return (kind, wait) of every failure in so many seconds."""
    known, now, found = ResourceMemory(), 1000.0, []
    while now < 1000.0 + seconds:
        known = back_off(known, FULL, now, CHANCE, patience)
        found.append((known.backoff.kind, known.backoff.until - now))
        now = known.backoff.until
    return found


def test_spot_is_tried_with_growing_waits_until_its_time_is_over_and_then_counts_as_missing():
    found = waits(600.0, 3000.0)
    tries = [wait for kind, wait in found if kind == SPOT]
    assert len(tries) >= 5 and tries[0] < 20 and max(tries) <= 150
    assert sum(tries) == pytest.approx(600.0, abs=1.5)
    missing = [wait for kind, wait in found if kind != SPOT]
    assert [kind for kind, _ in found][len(tries) :] == ["no capacity"] * len(missing)
    assert 300 <= missing[0] <= 375 and missing[1] > missing[0] * 1.5


def test_without_spot_nothing_is_tried_in_between():
    assert waits(0.0, 400.0)[0][0] == "no capacity"


@pytest.mark.parametrize(("kind", "begins_anew"), [("throttled", False), ("unreachable", False), ("quota", True), ("launches fail", True)])
def test_only_trouble_that_passes_is_part_of_the_time_for_spot(kind, begins_anew):
    known = ResourceMemory(backoff=Backoff(1000.0, kind, "before", 100.0))
    after = back_off(known, FULL, 1000.0, CHANCE, 600.0).backoff
    assert (after.kind == SPOT) is begins_anew


def test_demand_waits_for_spot_as_long_as_the_setting_says_and_then_goes_elsewhere(market):
    market.clouds["spot"].troubles.refuse("launch", Refusal.NO_CAPACITY, times=None)
    market.submit(1, WHOLE_NODE)
    market.run(250)
    assert launches(market, "spot") >= 3 and launches(market, "firm") == 0
    assert backoff(market, "spot").kind == SPOT
    (fate,) = [fate for fate in market.core.plan.fates.values() if fate.outcome is Outcome.ARRIVING]
    assert "spot is tried for" in fate.reason
    assert any("spot is tried for" in problem for problem in present(market.core, Status("", 0.0))["problems"])
    assert market.run(900, market.done), market.describe()
    assert backoff(market, "spot").kind == "no capacity"
    assert "no spot machine for 300 s" in backoff(market, "spot").reason
    assert launches(market, "firm") == 1 and market.account.launches == 1


def test_spot_that_comes_in_time_serves_the_demand_itself(market):
    market.clouds["spot"].troubles.refuse("launch", Refusal.NO_CAPACITY, times=3)
    market.submit(2, WHOLE_NODE)
    assert market.run(900, market.done), market.describe()
    assert launches(market, "firm") == 0 and market.account.launches == 2
    assert backoff(market, "spot") is None


def test_each_try_for_spot_is_a_new_call_for_the_same_node(market):
    """A call that CreateFleet answered with a refusal would be answered the same way for ever."""
    market.clouds["spot"].troubles.refuse("launch", Refusal.NO_CAPACITY, times=None)
    market.submit(1, WHOLE_NODE)
    market.run(200)
    (record,) = market.core.memory.nodes.values()
    assert record.attempt == launches(market, "spot") >= 3
    assert (record.phase, record.tried_at) == (Phase.ASKED, 0.0)


def test_the_time_for_spot_is_kept_over_a_restart(market):
    market.clouds["spot"].troubles.refuse("launch", Refusal.NO_CAPACITY, times=None)
    market.submit(1, WHOLE_NODE)
    market.run(200)
    began = backoff(market, "spot").since
    market.start_engine()
    assert backoff(market, "spot").since == began
    assert market.run(600, lambda: launches(market, "firm") == 1), market.describe()
    assert market.clock.now() - began < 500


def test_new_demand_after_spot_fell_through_goes_straight_to_the_next_resource(market):
    market.clouds["spot"].troubles.refuse("launch", Refusal.NO_CAPACITY, times=None)
    market.submit(1, WHOLE_NODE, 2000.0)
    assert market.run(900, lambda: launches(market, "firm") == 1)
    tried = launches(market, "spot")
    market.submit(1, WHOLE_NODE)
    assert market.run(120, lambda: launches(market, "firm") == 2), market.describe()
    assert launches(market, "spot") == tried


def test_s5_spot_that_is_tried_for_keeps_no_other_resource_from_growing(make):
    spot = {"priority": 1, "quantity": {"min": 0, "max": 1}, "config": config("spot", spot_bid=0.1, spot_timeout=600)}
    world = make({"spot": spot, "firm": {"priority": 2}})
    world.clouds["spot"].troubles.refuse("launch", Refusal.NO_CAPACITY, times=None)
    world.submit(2, WHOLE_NODE)
    assert world.run(120, lambda: launches(world, "firm") == 1), world.describe()
    assert backoff(world, "spot").kind == SPOT


def test_s10_what_spot_was_tried_for_is_known_after_a_restart_and_asked_for_once(market):
    market.clouds["spot"].troubles.refuse("launch", Refusal.NO_CAPACITY, times=2)
    market.submit(1, WHOLE_NODE)
    assert market.run(60, lambda: launches(market, "spot") == 1)
    (name,) = market.core.memory.nodes
    market.start_engine()
    assert market.run(900, market.done), market.describe()
    assert market.account.launches == 1
    assert market.clouds["spot"].calls and name.startswith("spot-")


# -- offerings --------------------------------------------------------------------------------------------------------


def refused(*offerings: str) -> CloudError:
    return CloudError("none of these", Refusal.NO_CAPACITY, offerings=offerings)


def test_an_offering_is_left_out_longer_each_time_it_is_tried_in_vain():
    known, now, waited = ResourceMemory(), 0.0, []
    for _ in range(5):
        known = refusals.leave_out(known, [C5], "none", now, CHANCE)
        waited.append(known.offerings[C5].until - now)
        now = known.offerings[C5].until
    assert 300 <= waited[0] <= 375 and waited[1] > waited[0] * 1.5 and 1800 <= waited[4] <= 2250


def test_launches_that_fail_side_by_side_count_once_for_an_offering():
    known = refusals.leave_out(ResourceMemory(), [C5], "none", 0.0, CHANCE)
    assert refusals.leave_out(known, [C5], "none", 5.0, CHANCE) == known


def test_one_launch_probes_an_offering_and_the_ones_beside_it_leave_it_out():
    known = refusals.leave_out(ResourceMemory(), [C5, M5], "none", 0.0, CHANCE)
    assert refusals.avoided(known, 1.0) == (C5, M5)
    later = max(item.until for item in known.offerings.values()) + 1
    assert refusals.avoided(known, later) == ()
    probing = refusals.begin_probe(known, later)
    assert refusals.avoided(probing, later) == (C5, M5)
    failed = refusals.leave_out(probing, [C5], "none again", later, CHANCE)
    assert failed.offerings[C5].step == 2 and failed.offerings[C5].until > later + 500
    won = refusals.note_launch(probing, machine(offering=M5), later)
    assert set(won.offerings) == {C5}
    assert refusals.avoided(won, later + refusals.PROBE + 1) == (), "nobody got it: it is probed again"


def machine(**more) -> Instance:
    return Instance("i-1", "n", "a", InstanceState.PENDING, **more)


def test_partial_success_leaves_out_what_had_none():
    known = refusals.note_launch(ResourceMemory(), machine(offering=M5, refused=(C5,)), 0.0)
    assert refusals.avoided(known, 1.0) == (C5,)


class Choosy:
    """A cloud that has none of one offering, and notes what each order left out."""

    def __init__(self, inner):
        self.inner, self.orders = inner, []

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def launch(self, order):
        self.orders.append(order)
        made = self.inner.launch(order)
        return replace(made, offering=M5, refused=() if C5 in order.avoid else (C5,))


@pytest.fixture
def choosy(make):
    world = make({"cloud1": {}}, max_idle_time=100_000)
    cloud = Choosy(world.core.parts.clouds["cloud1"])
    world.core.parts = replace(world.core.parts, clouds={"cloud1": cloud})
    return world, cloud


def test_what_had_none_is_left_out_by_the_next_launch_and_tried_again_later(choosy):
    world, cloud = choosy
    world.submit(1, WHOLE_NODE, 5000.0)
    assert world.run(300, lambda: len(cloud.orders) == 1)
    world.submit(1, WHOLE_NODE, 5000.0)
    assert world.run(200, lambda: len(cloud.orders) == 2)
    assert [order.avoid for order in cloud.orders] == [(), (C5,)]
    document = present(world.core, Status("", 0.0))
    assert any(f"left out for a while, as there was none: {C5}" in problem for problem in document["problems"])
    assert [item["name"] for item in document["resources"][0]["offerings"]] == [C5]
    assert [event.data["offering"] for event in world.events.events if event.tag == "dynamiccluster/default/resource/cloud1/backoff"] == [C5]
    world.run(400)
    assert present(world.core, Status("", 0.0))["resources"][0]["offerings"] == [], "it is over, though it is not trusted yet"
    world.submit(1, WHOLE_NODE)
    assert world.run(200, lambda: len(cloud.orders) == 3)
    assert cloud.orders[2].avoid == ()
    assert world.core.memory.resource("cloud1").offerings[C5].step == 2


def test_a_repeated_launch_leaves_out_the_same_although_more_is_known_by_then(choosy):
    world, cloud = choosy
    world.clouds["cloud1"].troubles.lose_reply("launch")
    world.account.lag = 100.0
    world.submit(1, WHOLE_NODE)
    assert world.run(60, lambda: len(cloud.orders) == 1)
    world.core.ledger.update(lambda memory: memory.with_resource("cloud1", refusals.leave_out(memory.resource("cloud1"), [C5], "x", world.clock.now(), CHANCE)))
    assert world.run(120, lambda: len(cloud.orders) == 2), world.describe()
    assert cloud.orders[0].avoid == cloud.orders[1].avoid == ()
    assert cloud.orders[0].attempt == cloud.orders[1].attempt


# -- throttling -------------------------------------------------------------------------------------------------------


def test_throttling_slows_down_all_resources_of_the_account_and_no_other():
    settings = make_settings({"a": {}, "b": {}, "c": {"config": config("c", region_name="us-west-2")}})
    error = CloudError("slow down", Refusal.THROTTLED)
    memory = refusals.remember(Memory(), "a", error, settings, 100.0, CHANCE)
    assert memory.resource("a").backoff == memory.resource("b").backoff
    assert memory.resource("b").backoff.kind == "throttled"
    assert memory.resource("c").backoff is None


def test_throttling_hides_no_other_trouble_and_is_no_missing_capacity():
    settings = make_settings({"a": {}, "b": {}})
    waiting = Backoff(900.0, "no capacity", "none", 0.0, 3)
    memory = Memory(resources={"b": ResourceMemory(backoff=waiting)})
    memory = refusals.remember(memory, "a", CloudError("slow", Refusal.THROTTLED), settings, 100.0, CHANCE)
    assert memory.resource("b").backoff == waiting
    assert memory.resource("a").offerings == {}


@pytest.mark.parametrize("kind", [kind for kind in Refusal if kind is not Refusal.THROTTLED])
def test_any_other_refusal_concerns_its_own_resource(kind):
    settings = make_settings({"a": {}, "b": {}})
    memory = refusals.remember(Memory(), "a", CloudError("no", kind), settings, 100.0, CHANCE)
    assert memory.resource("a").backoff is not None and memory.resource("b").backoff is None


def test_a_resource_that_left_the_settings_is_held_back_alone():
    memory = refusals.remember(Memory(), "gone", CloudError("slow", Refusal.THROTTLED), make_settings({"a": {}}), 100.0, CHANCE)
    assert memory.resource("gone").backoff.kind == "throttled" and memory.resource("a").backoff is None


# -- what is freed ------------------------------------------------------------------------------------------------------


def test_what_one_resource_frees_is_room_for_all_of_its_account(make):
    project = {"auth_url": "https://keystone.example.org/v3", "username": "u", "password": "p", "image_uuid": "0" * 32, "flavor": "m1.small"}
    settings = make(
        {
            name: {"type": "openstack", "config": {**project, "project": tenant, "instance_name_prefix": f"{name}-"}}
            for name, tenant in (("a", "hpc"), ("b", "hpc"), ("c", "other"))
        }
    ).core.parts.settings
    waiting = ResourceMemory(backoff=Backoff(1e9, Refusal.QUOTA.value, "full"))
    memory = refusals.note_freed(Memory(resources=dict.fromkeys("abc", waiting)), "a", settings)
    assert {name: memory.resource(name).backoff.until for name in "abc"} == {"a": 0.0, "b": 0.0, "c": 1e9}


def test_an_offering_that_is_had_again_is_told():
    old = refusals.leave_out(ResourceMemory(), [C5, M5], "none", 0.0, CHANCE)
    new = refusals.note_launch(old, machine(offering=M5), 10.0)
    before, after = (Memory(resources={"a": known}) for known in (old, new))
    found = [(event.tag.rsplit("/", 1)[-1], event.data["offering"]) for event in events("one", before, after)]
    assert found == [("recovered", M5)]
    assert [event.data["offering"] for event in events("one", Memory(), before)] == [C5, M5]
