"""The lease on a real Redis server: what expires there, what is forgotten, and that nobody's password is told."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import pytest
import redis
from saltext.dynamiccluster.errors import NotActing
from saltext.dynamiccluster.standby.lease import Lease
from saltext.dynamiccluster.standby.opening import open_place
from saltext.dynamiccluster.standby.place import Claim, PlaceUnreachable

pytestmark = pytest.mark.integration
LEASE = 8.0


def lease(url: str, holder: str, seconds: float = LEASE, **options) -> Lease:
    return Lease(open_place(url, "default", holder, seconds), holder, seconds, **options)


def take(waiting: Lease, within: float = 120.0):
    """Try as the engine does until it succeeds."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if (taken := waiting.try_take()) is not None:
            return taken
        time.sleep(0.1)
    raise AssertionError("it was never taken")


def test_one_acts_and_hands_on_what_it_knew(redis_url: str) -> None:
    first, second = lease(redis_url, "a"), lease(redis_url, "b")
    assert first.try_take() is not None and second.try_take() is None
    first.keep()
    time.sleep(LEASE * 1.5)  # longer than the lock lives by itself
    assert second.try_take() is None
    first.check()
    first.write({"node/x": "1", "order/x": "2"})
    first.write({"order/x": None})
    first.close()
    taken = take(second)
    assert dict(taken.rows) == {"node/x": "1"}
    with pytest.raises(NotActing):
        first.check()
    second.close()


def test_without_signs_of_life_the_other_takes_over_within_the_lease(redis_url: str) -> None:
    first, second = lease(redis_url, "a"), lease(redis_url, "b")
    assert first.try_take() is not None  # and then its process is gone: no sign of life, no unlock
    began = time.monotonic()
    take(second)
    assert time.monotonic() - began < LEASE + 60
    with pytest.raises(NotActing):
        first.check()
    second.close()


def test_a_server_that_forgot_everything_ends_the_right_to_act(redis_url: str) -> None:
    first = lease(redis_url, "a", 60.0)
    assert first.try_take() is not None
    client = redis.Redis(unix_socket_path=urlsplit(redis_url).path, password="hunter2")
    client.flushall()
    with pytest.raises(NotActing, match="forgotten"):
        first.check()
    again = take(lease(redis_url, "b", known_term=1))
    assert again.term == 2 and again.lost


def test_of_two_that_claim_a_term_one_gets_it(redis_url: str) -> None:
    one, other = (open_place(redis_url, "default", name, 60) for name in "ab")
    assert [one.claim(Claim(5, "a")), other.claim(Claim(5, "b")), other.claim(Claim(4, "b"))] == [True, False, False]
    assert other.current() == Claim(5, "a")


def test_clusters_do_not_meet(redis_url: str) -> None:
    assert lease(redis_url, "a", 60.0).try_take() is not None
    other = Lease(open_place(redis_url, "another", "b", 60.0), "b", 60.0)
    assert other.try_take() is not None


def test_a_wrong_password_is_told_without_it(redis_url: str) -> None:
    with pytest.raises(PlaceUnreachable) as raised:
        open_place(redis_url.replace("hunter2", "s3same"), "default", "a", 60)
    assert "s3same" not in str(raised.value) and "hunter2" not in str(raised.value)
