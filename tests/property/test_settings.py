"""Whatever the pillar holds: settings, or a ConfigurationError; and settings written out are read back the same."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from saltext.dynamiccluster.errors import ConfigurationError
from saltext.dynamiccluster.settings import load, public
from saltext.dynamiccluster.settings.durations import LONGEST, parse_duration
from saltext.dynamiccluster.settings.section import Wrong
from saltext.dynamiccluster.settings.slots import HOST
from saltext.dynamiccluster.settings.templates import CommandSpec, Template, UnsafeValue
from tests.examples import examples

ROOT = Path(__file__).parents[2]
BASES = [
    yaml.safe_load((ROOT / "tests/data/predecessor.yaml").read_text()),
    yaml.safe_load((ROOT / "pillar.example").read_text())["dynamiccluster"],
]
TRICKY = ["10m", "{0", "}", '"', "{9}", "a {0} | b", "$(x)", "", " ", "@x", "http://[", "1" * 400, "\0", "\ud800", "x\ny"]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


WHERE = [(base, place) for base in BASES for place in places(base)]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(st.characters(), max_size=20),
    st.binary(max_size=5),
    st.dates(),
    st.sampled_from(TRICKY),
)
KEYS = st.one_of(st.text(st.characters(), max_size=8), st.integers(), st.none(), st.sampled_from(["type", "config", "salt", "max"]))
NESTED = st.recursive(LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)), max_leaves=8)


def changed(base: Any, place: tuple[Any, ...], value: Any) -> Any:
    """Return the data with one place replaced."""
    if not place:
        return value
    data = copy.deepcopy(base)
    above = data
    for key in place[:-1]:
        above = above[key]
    above[place[-1]] = value
    return data


@given(st.sampled_from(WHERE), NESTED)
@settings(max_examples=examples(400), deadline=None)
def test_anything_anywhere_gives_settings_or_faults_with_paths(where, value):
    data = changed(*where, value)
    try:
        found = load(data)
    except ConfigurationError as error:
        assert error.faults
        for fault in error.faults:
            assert fault.path.split(":")[0] == "dynamiccluster" and fault.problem and fault.hint
            str(fault).encode()
            assert "\n" not in str(fault)
        return
    assert load(found.model_dump(by_alias=True)) == found
    assert public(found)


@given(NESTED)
@settings(max_examples=examples(200), deadline=None)
def test_anything_at_all_never_fails_otherwise(value):
    try:
        load(value)
    except ConfigurationError as error:
        assert error.faults


@given(st.one_of(st.text(max_size=30), st.integers(), st.floats(), st.from_regex(r"([0-9]{1,3}[dhms]){1,4}", fullmatch=True)))
def test_a_duration_is_within_its_bounds_or_refused(value):
    try:
        assert 0 <= parse_duration(value) <= LONGEST
    except Wrong as wrong:
        assert wrong.hint


@given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_durations_add_up(days, hours, minutes, seconds):
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    assert parse_duration(f"{days}d{hours}h{minutes}m{seconds}s") == total


@given(st.sampled_from(["x {0}", "x '{0}'", 'x "{0}" | y', "x `y {0}`", "ssh h 'x {0}'"]), st.text(st.characters(), max_size=12))
@settings(max_examples=examples(300))
def test_no_value_reaches_a_command_unless_it_is_harmless(text, value):
    command = Template(text, CommandSpec(text, slots=(HOST,)))
    try:
        argv = command.argv(value)
    except UnsafeValue:
        return
    assert value and not value.startswith("-")
    assert set(value) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
    assert value in argv[-1]
