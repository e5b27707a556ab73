"""How long is waited after a failure."""

from __future__ import annotations

import random

import pytest

from saltext.dynamiccluster.control.backoff import NODE_WAIT, WAITS, Retries, Wait, back_off, lift_for_settings, lift_quota
from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.policy.memory import Memory, ResourceMemory

CHANCE = random.Random(1)


def waited(kind: Refusal, times: int) -> list[float]:
    """Return the waits after so many failures in a row."""
    known, now, waits = ResourceMemory(), 1000.0, []
    for _ in range(times):
        known = back_off(known, CloudError("no", kind), now, CHANCE)
        waits.append(known.backoff.until - now)
        now = known.backoff.until
    return waits


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [
        (Refusal.THROTTLED, 5, 60),
        (Refusal.QUOTA, 600, 600),
        (Refusal.NO_CAPACITY, 300, 2250),
        (Refusal.BAD_REQUEST, 600, 750),
        (Refusal.UNAUTHORISED, 600, 750),
        (Refusal.UNREACHABLE, 10, 300),
        (Refusal.FAILED, 10, 300),
    ],
)
def test_s26_each_kind_of_failure_has_its_own_wait(kind, least, most):
    waits = waited(kind, 12)
    assert all(least <= seconds <= most for seconds in waits)
    if WAITS[kind].most > WAITS[kind].first:
        assert waits[3] > waits[0] * 1.5


def test_a_cloud_that_says_how_long_to_wait_is_obeyed_within_reason():
    for asked, most in ((0.0, 10.0), (90.0, 90.0), (1e9, 3600.0)):
        error = CloudError("slow down", Refusal.THROTTLED, retry_after=asked)
        until = back_off(ResourceMemory(), error, 0.0, random.Random(1)).backoff.until
        assert until == pytest.approx(most, abs=5.0)


def test_s26_waits_differ_so_that_resources_do_not_try_in_step():
    assert len({round(waited(Refusal.UNREACHABLE, 1)[0], 6) for _ in range(20)}) > 10


def test_launches_that_fail_side_by_side_count_once():
    known = back_off(ResourceMemory(), CloudError("no", Refusal.FAILED), 100.0, CHANCE)
    assert back_off(known, CloudError("no", Refusal.FAILED), 101.0, CHANCE) == known


def test_another_kind_begins_at_its_own_first_wait():
    known = back_off(ResourceMemory(), CloudError("no", Refusal.FAILED), 100.0, CHANCE)
    known = back_off(known, CloudError("full", Refusal.QUOTA), 101.0, CHANCE)
    assert (known.backoff.kind, known.backoff.step, known.backoff.since) == ("quota", 1, 100.0)


def test_message_names_the_setting_at_fault():
    known = back_off(ResourceMemory(), CloudError("no such image", Refusal.BAD_REQUEST, setting="image_id"), 1.0, CHANCE)
    assert known.backoff.reason == "no such image (look at the setting image_id)"


def test_quota_may_be_tried_once_something_is_freed():
    for kind, until in ((Refusal.QUOTA, 0.0), (Refusal.NO_CAPACITY, None)):
        memory = Memory(resources={"a": back_off(ResourceMemory(), CloudError("no", kind), 1.0, CHANCE)})
        expected = memory.resources["a"].backoff.until if until is None else until
        assert lift_quota(memory, "a").resources["a"].backoff.until == expected
    assert lift_quota(Memory(), "a") == Memory()


def test_changed_settings_end_what_only_settings_could_mend():
    kinds = {"bad": Refusal.BAD_REQUEST, "keys": Refusal.UNAUTHORISED, "slow": Refusal.THROTTLED}
    memory = Memory(resources={n: back_off(ResourceMemory(), CloudError("no", k), 1.0, CHANCE) for n, k in kinds.items()})
    lifted = lift_for_settings(memory, frozenset(kinds) - {"keys"})
    assert {name: item.backoff.until == 0.0 for name, item in lifted.resources.items()} == {"bad": True, "keys": False, "slow": False}


def test_retries_wait_longer_each_time_and_forget_with_success():
    retries = Retries(Wait(10.0, 40.0, 0.0), CHANCE)
    key = ("node", "join")
    assert [retries.failed(key, 100.0) for _ in range(4)] == [10.0, 20.0, 40.0, 40.0]
    assert not retries.ready(key, 139.0) and retries.ready(key, 140.0) and retries.ready(("other", "join"), 0.0)
    retries.succeeded(key)
    assert retries.ready(key, 100.0) and retries.failed(key, 100.0) == 10.0


def test_retries_of_nodes_that_are_no_more_are_forgotten():
    retries = Retries(NODE_WAIT, CHANCE)
    retries.failed(("old", "join"), 1.0)
    retries.keep_only(frozenset({"new"}))
    assert retries.ready(("old", "join"), 1.0)
