from __future__ import annotations

from collections.abc import Callable

import pytest

from saltext.dynamiccluster.batch.numbers import count_range, read_finite, read_step, read_unix_time, read_whole

HUGE = "9" * 400


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((read_finite, text) for text in (HUGE, "1e400", "nan", "inf", "-Infinity", "many", "")),
        *((read_whole, text) for text in (HUGE, "9" * 5000, "-1", "1000000001", "1e3", "")),
        *((read_unix_time, text) for text in (HUGE, "nan", "-1", "100000000001", "soon")),
        *((read_step, text) for text in (HUGE, "0", "-1", "")),
    ],
)
def test_what_is_no_number_of_anything(read: Callable[[str], float], text: str) -> None:
    with pytest.raises(ValueError):
        read(text)


@pytest.mark.parametrize(
    ("found", "number"),
    [(read_finite("-0.5"), -0.5), (read_finite(b" 2.5\n"), 2.5), (read_whole("1000000000"), 10**9), (read_unix_time("1795000000"), 1795000000.0), (read_step("2"), 2)],
)
def test_numbers(found: float, number: float) -> None:
    assert found == number


@pytest.mark.parametrize(("first", "last", "step", "count"), [("1", "10", "2", 5), ("5", "999", "2", 498), ("7", "7", "1", 1), ("0", "1000000000", "1", 10**9 + 1)])
def test_ranges(first: str, last: str, step: str, count: int) -> None:
    assert count_range(first, last, step) == count


@pytest.mark.parametrize(("first", "last", "step"), [("10", "1", "1"), ("1", HUGE, "1"), ("1", "9", "0"), ("-1", "9", "1"), ("", "9", "1")])
def test_ranges_that_are_none(first: str, last: str, step: str) -> None:
    with pytest.raises(ValueError):
        count_range(first, last, step)
