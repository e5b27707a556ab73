"""Throttled: the calls of an account come more slowly, those of all its resources, and faster again once EC2 is content."""

from __future__ import annotations

import random

import pytest

from saltext.dynamiccluster.clouds.aws import Aws, Timeouts, api
from saltext.dynamiccluster.clouds.aws.pace import Pace, pace_of
from saltext.dynamiccluster.errors import CloudError, Refusal
from tests.contract.cloud_ec2 import Endpoint, error_document, settings


class Timer:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now, self.slept = 1000.0, []

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def timer():
    return Timer()


@pytest.fixture
def pace(timer):
    return Pace(timer.clock, timer.sleep, random.Random(1))


def test_nothing_waits_before_ec2_complains(pace, timer):
    assert all(pace.wait(15) for _ in range(100))
    assert timer.slept == []


def test_each_complaint_doubles_the_space_between_calls_up_to_a_limit(pace, timer):
    gaps = []
    for _ in range(8):
        pace.slow_down()
        timer.now += 10
        pace.wait(60)
        pace.wait(60)
        gaps.append(timer.slept[-1])
    assert 0.5 <= gaps[0] <= 0.75 and gaps[2] > gaps[1] > gaps[0]
    assert 8 <= gaps[-1] <= 12


def test_waits_are_never_in_step(pace, timer):
    pace.slow_down()
    for _ in range(20):
        pace.wait(60)
    assert len({round(seconds, 6) for seconds in timer.slept}) > 10


def test_complaints_about_calls_under_way_together_count_once(pace, timer):
    for _ in range(20):
        pace.slow_down()
    pace.wait(60)
    pace.wait(60)
    assert timer.slept[-1] <= 0.75


def test_it_comes_back_to_full_speed(pace, timer):
    for _ in range(3):
        pace.slow_down()
        timer.now += 5
    timer.now += 200
    timer.slept.clear()
    assert all(pace.wait(15) for _ in range(10))
    assert timer.slept == []


def test_a_turn_that_comes_too_late_is_refused_at_once(pace, timer):
    for _ in range(5):
        pace.slow_down()
        timer.now += 10
    pace.wait(60)
    slept = len(timer.slept)
    assert pace.wait(2.0) is False
    assert len(timer.slept) == slept


THROTTLED = (503, error_document("RequestLimitExceeded", "Request limit exceeded."))
EMPTY = (200, b"<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>")


def aws(url: str, name: str, **more) -> Aws:
    return Aws(name, "one", settings(url, **more), timeouts=Timeouts(connect=30.0, read=30.0))


def test_resources_of_one_account_share_its_pace_and_others_do_not():
    with Endpoint(THROTTLED) as endpoint:
        alpha, beta, other = aws(endpoint.url, "alpha"), aws(endpoint.url, "beta"), aws(endpoint.url, "gamma", region_name="us-west-2")
        assert alpha.api._pace is beta.api._pace is pace_of(alpha.settings.account)
        assert alpha.api._pace is not other.api._pace
        with pytest.raises(CloudError) as error:
            alpha.destroy("i-1")
    assert (error.value.kind, error.value.certain) == (Refusal.THROTTLED, True)
    assert beta.api._pace._gap > 0 and other.api._pace._gap == 0


def test_a_call_that_would_come_too_late_is_throttled_without_being_sent(monkeypatch):
    monkeypatch.setattr(api, "_LONGEST_TURN", 0.0)
    with Endpoint(THROTTLED, EMPTY) as endpoint:
        cloud = aws(endpoint.url, "alpha")
        with pytest.raises(CloudError):
            cloud.destroy("i-1")
        with pytest.raises(CloudError, match="limit of requests is used up") as error:
            cloud.destroy("i-1")
        assert len(endpoint.requests) == 1
    assert (error.value.kind, error.value.certain) == (Refusal.THROTTLED, True)
