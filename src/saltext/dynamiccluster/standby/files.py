"""A shared directory as the place: small files, each replaced or made in one step, and tooz's lock on one of them.

tooz's file lock ends with the process that holds it, and no sooner: an engine that is frozen, or whose host is cut off, keeps it. So it only
makes a take-over quick after a crash; the term decides, with or without it.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar
from urllib.parse import quote, unquote

import tooz
from tooz import coordination

from .place import Changes, Claim, PlaceUnreachable

P = ParamSpec("P")
R = TypeVar("R")
_TERM, _BEAT, _ROWS = "term-", "beat-", "rows-"
_KEPT = 2  # terms: the one before may still be read by who takes over


def _reaching(work: Callable[P, R]) -> Callable[P, R]:
    """Have what the file system or tooz raises mean that the place does not answer."""

    @functools.wraps(work)
    def tried(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            return work(*arguments, **options)
        except (OSError, ValueError, tooz.ToozError) as error:
            raise PlaceUnreachable(f"the shared directory cannot be used: {type(error).__name__}: {error}") from error

    return tried


class FilePlace:
    """Implements place.Place in a directory that every engine's host mounts."""

    @_reaching
    def __init__(self, directory: str, cluster: str, member: str):
        self._base = Path(directory) / cluster
        self._base.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(self._base, 0o700)  # one-time tokens lie in it
        self._coordinator = coordination.get_coordinator(f"file://{self._base / 'lock'}", member.encode())
        self._coordinator.start()
        self._lock = self._coordinator.get_lock(b"act")

    @_reaching
    def try_lock(self) -> bool:
        return bool(self._lock.acquired or self._lock.acquire(blocking=False))

    def keep_lock(self) -> None:
        """Nothing expires here."""

    @_reaching
    def unlock(self) -> None:
        if self._lock.acquired:
            self._lock.release()

    @_reaching
    def current(self) -> Claim | None:
        terms = sorted(int(path.name.removeprefix(_TERM)) for path in self._base.glob(f"{_TERM}*"))
        if not terms:
            return None
        return Claim(terms[-1], str(json.loads((self._base / f"{_TERM}{terms[-1]}").read_text())["holder"]))

    @_reaching
    def claim(self, claim: Claim) -> bool:
        temporary = self._write_aside(json.dumps({"holder": claim.holder}))
        try:
            os.link(temporary, self._base / f"{_TERM}{claim.term}")  # unlike a rename, it never replaces another's
        except FileExistsError:
            return False
        finally:
            os.unlink(temporary)
        _sync(self._base)
        return True

    @_reaching
    def beat(self, term: int, sign: str) -> None:
        self._replace(self._base / f"{_BEAT}{term}", sign)

    @_reaching
    def sign(self, term: int) -> str:
        try:
            return (self._base / f"{_BEAT}{term}").read_text()
        except FileNotFoundError:
            return ""

    @_reaching
    def rows(self, term: int) -> dict[str, str]:
        directory = self._base / f"{_ROWS}{term}"
        return {unquote(path.name): path.read_text() for path in directory.glob("*")} if directory.is_dir() else {}

    @_reaching
    def write(self, term: int, changes: Changes) -> None:
        directory = self._base / f"{_ROWS}{term}"
        directory.mkdir(mode=0o700, exist_ok=True)
        for key, text in changes.items():
            if text is None:
                (directory / quote(key, safe="")).unlink(missing_ok=True)
            else:
                self._replace(directory / quote(key, safe=""), text)
        _sync(directory)

    @_reaching
    def forget_before(self, term: int) -> None:
        for kind in (_TERM, _BEAT, _ROWS):
            for path in self._base.glob(f"{kind}*"):
                if int(path.name.removeprefix(kind)) <= term - _KEPT:
                    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def close(self) -> None:
        with suppress(PlaceUnreachable):
            self.unlock()
        with suppress(tooz.ToozError, OSError):
            self._coordinator.stop()

    def _replace(self, path: Path, text: str) -> None:
        os.replace(self._write_aside(text), path)

    def _write_aside(self, text: str) -> str:
        """Write a new file, mode 0600, that no glob here finds; return its path."""
        handle, temporary = tempfile.mkstemp(dir=self._base, prefix=".new-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return temporary


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
