"""Events: transitions only, each with its payload, none twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.control.announce import events, show, summary
from saltext.dynamiccluster.model import NodeRecord, NodeState, Phase, ResourceFlag, WorkerNode
from saltext.dynamiccluster.policy.memory import Backoff, Memory, ResourceMemory
from saltext.dynamiccluster.policy.plan import Act, Action

ASKED = NodeRecord("dc-abc234", "cloud1", "intent", Phase.ASKED, cause="for job 1")
SERVING = replace(
    ASKED, phase=Phase.SERVING, instance_id="i-1", hostname="host1", active_at=1.0, joined_at=2.0, ready_at=3.0, shown=NodeState.IDLE
)


def tags(before: NodeRecord | None, after: NodeRecord | None) -> list[str]:
    """Return the last two parts of the tags that the change of one record fires."""
    memories = [Memory(nodes={record.name: record} if record else {}) for record in (before, after)]
    return ["/".join(event.tag.split("/")[2::2]) for event in events("c", *memories)]


@pytest.mark.parametrize(
    ("before", "after", "fired"),
    [
        (None, ASKED, ["instance/requested"]),
        (None, SERVING, ["instance/orphaned"]),
        (ASKED, replace(ASKED, phase=Phase.BOOTING, instance_id="i-1"), []),
        (ASKED, replace(ASKED, phase=Phase.JOINING, active_at=9.0), ["instance/active"]),
        (replace(SERVING, joined_at=0.0), SERVING, ["node/joined"]),
        (replace(SERVING, ready_at=0.0), SERVING, ["instance/ready"]),
        (SERVING, replace(SERVING, shown=NodeState.BUSY), ["node/busy"]),
        (SERVING, replace(SERVING, shown=NodeState.HOLDING), ["node/holding"]),
        (SERVING, replace(SERVING, shown=NodeState.HELD), ["node/held"]),
        (SERVING, replace(SERVING, shown=NodeState.ERROR), ["node/error"]),
        (SERVING, replace(SERVING, shown=NodeState.DELETING), []),
        (replace(SERVING, shown=NodeState.BUSY), SERVING, ["node/idle"]),
        (SERVING, replace(SERVING, leaving_for="idle"), []),
        (ASKED, replace(ASKED, leaving_for="not in service within max_launch_time"), ["instance/failed"]),
        (SERVING, replace(SERVING, gone=True), ["instance/destroyed"]),
        (replace(SERVING, gone=True), None, []),
        (SERVING, None, ["instance/destroyed"]),
        (ASKED, None, ["instance/failed"]),
        (SERVING, replace(SERVING, seen_at=99.0, idle_since=99.0, reading=7), []),
        (SERVING, SERVING, []),
    ],
)
def test_changes_of_a_node(before, after, fired):
    assert tags(before, after) == fired


def test_payload_has_cluster_id_resource_and_reason():
    (event,) = events("c", Memory(nodes={SERVING.name: SERVING}), Memory(nodes={SERVING.name: replace(SERVING, shown=NodeState.BUSY)}))
    assert event.tag == "dynamiccluster/c/node/dc-abc234/busy"
    assert event.data == {"cluster": "c", "id": "i-1", "resource": "cloud1", "reason": "", "hostname": "host1"}


BACKOFF = Backoff(9.0, "quota", "the account is full")


@pytest.mark.parametrize(
    ("before", "after", "fired"),
    [
        (ResourceMemory(), ResourceMemory(ResourceFlag.FROZEN), ["frozen"]),
        (ResourceMemory(), ResourceMemory(ResourceFlag.DRAINING), ["draining"]),
        (ResourceMemory(ResourceFlag.DRAINING), ResourceMemory(ResourceFlag.DRAINED), ["drained"]),
        (ResourceMemory(ResourceFlag.DRAINED), ResourceMemory(), ["restored"]),
        (ResourceMemory(), ResourceMemory(backoff=BACKOFF), ["backoff"]),
        (ResourceMemory(backoff=BACKOFF), ResourceMemory(backoff=replace(BACKOFF, until=99.0, step=2)), []),
        (ResourceMemory(backoff=BACKOFF), ResourceMemory(backoff=replace(BACKOFF, kind="failed")), ["backoff"]),
        (ResourceMemory(backoff=BACKOFF), ResourceMemory(), ["recovered"]),
        (ResourceMemory(), ResourceMemory(wanted=3, failures=2), []),
    ],
)
def test_changes_of_a_resource(before, after, fired):
    found = list(events("c", Memory(resources={"cloud1": before}), Memory(resources={"cloud1": after})))
    assert [event.tag for event in found] == [f"dynamiccluster/c/resource/cloud1/{what}" for what in fired]
    assert all(event.data["resource"] == "cloud1" and event.data["reason"] for event in found)


def node(record: NodeRecord, state: NodeState) -> WorkerNode:
    return WorkerNode(record.hostname, state, 0.0, "cloud1", record=record)


def test_state_is_noted_with_the_time_at_which_it_was_first_seen():
    memory = Memory(nodes={SERVING.name: SERVING})
    busy = show(memory, (node(SERVING, NodeState.BUSY),), 50.0, 51.0)
    assert (busy.nodes[SERVING.name].shown, busy.nodes[SERVING.name].shown_at) == (NodeState.BUSY, 51.0)
    assert show(busy, (node(busy.nodes[SERVING.name], NodeState.BUSY),), 60.0, 61.0) == busy


def test_reading_from_before_our_own_change_announces_nothing():
    record = replace(SERVING, batch_acted_at=50.0)
    memory = Memory(nodes={record.name: record})
    assert show(memory, (node(record, NodeState.HELD),), 49.0, 51.0) == memory
    assert show(memory, (node(record, NodeState.HELD),), 50.5, 51.0) != memory


def test_physical_node_has_no_events():
    assert show(Memory(), (WorkerNode("iron", NodeState.BUSY, 0.0),), 1.0, 2.0) == Memory()


def test_a_decision_in_one_line():
    orders = [Action(Act.ORDER, "burst", reason="for job 7")] * 3
    holds = [Action(Act.HOLD, "burst", f"n{number}", f"idle since {number}") for number in range(6)]
    assert summary(orders) == "order 3 in burst (for job 7)"
    line = summary([*orders, *holds])
    assert line.startswith("order 3 in burst (for job 7); hold 1 in burst (idle since 0); ") and line.endswith("; and 2 more")
