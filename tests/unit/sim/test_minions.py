"""Simulated minions: the key against the token, then the highstate, then the execution daemon."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.model import Shape, Verdict
from saltext.dynamiccluster.ports import Joining, Target
from saltext.dynamiccluster.sim.batch import SimBatch
from saltext.dynamiccluster.sim.clock import VirtualClock
from saltext.dynamiccluster.sim.minions import MARK, SimMinions

TARGET = Target("n1", "n1", "10.0.0.1", "cloud1", 0.0)


@pytest.fixture
def minions() -> SimMinions:
    batch = SimBatch(VirtualClock())
    batch.names = lambda hostname: "10.0.0.1"
    return SimMinions(batch.clock, batch, highstate=20.0)


def register(minions: SimMinions) -> None:
    minions.batch.join(Joining("n1", "10.0.0.1", Shape(4)))


def test_token_lets_a_minion_in_once(minions):
    minions.expect("n1", "secret", "cloud1")
    register(minions)
    minions.boot("n1", f"{MARK}secret\n")
    assert minions.keys == {"n1"} and minions.expected == {}
    minions.configure(["n1"])
    minions.clock.advance(20)
    assert minions.check(TARGET).verdict is Verdict.READY and minions.batch.hosts["n1"].up


@pytest.mark.parametrize("user_data", ["", f"{MARK}wrong\n"])
def test_minion_without_its_token_stays_outside(minions, user_data):
    minions.expect("n1", "secret", "cloud1")
    minions.boot("n1", user_data)
    minions.clock.advance(100)
    assert minions.keys == set() and minions.refused and minions.check(TARGET).verdict is Verdict.WAITING


def test_key_that_is_awaited_later_is_accepted_later(minions):
    register(minions)
    minions.boot("n1", f"{MARK}secret\n")
    minions.expect("n1", "secret", "cloud1")
    minions.configure(["n1"])
    minions.clock.advance(40)
    assert minions.check(TARGET).verdict is Verdict.READY


def test_daemon_waits_for_the_registration(minions):
    minions.expect("n1", "secret", "cloud1")
    minions.boot("n1", f"{MARK}secret\n")
    minions.configure(["n1"])
    minions.clock.advance(30)
    assert minions.check(TARGET).verdict is Verdict.WAITING
    register(minions)
    minions.clock.advance(10)
    assert minions.check(TARGET).verdict is Verdict.READY


def test_failed_highstate_is_a_failed_check(minions):
    minions.fail_next = 1
    minions.expect("n1", "secret", "cloud1")
    minions.boot("n1", f"{MARK}secret\n")
    minions.configure(["n1"])
    minions.clock.advance(20)
    assert minions.check(TARGET).verdict is Verdict.FAILED


def test_minion_that_was_powered_off_does_nothing_more(minions):
    minions.expect("n1", "secret", "cloud1")
    register(minions)
    minions.boot("n1", f"{MARK}secret\n")
    minions.power_off("n1")
    minions.clock.advance(100)
    assert minions.batch.hosts["n1"].up is None


def test_forgotten_minion_has_neither_key_nor_token(minions):
    minions.expect("n1", "secret", "cloud1")
    minions.boot("n1", f"{MARK}secret\n")
    minions.expect("n2", "other", "cloud1")
    minions.forget("n1")
    minions.forget("n2")
    assert minions.keys == set() and minions.expected == {}


def test_restarted_engine_has_heard_nothing_and_must_ask_again(minions):
    register(minions)
    minions.expect("n1", "secret", "cloud1")
    minions.configure(["n1"])
    minions.boot("n1", f"{MARK}secret\n")
    minions.clock.advance(20)
    minions.lose_engine()
    assert minions.check(TARGET).verdict is Verdict.WAITING
    minions.configure(["n1"])
    minions.clock.advance(20)
    assert minions.check(TARGET).verdict is Verdict.READY
