"""The words by which a launch is known for ever: 32 hexadecimal digits; of several machines with one call, `DIGITSxCOUNT`.

The machines of such a call carry the call's own intent. Each node that waits for one of them has an intent with a number, `DIGITSxCOUNT.NUMBER`:
which of them gets which machine does not matter, as long as each gets one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable

_BATCH = re.compile(r"[0-9a-f]{32}x[0-9]{1,4}")
_MEMBER = re.compile(r"([0-9a-f]{32}x([0-9]{1,4}))\.([0-9]{1,4})")


def new_batch(count: int) -> str:
    """Return the intent of a launch of so many machines with one call."""
    return f"{secrets.token_hex(16)}x{count}"


def members_of(batch: str, names: Iterable[str]) -> dict[str, str]:
    """Return the intent of each node of a batch, by name."""
    return {name: f"{batch}.{number}" for number, name in enumerate(names)}


def is_batch(intent: str) -> bool:
    """Tell whether it is the intent of a call for several machines, which all of them carry."""
    return _BATCH.fullmatch(intent) is not None


def batch_of(intent: str) -> str:
    """Return the batch that a node was launched in, "" when it was launched alone."""
    found = _MEMBER.fullmatch(intent)
    return found[1] if found else ""


def count_of(intent: str) -> int:
    """Return how many machines the batch of this node was for, 1 for a single one."""
    found = _MEMBER.fullmatch(intent)
    return int(found[2]) if found else 1


def number_of(intent: str) -> int:
    """Return the node's number in its batch, 0 for a single one."""
    found = _MEMBER.fullmatch(intent)
    return int(found[3]) if found else 0


def alone(intent: str) -> str:
    """Return the intent for a call that was surely refused and is made anew: another one if the first was for several machines."""
    return secrets.token_hex(16) if batch_of(intent) else intent
