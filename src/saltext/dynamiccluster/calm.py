"""Making very many objects that all stay."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0
_was_on = False


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the collector of cycles away: it would look at all that is being made again and again, and find nothing to free.

    It goes on when the last one who asked for it, in whatever thread, is done.
    """
    global _inside, _was_on
    with _lock:
        if not _inside:
            _was_on = gc.isenabled()
            gc.disable()
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside and _was_on:
                # all that was made goes to the old generation unseen, and is looked at when that is the next time
                gc.freeze()
                gc.unfreeze()
                gc.enable()
