"""Which nodes merely serve, so that hardly any rule looks at them; and that a node which begins to go is seen empty by later readings only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.model import HoldBy, Notice, NoticeKind, Phase
from saltext.dynamiccluster.policy import reasons
from saltext.dynamiccluster.policy.lifecycle import next_step
from saltext.dynamiccluster.policy.nodes import combine
from saltext.dynamiccluster.policy.track import track
from saltext.dynamiccluster.policy.view import look_at
from tests.worlds import NOW, host, record, world


def test_nodes_that_are_up_and_let_in_are_steady_busy_or_idle() -> None:
    seen = world(records=(record("n1"), record("n2")), hosts=(host("n1"), host("n2", used=2), host("metal")))
    assert {node.hostname: node.steady for node in seen.nodes} == {"n1": True, "n2": True, "metal": False}


@pytest.mark.parametrize("wish", [
    {"leaving_for": reasons.REMOVE}, {"held_for": "maintenance"}, {"notice": Notice(NoticeKind.REBALANCE, "soon")}, {"down_since": NOW - 60},
    {"phase": Phase.CONFIGURING}, {"phase": Phase.DRAINING}, {"gone": True}, {"hostname": "elsewhere"},
])  # fmt: skip
def test_nodes_of_which_anything_is_wanted_are_not(wish: dict[str, object]) -> None:
    seen = world(records=(replace(record("n1"), **wish),), hosts=(host("n1"),))
    assert not any(node.steady for node in seen.nodes)


@pytest.mark.parametrize("shown", [{"up": False}, {"up": None}, {"hold": HoldBy.US}, {"hold": HoldBy.ADMINISTRATOR}, {"error": "broken"}])
def test_nor_are_nodes_that_take_no_jobs(shown: dict[str, object]) -> None:
    assert not world(records=(record("n1"),), hosts=(host("n1", **shown),)).nodes[0].steady


def test_nor_are_nodes_whose_machine_was_stopped() -> None:
    seen = world(records=(record("n1"),), hosts=(host("n1"),))
    reading = seen.snapshot.clouds["a"]
    assert reading.value is not None
    stopped = replace(reading.value, instances=tuple(replace(one, stopped=True) for one in reading.value.instances))
    snapshot = replace(seen.snapshot, clouds={"a": replace(reading, value=stopped)})
    assert not combine(snapshot, seen.settings, seen.memory, NOW)[0].steady


def test_reading_on_which_a_node_begins_to_go_is_not_one_that_showed_it_empty() -> None:
    going = record("n1", leaving_for=reasons.REMOVE)
    seen = world(records=(going,), hosts=(host("n1", hold=HoldBy.ADMINISTRATOR),))
    begun = next_step(look_at(seen, going)).record
    assert begun.phase is Phase.DRAINING
    memory = seen.memory.with_node(begun)
    assert track(seen.snapshot, seen.settings, memory, NOW).nodes["n1"].empty_seen == 0
    later = replace(seen.snapshot, batch=replace(seen.snapshot.batch, serial=seen.snapshot.batch.serial + 1))
    assert track(later, seen.settings, memory, NOW).nodes["n1"].empty_seen == 1
