"""The idle time: as set, by the boots, or as the gaps that were seen make it cheapest."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.policy.idle import EDGES, ENOUGH, LEAST, choose_limit, idle_limits
from saltext.dynamiccluster.policy.memory import ResourceMemory
from tests.worlds import NOW, host, record, settings, world


def gaps(**by_length):
    """Return weights: `s100=12` for twelve gaps in the class that holds 100 s."""
    found = [0.0] * (len(EDGES) + 1)
    for name, number in by_length.items():
        found[sum(edge <= float(name[1:]) for edge in EDGES)] += number
    return tuple(found)


@pytest.mark.parametrize(
    ("seen", "price", "limit"),
    [
        ((), 500.0, 500.0),  # nothing learned: the price
        ((), 900.0, 600.0),  # never above the maximum
        (gaps(s20=ENOUGH - 1), 500.0, 500.0),  # too little learned
        (gaps(s20=50), 500.0, LEAST),  # wanted again at once
        (gaps(s5000=50), 500.0, LEAST),  # never wanted again: every second is lost
        (gaps(s100=50), 500.0, 120.0),  # always wanted after 90 to 120 s
        (gaps(s100=50), 50.0, LEAST),  # the same, where a boot costs less than that
        (gaps(s100=25, s5000=25), 500.0, 120.0),
        (gaps(s100=2, s5000=48), 500.0, LEAST),  # too seldom
        (gaps(s500=50), 600.0, 600.0),
        (gaps(s20=25, s500=25), 600.0, 600.0),
    ],
)
def test_the_idle_time_is_the_one_that_would_have_been_cheapest(seen, price, limit):
    assert choose_limit(seen, price, 600.0) == limit


@pytest.mark.parametrize("most", [0.0, 5.0, 30.0, 100.0])
def test_a_short_maximum_is_kept(most):
    assert choose_limit(gaps(s100=50), 500.0, most) <= most


@pytest.mark.parametrize(
    ("general", "limit"),
    [
        ({}, 600.0),
        ({"idle_learns": True}, 600.0),  # what a boot is worth is not said
        ({"idle_boots": 4}, 400.0),
        ({"idle_boots": 4, "idle_learns": True}, 120.0),
        ({"idle_boots": 4, "idle_learns": True, "max_idle_time": 20}, 20.0),
    ],
)
def test_what_was_learned_counts_only_where_it_is_asked_for(general, limit):
    booted = record("n1", asked_at=NOW - 3600, ready_at=NOW - 3500)
    known = {"a": ResourceMemory(gaps=gaps(s100=25, s5000=5))}
    found = world(hosts=(host("n1"),), records=(booted,), config=settings(**general), resources=known)
    assert idle_limits(found.settings, found.memory) == found.idle_limits == {"a": limit}
