from __future__ import annotations

from lab.saltside import merge


def test_mappings_merge_none_removes_and_all_else_replaces():
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    assert merge(base, {"a": {"c": [3], "e": {"f": 1}}, "d": None}) == {"a": {"b": 1, "c": [3], "e": {"f": 1}}}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": 1}
