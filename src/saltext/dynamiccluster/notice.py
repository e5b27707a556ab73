"""What clouds announce about machines. Frozen data, part of the model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class NoticeKind(Enum):
    """What a cloud announced about a machine, the mildest first: a notice gives way only to one of a worse kind."""

    REBALANCE = "rebalance"  # it is likely to be taken back soon: another machine is safer
    IMPAIRED = "impaired"  # the cloud's own checks of it fail
    RETIREMENT = "retirement"  # it is to end, or to be moved, on a day that is known
    INTERRUPTION = "interruption"  # it ends within minutes, whatever runs on it


@dataclass(frozen=True, slots=True)
class Notice:
    """What a cloud announced about a machine, told by the machine itself or by the cloud's listing."""

    kind: NoticeKind
    text: str  # one line for people
    due: float = 0.0  # Unix time when it is to happen; 0: not told
    heard_at: float = 0.0
    dismissed: bool = False  # an administrator wants the node in service all the same
