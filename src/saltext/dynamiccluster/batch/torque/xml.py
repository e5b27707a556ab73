"""Reading Torque's XML: one record at a time in one pass, so that one user's strange job costs itself and not the whole listing.

Torque writes a flat `<Data>` of `<Job>` or `<Node>` records, version 6 with an `<?xml?>` line before it, and escapes `<` in whatever users
give. It does not care for characters that XML forbids: a record that cannot be parsed is tried once more without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ...errors import BatchMalformed

_ROOT = "Data"
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r")


def records(document: bytes, tag: str) -> Iterator[bytes]:
    """Yield the records `<tag>...</tag>` of a document, in order.

    Raises BatchMalformed, after the last one, when the rest is not a complete document: whoever iterates must then forget them all.
    """
    frame = Frame(tag)
    yield from frame.read(document)
    frame.check()


class Frame:
    """What stands around the records of one document, which is read in parts that end with a record's closing tag; the last part need not."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._pieces: list[bytes] = []

    def read(self, part: bytes) -> Iterator[bytes]:
        """Yield the records of a part. Raises BatchMalformed when one is cut off."""
        opening, closing, at = f"<{self._tag}>".encode(), f"</{self._tag}>".encode(), 0
        start = part.find(opening)
        while start >= 0:
            end = part.find(closing, start)
            if end < 0:
                raise BatchMalformed(f"the answer ends within a <{self._tag}>: it was cut off")
            end += len(closing)
            self._pieces.append(part[at:start])
            yield part[start:end]
            at, start = end, part.find(opening, end)
        self._pieces.append(part[at:])

    def check(self) -> None:
        """Look at the frame as a whole. Raises BatchMalformed when it is no complete document."""
        _check_frame(b"".join(self._pieces))


def parse(record: bytes) -> Element | None:
    """Return the record as an element, None when it is not well-formed."""
    try:
        return ElementTree.fromstring(record)
    except ElementTree.ParseError:
        pass
    try:
        return ElementTree.fromstring(record.translate(None, _CONTROLS).decode("utf-8", "replace"))
    except ElementTree.ParseError:
        return None


def _check_frame(frame: bytes) -> None:
    if b"<!" in frame:
        raise BatchMalformed("the answer declares a document type or entities: it is not Torque's")
    try:
        found = ElementTree.fromstring(frame).tag
    except ElementTree.ParseError as error:
        raise BatchMalformed(f"the answer is no complete XML document ({error})") from error
    if found != _ROOT:
        raise BatchMalformed(f"the answer is a <{found}>, not the <{_ROOT}> that was asked for")
