"""The place that two engines share: who acts since when (a term), its signs of life, and what the next one must know.

A term is a number that only grows. Whatever an engine writes carries its term, so that what one writes late, after another took over, is
in nobody's way: no write needs a lock, and an engine that was frozen in the middle of one keeps nobody out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from ..errors import DynamicClusterError


class PlaceUnreachable(DynamicClusterError):
    """The shared place does not answer: nobody knows who acts, so nothing new may be begun."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who acts. `term` is the number of times that this changed."""

    term: int
    holder: str


Changes = Mapping[str, str | None]


class Place(Protocol):
    """Every method raises PlaceUnreachable when the place does not answer, and takes a few seconds at most."""

    def try_lock(self) -> bool:
        """Take the lock of whoever acts, through tooz; True when it is ours (already)."""

    def keep_lock(self) -> None:
        """Prolong the lock where the place would let it expire."""

    def unlock(self) -> None:
        """Give the lock back, if it is ours."""

    def current(self) -> Claim | None:
        """Return who acts, None when nobody ever did."""

    def claim(self, claim: Claim) -> bool:
        """Begin a term; False when its number was taken: somebody else was faster."""

    def beat(self, term: int, sign: str) -> None:
        """Leave a sign of life for the term."""

    def sign(self, term: int) -> str:
        """Return the term's last sign of life, "" when there is none."""

    def rows(self, term: int) -> dict[str, str]:
        """Return all that was written in a term, {} when nothing was."""

    def write(self, term: int, changes: Changes) -> None:
        """Write rows, or take them away (None). In order: what comes first is there first."""

    def forget_before(self, term: int) -> None:
        """Clear away what older terms left."""

    def close(self) -> None:
        """Let go of connections, and of the lock."""


def plain_address(url: str) -> str:
    """Return where the place is, without whatever may be secret."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
