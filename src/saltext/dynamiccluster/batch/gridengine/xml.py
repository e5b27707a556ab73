"""Reading Grid Engine's XML: one record at a time, so that one user's strange job costs itself and not the whole listing.

Grid Engine checks neither -l values nor arguments for characters that XML forbids, and writes `<` as `%lt;`. So bytes are cleaned first, the
document is cut at its records, the frame around them must be well-formed and complete, and each record is parsed on its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ...errors import BatchMalformed

_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r")


def clean(document: bytes) -> bytes:
    """Return the document without control characters, as valid UTF-8. Raises BatchMalformed when it declares a DTD or entities."""
    document = document.translate(None, _CONTROLS)
    # "<" of a user's text is never written as such, so this is markup, and no Grid Engine writes it
    if b"<!" in document:
        raise BatchMalformed("the answer holds a DTD, an entity declaration or a comment: it is not Grid Engine's")
    try:
        document.decode("utf-8")
    except UnicodeDecodeError:
        document = document.decode("utf-8", "replace").encode("utf-8")
    return document


def split(document: bytes, root: str, tag: str) -> tuple[bytes, ...]:
    """Cut a document at its records `<tag ...>...</tag>` and return them, cleaned and in order.

    Raises BatchMalformed when what is left is not a complete document with that root.
    """
    frame = Frame(root, tag)
    records = tuple(frame.read(document))
    frame.check()
    return records


class Frame:
    """What stands around the records of one document, which is read in parts that end with a record's closing tag; the last part need not.

    `passed`: since the last part there were records that somebody else read, with nothing but blanks around them.
    """

    passed = False

    def __init__(self, root: str, tag: str) -> None:
        self._root = root
        self._opening, self._closing = f"<{tag} ".encode(), f"</{tag}>".encode()
        self._pieces: list[bytes] = []

    def read(self, part: bytes) -> Iterator[bytes]:
        """Yield the records of a part. Raises BatchMalformed when one is cut off."""
        if self.passed:
            self._pieces.append(b"\n")
            self.passed = False
        part, at = clean(part), 0
        start = part.find(self._opening)
        while start >= 0:
            end = part.find(self._closing, start)
            if end < 0:
                raise BatchMalformed(f"the answer ends within a {self._opening.decode()}...>: it was cut off")
            end += len(self._closing)
            self._pieces.append(part[at:start])
            yield part[start:end]
            at, start = end, part.find(self._opening, end)
        self._pieces.append(part[at:])

    def check(self) -> None:
        """Look at the frame as a whole. Raises BatchMalformed when it is no complete document with the right root."""
        try:
            found = ElementTree.fromstring(b"".join(self._pieces)).tag
        except ElementTree.ParseError as error:
            raise BatchMalformed(f"the answer is no complete XML document ({error})") from error
        if found != self._root:
            raise BatchMalformed(f"the answer is a <{found}>, not the <{self._root}> that was asked for")


def parse(record: bytes) -> Element | None:
    """Return the record as an element, None when it is not well-formed."""
    try:
        return ElementTree.fromstring(record)
    except ElementTree.ParseError:
        return None


def text(value: str | None) -> str:
    """Return an element's text with Grid Engine's own escape undone."""
    return (value or "").replace("%lt;", "<").strip()
