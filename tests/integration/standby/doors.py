"""A simulated world in one process, engines in others: each call of theirs comes through a door that knows who made it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

CHANGES = frozenset({"join", "hold", "unhold", "remove", "vacate", "requeue", "clear", "launch", "destroy", "adopt"})


METHODS = CHANGES | {"observe", "resolve", "clear", "job", "check", "shape", "list", "get", "now", "steady", "expect", "configure", "forget"}


@dataclass(frozen=True)
class Call:
    """A call that would change the world."""

    who: str
    method: str
    arguments: tuple[Any, ...]


class Doors:
    """Serves `ports` (by name) on a socket; `calls` are the changes that were asked for, in order.

    `gate(who, method)` is called, outside of the lock, before a change happens, and `after` once it has.
    """

    def __init__(self, path: Path, ports: dict[str, Any], lock: threading.RLock):
        self._ports, self._lock = ports, lock
        self.calls: list[Call] = []
        self.gate: Callable[[str, str], None] = lambda who, method: None
        self.after: Callable[[str, str], None] = lambda who, method: None
        self._listener = Listener(str(path), "AF_UNIX")
        self._connections: list[Connection] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        try:
            while True:
                connection.send(self._answer(*connection.recv()))
        except (OSError, EOFError):
            return

    def _answer(self, who: str, port: str, method: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> tuple[str, Any]:
        changes = method in CHANGES
        if changes:
            self.calls.append(Call(who, method, arguments))
            self.gate(who, method)
        try:
            with self._lock:
                found = getattr(self._ports[port], method)(*arguments, **options)
        except Exception as error:
            return "error", (type(error), error.args, dict(error.__dict__))
        if changes:
            self.after(who, method)
        return "ok", found


class Remote:
    """One port, as an engine's process sees it."""

    def __init__(self, path: str, who: str, port: str):
        self._path, self._who, self._port = path, who, port
        self._local = threading.local()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in METHODS:  # nor does a simulated port have what may be left out
            raise AttributeError(name)
        return lambda *arguments, **options: self._call(name, arguments, options)

    def _call(self, method: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if not hasattr(self._local, "connection"):
            self._local.connection = Client(self._path, "AF_UNIX")
        self._local.connection.send((self._who, self._port, method, arguments, options))
        kind, answer = self._local.connection.recv()
        if kind == "ok":
            return answer
        made, words, state = answer
        error = made.__new__(made)
        error.args = words
        error.__dict__.update(state)
        raise error
