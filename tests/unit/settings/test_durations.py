from __future__ import annotations

import pytest
from saltext.dynamiccluster.settings.durations import parse_duration, parse_positive_duration
from saltext.dynamiccluster.settings.section import Wrong


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (0, 0.0),
        (600, 600.0),
        (0.5, 0.5),
        ("600", 600.0),
        (" 90 ", 90.0),
        ("90s", 90.0),
        ("10m", 600.0),
        ("2h", 7200.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("1d", 86400.0),
        ("1.5h", 5400.0),
        ("10M", 600.0),
        ("0s", 0.0),
    ],
)
def test_durations_that_are_taken(written, seconds):
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    "written",
    [-1, "-1", -0.5, True, None, "", " ", "ten", "10x", "m", "10m5", "30m1h", "1e3", "٣", float("nan"), float("inf")]
    + [10**400, -(10**400), 10**9, "9" * 39, "9" * 10_000, [], {}, b"10m"],
)
def test_durations_that_are_refused(written):
    with pytest.raises(Wrong) as caught:
        parse_duration(written)
    assert "1h30m" in caught.value.hint


@pytest.mark.parametrize("written", [0, "0", "0m", 0.0])
def test_zero_is_refused_where_it_makes_no_sense(written):
    with pytest.raises(Wrong, match="above zero"):
        parse_positive_duration(written)


def test_positive_durations_are_taken():
    assert parse_positive_duration("1m") == 60.0
