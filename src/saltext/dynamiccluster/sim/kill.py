"""Kill the engine between two side effects: each call that changes something passes a wire, which may be cut before or after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ..control.journal import Journal

T = TypeVar("T")

CHANGES = {
    "batch": ("join", "hold", "unhold", "remove", "vacate", "requeue", "clear"),
    "cloud": ("launch", "launch_many", "destroy", "adopt"),
    "minions": ("expect", "configure", "forget"),
}


class EngineKilled(BaseException):
    """The engine ends here and now, as by SIGKILL: nothing catches it."""


class Wire:
    """Counts side effects; kills at number `at`, before it happens, or after it with its reply lost."""

    def __init__(self, at: int | None = None, *, after: bool = False):
        self.at, self.after = at, after
        self.passed: list[str] = []

    def run(self, label: str, effect: Callable[[], T]) -> T:
        """Let one side effect happen, or kill. Raises EngineKilled."""
        number = len(self.passed)
        self.passed.append(label)
        if number == self.at and not self.after:
            raise EngineKilled(f"before {label}")
        try:
            return effect()
        finally:
            if number == self.at:
                raise EngineKilled(f"after {label}")


class Guard:
    """A port whose changes pass the wire; everything else is the port's own."""

    def __init__(self, port: Any, name: str, methods: Iterable[str], wire: Wire):
        self._port, self._name, self._methods, self._wire = port, name, frozenset(methods), wire

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name not in self._methods:
            return found
        return lambda *args, **options: self._wire.run(f"{self._name}.{name}", lambda: found(*args, **options))


class GuardedJournal(Journal):
    """A journal whose every transaction passes the wire."""

    def __init__(self, path: Any, wire: Wire):
        super().__init__(path, sync=False)
        self._wire = wire

    def _write(self, *args: Any) -> None:
        self._wire.run("journal", lambda: super(GuardedJournal, self)._write(*args))
