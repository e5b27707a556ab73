"""What stands around the records of an XML document: it tells whether the document is complete, and whether it holds records that nobody read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ..errors import BatchMalformed

_MARK = b"<_/>"  # stands for records in the frame: none may be behind the document's end, or in something that is no element


class Frame:
    """The frame of one document, which is read in parts that end with a record's closing tag; the last part need not.

    `passed`: since the last part there were records that somebody else read, with nothing but blanks around them. `opening` is the
    beginning of a record as it is always written: what else begins one is malformed.
    """

    passed = False

    def __init__(self, root: str, tag: str, opening: str) -> None:
        self._root, self._tag = root, tag
        self._opening, self._closing = opening.encode(), f"</{tag}>".encode()
        self._another = re.compile(rb"<%b[\s/>]" % tag.encode())
        self._pieces: list[bytes] = []

    def read(self, part: bytes) -> Iterator[bytes]:
        """Yield the records of a part. Raises BatchMalformed when one is cut off, or holds another."""
        if self.passed:
            self._pieces.append(_MARK)
            self.passed = False
        at, start = 0, part.find(self._opening)
        while start >= 0:
            end = self._find_end(part, start)
            self._pieces += (part[at:start], _MARK)
            yield part[start:end]
            at, start = end, part.find(self._opening, end)
        self._pieces.append(part[at:])

    def check(self) -> None:
        """Look at the frame as a whole. Raises BatchMalformed when it is no complete document with the right root, or holds a record."""
        root = _parse(b"".join(self._pieces))
        if root.tag != self._root:
            raise BatchMalformed(f"the answer is a <{root.tag}>, not the <{self._root}> that was asked for")
        tags = [element.tag for element in root.iter()]
        if any(tag.rpartition("}")[2] == self._tag for tag in tags):
            raise BatchMalformed(f"the answer holds a <{self._tag}> that is not written as usual")
        if tags.count("_") != self._pieces.count(_MARK):
            raise BatchMalformed(f"the answer holds a <{self._tag}> where none can be")

    def _find_end(self, part: bytes, start: int) -> int:
        end = part.find(self._closing, start)
        if end < 0:
            raise BatchMalformed(f"the answer ends within a <{self._tag}>: it was cut off")
        if self._another.search(part, start + 1, end):
            raise BatchMalformed(f"the answer holds a <{self._tag}> within another one")
        return end + len(self._closing)


def _parse(frame: bytes) -> Element:
    """Return the frame's root. Raises BatchMalformed."""
    if b"<!" in frame:
        raise BatchMalformed("the answer holds a document type, entities or a comment: no batch system writes such")
    try:
        return ElementTree.fromstring(frame)
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # the last two: an encoding that is not known
        raise BatchMalformed(f"the answer is no complete XML document ({error})") from error
