from __future__ import annotations

from dataclasses import fields, replace

import pytest

from saltext.dynamiccluster.model import NodeRecord, Phase
from saltext.dynamiccluster.policy.memory import Memory
from saltext.dynamiccluster.policy.records import amend
from tests.worlds import record

WIDE = record("n1", address="10.0.0.1", cause="for job 1", hooks_done=frozenset({"a"}))


@pytest.mark.parametrize("changes", [{"phase": Phase.DRAINING}, {"gone": True, "failed": "x"}, {"reading": 7, "empty_seen": 0}])
def test_amended_record_is_what_replace_makes_and_the_first_one_stays(changes: dict[str, object]) -> None:
    before = replace(WIDE)
    assert amend(WIDE, **changes) == replace(WIDE, **changes)
    assert WIDE == before


def test_record_that_has_the_values_already_is_returned_itself() -> None:
    assert amend(WIDE, **{field.name: getattr(WIDE, field.name) for field in fields(NodeRecord)}) is WIDE


def test_many_nodes_enter_the_memory_at_once() -> None:
    memory = Memory(nodes={"n1": WIDE})
    changed = [replace(WIDE, failed="x"), record("n2")]
    assert memory.with_nodes(changed) == memory.with_node(changed[0]).with_node(changed[1])
    assert memory.with_nodes([]) is memory
