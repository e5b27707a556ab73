"""Grid Engine's notations of amounts: `4G`, `22.625g`, `1:30:0`, `TRUE`, `INFINITY`."""

from __future__ import annotations

import math
import re
from functools import lru_cache

from ..numbers import read_finite

_AMOUNT = re.compile(r"([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)([kKmMgGtT]?)")
_FACTOR = {
    "": 1,
    "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4,
    "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4,
}  # fmt: skip
_MOST = 2.0**63  # bytes, or whatever is counted
_NO_LIMIT = frozenset({"INFINITY", "NONE", "UNDEFINED"})


def read_amount(value: str) -> float:
    """Return a number from `4`, `4G` (1024s) or `4g` (1000s); infinity from INFINITY. Raises ValueError."""
    if value.upper() in _NO_LIMIT:
        return math.inf
    found = _AMOUNT.fullmatch(value.strip())
    if not found:
        raise ValueError(f"{value[:40]!r} is not an amount")
    amount = read_finite(found[1]) * _FACTOR[found[2]]
    if amount > _MOST:
        raise ValueError(f"{value[:40]!r} is more than there can be")
    return amount


def read_finite_amount(value: str) -> float:
    """Return the same of what a machine can have. Raises ValueError, for INFINITY, too."""
    amount = read_amount(value)
    if math.isinf(amount):
        raise ValueError(f"{value!r} is not an amount that a node can have")
    return amount


def read_memory_mb(value: str) -> int:
    """Return MiB, rounded up, of a value such as `23.5G`. Raises ValueError."""
    return math.ceil(read_finite_amount(value) / 1024**2)


def read_seconds(value: str) -> float:
    """Return seconds from `3600`, `1:0:0` or INFINITY. Raises ValueError."""
    if value.upper() in _NO_LIMIT:
        return math.inf
    seconds = 0.0
    for part in value.split(":"):
        seconds = seconds * 60 + read_finite(part or "0")
    return seconds


def read_truth(value: str) -> bool:
    """Return whether `TRUE`, `true`, `1` or `YES` was meant; anything else is no."""
    return value.strip().lower() in ("true", "1", "1.0", "1.000000", "yes")


@lru_cache(maxsize=20_000)
def normalise(value: str, kind: str) -> str:
    """Return a complex's value so that equal amounts are equal texts: plain numbers, `true` or `false`, words as they are."""
    try:
        match kind:
            case "MEMORY" | "INT" | "DOUBLE":
                return _plain(read_amount(value))
            case "TIME":
                return _plain(read_seconds(value))
            case "BOOL":
                return "true" if read_truth(value) else "false"
    except ValueError:
        return value
    return value


def _plain(number: float) -> str:
    return str(int(number)) if number.is_integer() else f"{number:.10g}"
