"""Machines of one call for the nodes that wait for them: each gets one, none gets two."""

from __future__ import annotations

from dataclasses import replace

from saltext.dynamiccluster.model import BatchView, CloudView, Host, Instance, InstanceState, NodeRecord, Phase
from saltext.dynamiccluster.policy import reasons
from saltext.dynamiccluster.policy.batches import hand_out
from saltext.dynamiccluster.policy.memory import Memory
from saltext.dynamiccluster.policy.track import track
from saltext.dynamiccluster.snapshot import Reading, Snapshot
from tests.lives import settings

BATCH = f"{'a' * 32}x3"


def node(number: int, **more) -> NodeRecord:
    return NodeRecord(f"n{number}", "burst", f"{BATCH}.{number}", tried_at=1.0, **more)


def machine(id_: str, intent: str = BATCH, state: InstanceState = InstanceState.ACTIVE) -> Instance:
    return Instance(id_, f"wn-{id_}", "burst", state, intent=intent)


def given(nodes, machines) -> dict[str, str]:
    return {name: instance.id for name, instance in hand_out(nodes, "burst", machines).items()}


def test_each_node_gets_one_in_the_order_of_numbers_and_ids():
    assert given([node(2), node(0), node(1)], [machine("c"), machine("a"), machine("b")]) == {"n0": "a", "n1": "b", "n2": "c"}


def test_what_a_node_has_is_given_to_no_other():
    assert given([node(0, instance_id="b"), node(1), node(2)], [machine("a"), machine("b")]) == {"n1": "a"}


def test_a_machine_that_is_listed_twice_is_one():
    assert given([node(0), node(1)], [machine("a"), machine("a")]) == {"n0": "a"}


def test_a_machine_that_a_listing_shows_twice_is_given_once():
    assert given([node(0), node(1)], [machine("a"), machine("a"), machine("b")]) == {"n0": "a", "n1": "b"}
    assert given([node(0), node(1)], [machine("a"), machine("a")]) == {"n0": "a"}


def test_nodes_of_other_calls_and_resources_get_none():
    alone, elsewhere = replace(node(0), intent="a" * 32), replace(node(1), resource="other")
    other = replace(node(2), intent=f"{'b' * 32}x3.2")
    assert given([alone, elsewhere, other], [machine("a"), machine("b", intent="a" * 32)]) == {}


def test_living_ones_go_first():
    ended = machine("a", state=InstanceState.INEXISTENT)
    assert given([node(0)], [ended, machine("b")]) == {"n0": "b"}
    assert given([node(0), node(1)], [ended, machine("b")]) == {"n0": "b", "n1": "a"}


def after(nodes, machines, hosts=(), **general) -> dict[str, NodeRecord]:
    """Return the records once these machines and hosts were read."""
    snapshot = Snapshot(batch=Reading(BatchView((), tuple(hosts)), 100.0), clouds={"burst": Reading(CloudView(tuple(machines)), 100.0)})
    return dict(track(snapshot, settings(**general), Memory(nodes={one.name: one for one in nodes}), 100.0).nodes)


def test_a_listing_gives_nodes_whose_answer_was_lost_their_machines():
    found = after([node(0), node(1)], [machine("i-2"), machine("i-1", state=InstanceState.STARTING)])
    assert {name: (one.instance_id, one.minion, one.hostname, one.phase) for name, one in found.items()} == {
        "n0": ("i-1", "wn-i-1", "wn-i-1", Phase.BOOTING),
        "n1": ("i-2", "wn-i-2", "wn-i-2", Phase.JOINING),
    }


def test_a_node_keeps_the_machine_that_it_was_given():
    found = after([node(0, instance_id="i-2", minion="wn-i-2"), node(1)], [machine("i-1"), machine("i-2")])
    assert {name: one.instance_id for name, one in found.items()} == {"n0": "i-2", "n1": "i-1"}


def test_one_more_than_nodes_of_the_call_goes_and_is_joined_by_nobody():
    found = after([node(0)], [machine("i-1"), machine("i-2")])
    assert found.keys() == {"n0", "wn-i-2"}
    assert (found["wn-i-2"].phase, found["wn-i-2"].leaving_for, found["wn-i-2"].joined_at) == (Phase.DESTROYING, reasons.SURPLUS, 0.0)


def test_one_more_that_serves_is_adopted():
    host = Host("wn-i-2", True)
    assert after([node(0)], [machine("i-1"), machine("i-2")], [host])["wn-i-2"].phase is Phase.SERVING


def test_one_more_whose_host_name_is_not_known_may_serve():
    found = after([node(0)], [machine("i-1"), machine("i-2")], hostname={"command": "/bin/true {{ address }}"})
    assert (found["wn-i-2"].phase, found["wn-i-2"].leaving_for) == (Phase.JOINING, "")


def test_without_any_memory_of_the_call_all_are_adopted_under_their_own_names():
    found = after([], [machine("i-1"), machine("i-2")])
    assert {name: (one.instance_id, one.phase, one.leaving_for) for name, one in found.items()} == {
        "wn-i-1": ("i-1", Phase.JOINING, ""), "wn-i-2": ("i-2", Phase.JOINING, ""),
    }
    again = after(found.values(), [machine("i-1"), machine("i-2"), machine("i-3")])
    assert again["wn-i-3"].leaving_for == "", "a listing may show the third one late"
