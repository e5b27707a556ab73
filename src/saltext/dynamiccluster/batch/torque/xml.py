"""Reading Torque's XML: one record at a time in one pass, so that one user's strange job costs itself and not the whole listing.

Torque writes a flat `<Data>` of `<Job>` or `<Node>` records, version 6 with an `<?xml?>` line before it, and escapes `<` in whatever users
give. It does not care for characters that XML forbids: a record that cannot be parsed is tried once more with question marks instead
(to leave them out could make markup of what was none).
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from .. import frames

_ROOT = "Data"
_READABLE = bytes(code if code >= 32 or code in b"\t\n\r" else ord("?") for code in range(256))


def records(document: bytes, tag: str) -> Iterator[bytes]:
    """Yield the records `<tag>...</tag>` of a document, in order.

    Raises BatchMalformed, after the last one, when the rest is not a complete document: whoever iterates must then forget them all.
    """
    frame = Frame(tag)
    yield from frame.read(document)
    frame.check()


class Frame(frames.Frame):
    """The frame of one document of Torque's."""

    def __init__(self, tag: str) -> None:
        super().__init__(_ROOT, tag, f"<{tag}>")


def parse(record: bytes) -> Element | None:
    """Return the record as an element, None when it is not well-formed."""
    try:
        return ElementTree.fromstring(record)
    except ElementTree.ParseError:
        pass
    try:
        return ElementTree.fromstring(record.translate(_READABLE).decode("utf-8", "replace"))
    except ElementTree.ParseError:
        return None
