"""Documents that come in pieces."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from saltext.dynamiccluster.batch.listing import Reading

Read = TypeVar("Read")
SIZE = 2000  # bytes: several records, and many pieces


def read_whole(reading: Reading[Read], document: bytes, size: int = SIZE) -> Read:
    """Return what a reading makes of a document. Raises BatchMalformed."""
    for at in range(0, len(document), size):
        reading.feed(document[at : at + size])
    return reading.end()


def in_pieces(start: Callable[[], Reading[Read]], size: int = SIZE) -> Callable[[bytes], Read]:
    """Return a function that reads a document, each by a reading of its own."""
    return lambda document: read_whole(start(), document, size)
