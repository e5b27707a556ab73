"""Reading Grid Engine's XML: one record at a time, so that one user's strange job costs itself and not the whole listing.

Grid Engine checks neither -l values nor arguments for characters that XML forbids, and writes `<` as `%lt;`. So bytes are cleaned first, the
document is cut at its records, the frame around them must be well-formed and complete, and each record is parsed on its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ...errors import BatchMalformed
from .. import frames

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


class Frame(frames.Frame):
    """The frame of one document of Grid Engine's."""

    def __init__(self, root: str, tag: str) -> None:
        super().__init__(root, tag, f"<{tag} ")

    def read(self, part: bytes) -> Iterator[bytes]:
        """Yield the records of a part, cleaned. Raises BatchMalformed."""
        return super().read(clean(part))


def parse(record: bytes) -> Element | None:
    """Return the record as an element, None when it is not well-formed."""
    try:
        return ElementTree.fromstring(record)
    except ElementTree.ParseError:
        return None


def text(value: str | None) -> str:
    """Return an element's text with Grid Engine's own escape undone."""
    return (value or "").replace("%lt;", "<").strip()
