"""Dataclasses to JSON and back: every field of what the journal keeps."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace

import pytest

from saltext.dynamiccluster.control.codec import decode, encode
from saltext.dynamiccluster.model import InstanceState, JobState, NodeRecord, NodeState, Notice, NoticeKind, Phase, Shape
from saltext.dynamiccluster.policy.memory import Backoff, Memory, ResourceMemory


def there_and_back(value: object) -> object:
    return decode(type(value), json.loads(json.dumps(encode(value))))


@dataclass(frozen=True)
class Mixed:
    """One field of each kind."""

    state: JobState
    number: InstanceState
    shape: Shape | None
    names: frozenset[str]
    times: tuple[float, ...]
    hours: dict[int, float]


@pytest.mark.parametrize("shape", [None, Shape(4, 8192, 1)])
def test_each_kind_of_field_comes_back(shape):
    value = Mixed(JobState.PENDING, InstanceState.READY, shape, frozenset({"b", "a"}), (1.5, 2.0), {471000: 0.5})
    assert there_and_back(value) == value


def test_every_field_of_a_record_is_kept():
    text = {field.name: f"{field.name}!" for field in fields(NodeRecord) if field.type == "str"}
    numbers = {field.name: 1.5 for field in fields(NodeRecord) if field.type == "float"}
    switches = {field.name: True for field in fields(NodeRecord) if field.type == "bool"}
    others = {"phase": Phase.SERVING, "shown": NodeState.BUSY, "hooks_done": frozenset({"x"}), "reading": 7, "empty_seen": 2, "tries": 3}
    others |= {"notice": Notice(NoticeKind.RETIREMENT, "soon", 1.5), "attempt": 3, "avoid": ("c5.large in us-east-1a",)}
    record = NodeRecord(**text, **numbers, **switches, **others)
    defaults = NodeRecord("", "", "")
    unset = [item.name for item in fields(record) if getattr(record, item.name) == getattr(defaults, item.name)]
    assert unset == []
    assert there_and_back(record) == record


def test_equal_values_give_equal_text():
    assert encode(frozenset({"b", "a", "c"})) == ["a", "b", "c"]


def test_missing_field_takes_its_default_and_an_unknown_one_is_dropped():
    assert decode(ResourceMemory, {"wanted": 2, "of_the_future": {}}) == ResourceMemory(wanted=2)


@pytest.mark.parametrize("data", [[], None, "text", {"flag": 99}, {"flag": "normal"}])
def test_nonsense_is_an_error(data):
    with pytest.raises((TypeError, ValueError)):
        decode(ResourceMemory, data)


def test_offerings_that_had_none_come_back():
    known = ResourceMemory(offerings={"c5.large in us-east-1a": Backoff(3.0, "no capacity", "none left", 1.0, 2)})
    assert there_and_back(known) == known


def test_whole_memory_comes_back():
    record = NodeRecord("a", "cloud1", "i")
    memory = Memory({"a": record}, {"cloud1": ResourceMemory()}, True, 1.0, (2.0,), {3: 4.0})
    assert there_and_back(memory) == memory
    assert there_and_back(replace(memory, auto=None)) == replace(memory, auto=None)
