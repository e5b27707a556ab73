"""What goes over the line between the engine and the admin server's process: pickled tuples, large documents in pieces.

Both ends are the same program of the same user; the line is a socket pair that nobody else has.
"""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..settings.general import AdminServer
from .desk import News

# from the engine
ROWS, NEWS, EVENT, ANSWER, STOP = "rows", "news", "event", "answer", "stop"
# to the engine
ASK, PROBLEMS, LOG = "ask", "problems", "log"
_PIECE = 200  # rows: about 2 ms of the interpreter

Frame = tuple[Any, ...]


@dataclass(frozen=True)
class Recipe:
    """What a server's process starts with. `authority`: "module:name" of what makes the Authority from `argument`."""

    authority: str
    argument: Any
    directory: Path
    admin: AdminServer

    def make_authority(self) -> Any:
        module, _, name = self.authority.partition(":")
        return getattr(importlib.import_module(module), name)(self.argument)


def split(news: News) -> Iterator[Frame]:
    """Return the frames of a document: its rows in pieces, then the rest."""
    rest: dict[str, Any] = {}
    for key, value in news.document.items():
        if not isinstance(value, list):
            rest[key] = value
            continue
        rest[key] = None
        for place in range(0, len(value), _PIECE):
            yield ROWS, key, value[place : place + _PIECE]
    yield NEWS, replace(news, document=rest)


def join(news: News, rows: Mapping[str, list[Any]]) -> News:
    """Return the document whole again."""
    document = {key: rows.get(key, []) if value is None else value for key, value in news.document.items()}
    return replace(news, document=document)


def plain(value: Any) -> Any:
    """Return what of a mapping can be sent: Salt's options hold objects here and there."""
    return {key: item for key, item in value.items() if _can_be_sent(item)}


def _can_be_sent(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # pickling runs the objects' own code, which can raise anything
        return False
    return True
