"""Listings too long to be in memory at once: they are read while they come."""

from __future__ import annotations

from typing import Protocol, TypeVar

PIECE = 1 << 18  # bytes that are read at once: few enough to stay in the processor's cache, and not to hold the interpreter for long
Read = TypeVar("Read", covariant=True)


class Reading(Protocol[Read]):
    """One listing. Nothing of it counts before `end`."""

    def feed(self, data: bytes) -> None:
        """Read the next piece. Raises BatchMalformed."""

    def end(self) -> Read:
        """Return what was read. Raises BatchMalformed when the document is truncated or foreign."""


class Cutter:
    """Cuts a document that comes in pieces at the ends of its records."""

    def __init__(self, end: bytes) -> None:
        self._end = end
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """Return the records that are complete now, without their ends. (An end that comes in two pieces is seen with the next one that has one.)"""
        parts = data.split(self._end)
        if len(parts) == 1:
            self._pieces.append(data)
            return []
        parts[:1] = b"".join((*self._pieces, parts[0])).split(self._end)
        self._pieces = [parts.pop()]
        return parts

    def rest(self) -> bytes:
        """Return what stands behind the last of them."""
        return b"".join(self._pieces)
