"""What the demo tells of the calls that failed."""

from __future__ import annotations

from lab.demo.faults import Outcome


def test_faults_are_summed_up_by_kind_the_most_frequent_first():
    outcome = Outcome(50, {"DescribeInstances cut": 4, "RunInstances cut": 1, "RunInstances lost-reply": 5, "TerminateInstances not-done": 2})
    assert outcome.describe() == "12 of the engine's 50 calls to its cloud were struck (24%): cut 5, lost-reply 5, not-done 2"
    assert outcome.complaints() == []


def test_demo_in_which_next_to_nothing_failed_shows_nothing():
    assert Outcome(50, {"DescribeInstances cut": 4}).complaints() == ["only 4 of 50 calls were struck"]
    assert Outcome(0, {}).complaints()
