"""Durations: a number of seconds, or text like `90s`, `10m`, `1h30m`, `2d`."""

from __future__ import annotations

import math
import re
from typing import Any

from .section import Wrong

LONGEST = 10 * 365 * 86400.0  # more than ten years is a mistake, and would overflow dates
_HINT = "give seconds, or text like 90s, 10m, 1h30m, 2d"
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_TEXT = re.compile(r"\s*".join(rf"(?:{_NUMBER}\s*{unit})?" for unit, _ in _UNITS))
_SECONDS = re.compile(_NUMBER)


def parse_duration(value: Any) -> float:
    """Return the duration in seconds. Raises Wrong for anything that is not one, negative ones included."""
    seconds = _read(value)
    if math.isnan(seconds) or not 0 <= seconds <= LONGEST:
        raise Wrong("a duration must be between 0 and ten years", _HINT)
    return seconds


def parse_positive_duration(value: Any) -> float:
    """Return the duration in seconds. Raises Wrong also for zero."""
    seconds = parse_duration(value)
    if not seconds:
        raise Wrong("a duration above zero is needed", _HINT)
    return seconds


def _read(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # huge integers have no float
        return float(value) if abs(value) <= LONGEST or isinstance(value, float) else math.inf
    if not isinstance(value, str) or len(value) > 40:
        raise Wrong("a duration is needed", _HINT)
    text = value.strip().lower()
    if _SECONDS.fullmatch(text):
        return float(text)
    match = _TEXT.fullmatch(text)
    if match is None or not any(match.groups()):
        raise Wrong(f"{value!r} is not a duration", _HINT)
    return sum(float(count) * size for count, (_, size) in zip(match.groups(), _UNITS, strict=True) if count)
