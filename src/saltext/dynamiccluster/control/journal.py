"""The journal: an SQLite file that holds what neither the batch system nor the clouds can tell.

Intents with their one-time tokens, times, backoffs, what was last announced, and the history. It holds tokens, so that only its owner may
read it. Losing it loses no machine and no job: the owner tags and the batch system's marks find everything again.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from ..errors import JournalError
from ..model import NodeRecord
from ..policy.memory import Memory, ResourceMemory
from .codec import decode, encode

SCHEMA = """
CREATE TABLE IF NOT EXISTS nodes (name TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS resources (name TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (name TEXT PRIMARY KEY, token TEXT NOT NULL, user_data TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, resource TEXT NOT NULL, node TEXT NOT NULL,
    text TEXT NOT NULL, data TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS evidence (id INTEGER PRIMARY KEY, resource TEXT NOT NULL, node TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS history_node ON history (node, id);
"""
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_FACTS = tuple(item.name for item in fields(Memory) if item.name not in ("nodes", "resources"))
EVIDENCE_KEPT = 5  # machines of each resource
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history. `kind`: "action", "event" or "command"."""

    at: float
    kind: str
    text: str
    resource: str = ""
    node: str = ""
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """What a launch must repeat exactly when it is asked again: the node's one-time token and its user-data."""

    name: str
    token: str
    user_data: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a machine never became a node. `why` holds the errors of its highstate, `console` the end of what it wrote there."""

    at: float
    resource: str
    node: str
    instance: str
    why: str
    console: str


class Journal:
    """One engine's journal. Methods raise JournalError when the file cannot be read or written; nothing of a failed call stays.

    A file that is no journal any more is moved aside and a new one begun; `degraded` then says so, and `fresh` tells that
    nothing was there before. One thread at a time. `sync` False spares the disk: for simulations, where no power fails.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        history_rows: int = 20_000,
        history_age: float = 30 * 86400.0,
        sync: bool = True,
    ):
        self.path = Path(path)
        self.degraded = ""
        self.fresh = False
        self.lost = False  # what another engine knew is gone: there may be launches that nobody here remembers
        self._history_rows, self._history_age, self._sync = history_rows, history_age, sync
        self._saved = Memory()
        self._notes: dict[str, Any] = {}
        self._written = 0
        self._db: sqlite3.Connection | None = None

    # -- reading ----------------------------------------------------------------------------------------------------

    def load(self) -> Memory:
        """Return all that is remembered; rows that make no sense are left out and named in `degraded`."""
        self._saved = self._attempt(self._load)
        return self._saved

    def notes(self) -> dict[str, Any]:
        """Return the small facts that are no part of the memory (what was announced of the engine itself)."""
        return dict(self._notes)

    def order(self, name: str) -> Order | None:
        """Return a node's token and user-data, None when they are not known (any more)."""
        row = self._attempt(lambda db: db.execute("SELECT name, token, user_data FROM orders WHERE name = ?", (name,)).fetchone())
        return Order(*row) if row else None

    def history(self, *, node: str = "", resource: str = "", limit: int = 100) -> tuple[Entry, ...]:
        """Return the newest entries first, those of one node or resource when named."""
        where = "WHERE (? = '' OR node = ?) AND (? = '' OR resource = ?) ORDER BY id DESC LIMIT ?"
        query = f"SELECT at, kind, text, resource, node, data FROM history {where}"
        rows = self._attempt(lambda db: db.execute(query, (node, node, resource, resource, limit)).fetchall())
        return tuple(Entry(at, kind, text, name, node_, json.loads(data)) for at, kind, text, name, node_, data in rows)

    def evidence(self) -> tuple[Evidence, ...]:
        """Return what is kept of machines that never became nodes, newest first."""
        rows = self._attempt(lambda db: db.execute("SELECT data FROM evidence ORDER BY id DESC").fetchall())
        return tuple(decode(Evidence, json.loads(data)) for (data,) in rows)

    # -- writing ----------------------------------------------------------------------------------------------------

    def save(
        self,
        memory: Memory,
        *,
        entries: Iterable[Entry] = (),
        order: Order | None = None,
        spent: str = "",
        notes: Mapping[str, Any] | None = None,
        durable: bool = False,
    ) -> None:
        """Write what differs from the last time, in one transaction; `durable`: it survives a power failure, too.

        `order` is kept beside the memory until its node is forgotten, or named in `spent`: its token is used up.
        """
        entries = tuple(entries)
        notes = self._notes if notes is None else dict(notes)
        changes = [*_differences(self._saved, memory), *_note_differences(self._notes, notes)]
        if order is not None:
            changes.append(("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", (order.name, order.token, order.user_data)))
        if spent:
            changes.append(("DELETE FROM orders WHERE name = ?", (spent,)))
        if not (changes or entries):
            return
        self._attempt(lambda db: self._write(db, changes, entries, durable), rewrite=(memory, notes))
        self._saved, self._notes = memory, notes

    def keep_evidence(self, found: Evidence) -> None:
        """Keep it, in place of the oldest of the same resource when there are enough."""

        def write(db: sqlite3.Connection) -> None:
            row = (found.resource, found.node, json.dumps(encode(found)))
            db.execute("INSERT INTO evidence (resource, node, data) VALUES (?, ?, ?)", row)
            newest = "SELECT id FROM evidence WHERE resource = ? ORDER BY id DESC LIMIT ?"
            db.execute(f"DELETE FROM evidence WHERE resource = ? AND id NOT IN ({newest})", (found.resource, found.resource, EVIDENCE_KEPT))

        self._attempt(write)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
        self._db = None

    # -- inside -----------------------------------------------------------------------------------------------------

    def _attempt(self, work: Callable[[sqlite3.Connection], T], rewrite: tuple[Memory, dict[str, Any]] | None = None) -> T:
        """Run the work on the open file; on a corrupt one once more on a new one, which gets everything written anew."""
        try:
            return work(self._open())
        except (sqlite3.Error, OSError) as error:
            self.close()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _CORRUPT:
                raise JournalError(_explain(self.path, error)) from error
            self._move_aside(error)
        try:
            db = self._open()
            if rewrite is not None:
                anew = [*_differences(Memory(), rewrite[0]), *_note_differences({}, rewrite[1])]
                self._write(db, anew, (), True)
            return work(db)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise JournalError(_explain(self.path, error)) from error

    def _open(self) -> sqlite3.Connection:
        if self._db is not None:
            return self._db
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.fresh = self.fresh or not self.path.exists()
        # made by us with these rights, before SQLite could make it with wider ones; its -wal and -shm inherit them
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        os.chmod(self.path, 0o600)
        db = sqlite3.connect(self.path, timeout=5.0, isolation_level=None, check_same_thread=False)
        try:
            if not self._sync:
                db.execute("PRAGMA synchronous = OFF")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA secure_delete = ON")  # a spent token leaves no trace
            db.executescript(SCHEMA)
        except sqlite3.Error:
            db.close()
            raise
        self._db = db
        return db

    def _move_aside(self, error: Exception) -> None:
        """Keep the unusable file for the administrator, out of the way."""
        stamp = f"{os.stat(self.path).st_mtime:.0f}-{os.urandom(3).hex()}"
        aside = self.path.with_name(f"{self.path.name}.corrupt-{stamp}")
        try:
            os.rename(self.path, aside)
        except OSError as problem:
            raise JournalError(_explain(self.path, problem)) from problem
        for ending in ("-wal", "-shm"):
            with suppress(OSError):
                os.rename(f"{self.path}{ending}", f"{aside}{ending}")
        self.fresh = True
        self.degraded = (
            f"the journal was damaged ({error}); it was moved to {aside} and begun anew. Nodes are found again by their tags; "
            "look at `dynamiccluster.nodes`, then delete the old file"
        )

    def _load(self, db: sqlite3.Connection) -> Memory:
        problem = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise _corrupt(problem)
        nodes = self._rows(db, "nodes", lambda _, data: decode(NodeRecord, data))
        resources = self._rows(db, "resources", lambda _, data: decode(ResourceMemory, data))
        hints = get_type_hints(Memory)
        facts = self._rows(db, "facts", lambda name, data: decode(hints[name], data) if name in hints else data)
        self._notes = {name: value for name, value in facts.items() if name not in hints}
        return Memory(nodes=nodes, resources=resources, **{name: facts[name] for name in _FACTS if name in facts})

    def _rows(self, db: sqlite3.Connection, table: str, read: Callable[[str, Any], Any]) -> dict[str, Any]:
        found = {}
        for name, data in db.execute(f"SELECT name, data FROM {table} ORDER BY name").fetchall():
            try:
                found[name] = read(name, json.loads(data))
            except (ValueError, TypeError, KeyError) as error:
                self.degraded = f"the journal's entry {table}/{name} makes no sense ({error}) and was ignored"
        return found

    def _write(
        self,
        db: sqlite3.Connection,
        changes: list[tuple[str, tuple[Any, ...]]],
        entries: tuple[Entry, ...],
        durable: bool,
    ) -> None:
        if self._sync:
            db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        db.execute("BEGIN IMMEDIATE")
        try:
            for statement, values in changes:
                db.execute(statement, values)
            self._write_history(db, entries)
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise

    def _write_history(self, db: sqlite3.Connection, entries: tuple[Entry, ...]) -> None:
        rows = [(e.at, e.kind, e.resource, e.node, e.text, json.dumps(encode(e.data))) for e in entries]
        db.executemany("INSERT INTO history (at, kind, resource, node, text, data) VALUES (?, ?, ?, ?, ?, ?)", rows)
        self._written += len(rows)
        if not rows or self._written % 100 >= len(rows):
            return  # bounded now and then, not at each write
        db.execute("DELETE FROM history WHERE at < ?", (rows[-1][0] - self._history_age,))
        db.execute("DELETE FROM history WHERE id <= (SELECT max(id) FROM history) - ?", (self._history_rows,))


def _differences(old: Memory, new: Memory) -> list[tuple[str, tuple[Any, ...]]]:
    """Return the statements that turn what the file holds into the new memory."""
    changes: list[tuple[str, tuple[Any, ...]]] = []
    for table, before, after in (("nodes", old.nodes, new.nodes), ("resources", old.resources, new.resources)):
        changes += [(f"DELETE FROM {table} WHERE name = ?", (name,)) for name in before if name not in after]
        changes += [_put(table, name, item) for name, item in after.items() if not _is_same(before.get(name), item)]
    changes += [("DELETE FROM orders WHERE name = ?", (name,)) for name in old.nodes if name not in new.nodes]
    changes += [_put("facts", name, getattr(new, name)) for name in _FACTS if getattr(old, name) != getattr(new, name)]
    return changes


def _is_same(old: object, new: object) -> bool:
    """Return whether nothing differs that is worth a write: when a node was last seen is true for a moment only."""
    if old is new or not isinstance(old, NodeRecord) or not isinstance(new, NodeRecord):
        return old == new
    if bool(old.seen_at) != bool(new.seen_at):
        return False
    return replace(old, seen_at=new.seen_at, reading=new.reading) == new


def _note_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, tuple[Any, ...]]]:
    return [_put("facts", name, value) for name, value in new.items() if name not in old or old[name] != value]


def _put(table: str, name: str, value: object) -> tuple[str, tuple[Any, ...]]:
    return f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (name, json.dumps(encode(value)))


def _corrupt(problem: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(problem)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _explain(path: Path, error: Exception) -> str:
    return f"the journal {path} cannot be used: {error}. Nothing new is begun until it can (free space? rights?)"
