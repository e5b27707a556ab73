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


def feed(reading: Reading[Read], document: bytes) -> Read:
    """Read a whole document."""
    for at in range(0, len(document), PIECE):
        reading.feed(document[at : at + PIECE])
    return reading.end()


class Cutter:
    """Cuts a document that comes in pieces, each time behind the last record that is complete."""

    def __init__(self, end: bytes) -> None:
        self._end = end
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> bytes:
        """Return what is new and ends with a record's end, b"" while there is none. (An end that comes in two pieces is seen with the next one.)"""
        at = data.rfind(self._end)
        if at < 0:
            self._pieces.append(data)
            return b""
        at += len(self._end)
        found = b"".join((*self._pieces, data[:at]))
        self._pieces = [data[at:]]
        return found

    def rest(self) -> bytes:
        """Return what stands behind the last of them."""
        return b"".join(self._pieces)
