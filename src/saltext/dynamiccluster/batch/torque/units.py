"""Torque's notations of amounts: `512mb`, `2gw`, `100:00:00`, `1,3-5%2`."""

from __future__ import annotations

import math
import re

from ..numbers import count_range, read_finite, read_whole

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kmgtp]?)([bw]?)", re.IGNORECASE)
_POWER = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_WORD = 8  # bytes
_MOST = 2.0**63  # bytes


def read_memory_mb(value: str) -> int:
    """Return MiB, rounded up, of `512mb`, `24684084kb`, `1gw` (words) or plain bytes. Raises ValueError."""
    found = _SIZE.fullmatch(value.strip())
    if not found:
        raise ValueError(f"{value[:40]!r} is not an amount of memory")
    size: float = read_finite(found[1]) * 1024 ** _POWER[found[2].lower()]
    if size > _MOST:
        raise ValueError(f"{value[:40]!r} is more memory than there can be")
    return math.ceil(size * (_WORD if found[3].lower() == "w" else 1) / 1024**2)


def read_seconds(value: str) -> float:
    """Return seconds of `3600`, `100:00:00` or `1:00:00:00`. Raises ValueError."""
    parts = [read_finite(part or "0") for part in value.split(":")]
    seconds = 0.0
    for weight, part in zip((1, 60, 3600, 86400), reversed(parts), strict=False):
        seconds += weight * part
    return seconds


def count_elements(request: str) -> int:
    """Return how many elements an array asked for with `1-5`, `1,3,7`, `0-99%10` has. Raises ValueError."""
    count = 0
    for part in request.partition("%")[0].split(","):
        first, _, last = part.partition("-")
        count += count_range(first, last or first)
    return count


def read_number(value: str | None) -> int:
    """Return a whole number, 0 for what is none. Raises ValueError for one that is far too big."""
    return read_whole(value) if value and value.isdigit() else 0
