"""The memory and its journal as one thing: what is changed is written down, or it is known that it could not be."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from ..errors import JournalError
from ..model import ResourceFlag
from ..policy.memory import Memory
from .journal import Entry, Evidence, Journal, Order

log = logging.getLogger(__name__)


class Mirror(Protocol):
    """Where an administrator's decisions lie besides the journal, in view of a second master (Salt's cache backend)."""

    def get(self) -> Mapping[str, Any] | None:
        """Return what was last put, None when nothing was."""

    def put(self, decisions: Mapping[str, Any]) -> None:
        """Keep the decisions: {"auto": bool | None, "flags": {resource: number}, "held": {node: why}}."""


class MemoryMirror:
    """A mirror in memory, for tests and simulations."""

    def __init__(self) -> None:
        self.kept: Mapping[str, Any] | None = None

    def get(self) -> Mapping[str, Any] | None:
        return self.kept

    def put(self, decisions: Mapping[str, Any]) -> None:
        self.kept = dict(decisions)


class Ledger:
    """Holds the memory; every change goes through `update`, which any thread may call.

    While the journal cannot be written `fault` says why; the memory then goes on in mind only, and the next change that
    can be written brings the journal up to date.
    """

    def __init__(self, journal: Journal, mirror: Mirror | None = None):
        self.lock = threading.RLock()
        self.fault = ""
        self.lost = False  # there was a journal once, for the mirror remembers something, and it is gone
        self.memory = Memory()
        self._journal, self._mirror = journal, mirror
        self._notes: dict[str, Any] = {}
        self._mirrored: dict[str, Any] | None = None
        self._held: dict[str, str] = {}
        self._loaded = False
        self._pending: list[Entry] = []
        self._evidence: tuple[Evidence, ...] | None = None
        self._load()

    @property
    def degraded(self) -> str:
        return self.fault or self._journal.degraded

    def update(
        self,
        change: Callable[[Memory], Memory],
        *,
        entries: Iterable[Entry] = (),
        order: Order | None = None,
        spent: str = "",
        notes: Mapping[str, Any] | None = None,
        durable: bool = False,
    ) -> tuple[Memory, Memory]:
        """Change the memory and write it down; return it as it was and as it is.

        Never raises for the journal: look at `fault`, or use `commit` for what must be written before the next step.
        """
        with self.lock:
            self._load()
            before = self.memory
            self.memory = self._restore_holds(before, change(before))
            self._notes.update(notes or {})
            self._pending = [*self._pending, *entries][-1000:]
            self._save(order, spent, durable)
            self._put_mirror()
            return before, self.memory

    def commit(self, change: Callable[[Memory], Memory], **options: Any) -> tuple[Memory, Memory]:
        """Change the memory like `update`, or not at all: raises JournalError when it could not be written."""
        with self.lock:
            memory = self.memory
            before, after = self.update(change, **options)
            if self.fault:
                self.memory = memory
                raise JournalError(self.fault)
            return before, after

    def order(self, name: str) -> Order | None:
        """Return a node's token and user-data. Raises JournalError."""
        with self.lock:
            try:
                return self._journal.order(name)
            except JournalError as error:
                self._fail(error)
                raise

    def history(self, **wanted: Any) -> tuple[Entry, ...]:
        """Return entries, newest first (see Journal.history). Raises JournalError."""
        with self.lock:
            return self._journal.history(**wanted)

    def evidence(self, resource: str = "", node: str = "") -> tuple[Evidence, ...]:
        """Return what is kept of machines that never became nodes, newest first. Raises JournalError."""
        with self.lock:
            if self._evidence is None:
                self._evidence = self._journal.evidence()
            return tuple(item for item in self._evidence if resource in ("", item.resource) and node in ("", item.node))

    def keep_evidence(self, found: Evidence) -> None:
        """Keep it. Raises JournalError."""
        with self.lock:
            self._evidence = None
            self._journal.keep_evidence(found)

    def note(self, name: str, default: Any = None) -> Any:
        """Return a small fact that `update(notes=...)` or `keep` kept."""
        return self._notes.get(name, default)

    def keep(self, name: str, fact: Any) -> None:
        """Keep a small fact; it is written down with the next change."""
        with self.lock:
            self._notes[name] = fact

    def close(self) -> None:
        with self.lock:
            self._journal.close()

    # -- inside -----------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        """Read the journal once it can be read; until then nothing was begun, so that nothing is lost by taking its word."""
        if self._loaded:
            return
        try:
            memory = self._journal.load()
        except JournalError as error:
            self._fail(error)
            return
        self._loaded, self.fault = True, ""
        self.memory, self._notes = memory, self._journal.notes()
        if self._journal.fresh:
            self._read_mirror()
        self.lost = self.lost or self._journal.lost

    def _save(self, order: Order | None, spent: str, durable: bool) -> None:
        if not self._loaded:
            return
        try:
            self._journal.save(
                self.memory, entries=self._pending, order=order, spent=spent, notes=self._notes, durable=durable
            )
        except JournalError as error:
            self._fail(error)
            return
        if self.fault:
            log.warning("the journal can be written again")
        self.fault, self._pending = "", []

    def _fail(self, error: JournalError) -> None:
        if str(error) != self.fault:
            log.error("%s", error)
        self.fault = str(error)

    # -- an administrator's decisions, kept twice ---------------------------------------------------------------------

    def _read_mirror(self) -> None:
        kept = self._ask_mirror()
        if not kept:
            return
        self.lost = True
        memory = replace(self.memory, auto=kept.get("auto"))
        for name, flag in dict(kept.get("flags") or {}).items():
            memory = memory.with_resource(name, replace(memory.resource(name), flag=ResourceFlag(flag)))
        self.memory, self._held = memory, dict(kept.get("held") or {})

    def _ask_mirror(self) -> Mapping[str, Any] | None:
        if self._mirror is None:
            return None
        try:
            return self._mirror.get()
        except Exception:  # the mirror is a second copy: without it the first one is still right
            log.exception("the mirror of an administrator's decisions cannot be read")
            return None

    def _restore_holds(self, before: Memory, after: Memory) -> Memory:
        """Give a node that is found again the hold that an administrator had put on it."""
        for name in [name for name in self._held if name in after.nodes and name not in before.nodes]:
            why = self._held.pop(name)
            after = after.with_node(replace(after.nodes[name], held_for=why))
        return after

    def _put_mirror(self) -> None:
        decisions = _decisions(self.memory, self._held)
        if self._mirror is None or decisions == self._mirrored or self.fault and not self._loaded:
            return
        try:
            self._mirror.put(decisions)
        except Exception:
            log.exception("the mirror of an administrator's decisions cannot be written")
        self._mirrored = decisions


def _decisions(memory: Memory, held: Mapping[str, str]) -> dict[str, Any]:
    flags = {name: int(item.flag) for name, item in sorted(memory.resources.items()) if item.flag is not ResourceFlag.NORMAL}
    holds = {name: record.held_for for name, record in sorted(memory.nodes.items()) if record.held_for}
    return {"auto": memory.auto, "flags": flags, "held": {**held, **holds}}
