from __future__ import annotations

import pytest

from saltext.dynamiccluster.sim.clock import VirtualClock


def test_time_stands_still_until_it_is_moved():
    clock = VirtualClock(100.0)
    assert (clock.now(), clock.now()) == (100.0, 100.0)
    clock.advance(2.5)
    assert clock.now() == 102.5


def test_what_is_due_happens_in_order_at_its_own_moment():
    clock, seen = VirtualClock(0.0), []
    for name, when in [("c", 3), ("a", 1), ("b", 3), ("late", 9)]:
        clock.call_at(when, lambda name=name: seen.append((name, clock.now())))
    clock.advance(5)
    assert seen == [("a", 1), ("c", 3), ("b", 3)]
    clock.advance(5)
    assert seen[3:] == [("late", 9)]


def test_what_happens_may_ask_for_more():
    clock, seen = VirtualClock(0.0), []

    def tick() -> None:
        seen.append(clock.now())
        clock.call_later(2, tick)

    clock.call_later(1, tick)
    clock.advance(6)
    assert seen == [1, 3, 5]


def test_what_is_past_happens_at_the_next_move_and_time_never_goes_back():
    clock, seen = VirtualClock(10.0), []
    clock.call_at(3, lambda: seen.append(clock.now()))
    clock.advance(0)
    assert seen == [10.0]
    clock.advance(100)
    assert seen == [10.0]
    with pytest.raises(ValueError):
        clock.advance(-1)
