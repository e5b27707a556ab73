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
    """Cut a cleaned document at its records `<tag ...>...</tag>` and return them, in order.

    Raises BatchMalformed when what is left is not a complete document with that root.
    """
    records, frame, at = [], [], 0
    for start, end in _spans(document, tag):
        frame.append(document[at:start])
        records.append(document[start:end])
        at = end
    frame.append(document[at:])
    _check_frame(b"".join(frame), root)
    return tuple(records)


def parse(record: bytes) -> Element | None:
    """Return the record as an element, None when it is not well-formed."""
    try:
        return ElementTree.fromstring(record)
    except ElementTree.ParseError:
        return None


def text(value: str | None) -> str:
    """Return an element's text with Grid Engine's own escape undone."""
    return (value or "").replace("%lt;", "<").strip()


def _spans(document: bytes, tag: str) -> Iterator[tuple[int, int]]:
    opening, closing = f"<{tag} ".encode(), f"</{tag}>".encode()
    start = document.find(opening)
    while start >= 0:
        end = document.find(closing, start)
        if end < 0:
            raise BatchMalformed(f"the answer ends within a <{tag}>: it was cut off")
        end += len(closing)
        yield start, end
        start = document.find(opening, end)


def _check_frame(frame: bytes, root: str) -> None:
    try:
        found = ElementTree.fromstring(frame).tag
    except ElementTree.ParseError as error:
        raise BatchMalformed(f"the answer is no complete XML document ({error})") from error
    if found != root:
        raise BatchMalformed(f"the answer is a <{found}>, not the <{root}> that was asked for")
