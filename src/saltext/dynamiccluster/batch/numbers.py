"""Numbers in what others print: one that is far too big is a mistake, and must become neither infinite nor an endless loop later on."""

from __future__ import annotations

import math

MOST = 10**9  # slots, tasks or nodes of one job
_LATEST = 1e11  # Unix time: the year 5138


def read_finite(text: str | bytes) -> float:
    """Return a number. Raises ValueError for what is none, `nan` and infinity among them."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]!r} is not a finite number")
    return number


def read_whole(text: str) -> int:
    """Return a number of things. Raises ValueError for what is none, or more than MOST."""
    number = int(text)
    if not 0 <= number <= MOST:
        raise ValueError(f"{text[:40]!r} is less than nothing or more than there can be")
    return number


def read_unix_time(text: str) -> float:
    """Return a Unix time. Raises ValueError for what is none."""
    number = read_finite(text)
    if not 0 <= number <= _LATEST:
        raise ValueError(f"{text[:40]!r} is not a time")
    return number


def count_range(first: str, last: str, step: str = "1") -> int:
    """Return how many numbers `first-last:step` stands for. Raises ValueError for none at all, or more than MOST."""
    count = (read_whole(last) - read_whole(first)) // read_step(step) + 1
    if count < 1:
        raise ValueError(f"{first[:20]}-{last[:20]} is empty")
    return count


def read_step(text: str) -> int:
    """Return the step of a range. Raises ValueError for none, and for one that leads nowhere."""
    step = read_whole(text)
    if step < 1:
        raise ValueError(f"{text[:40]!r} is no step")
    return step
