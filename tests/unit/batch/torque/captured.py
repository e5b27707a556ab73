"""The captured outputs of a real Torque with Maui, with the exit statuses that their index tells."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from saltext.dynamiccluster.batch.commands import Completed

FOLDER = Path(__file__).parents[3] / "captures" / "torque-4.2.10-maui-3.3.1"
_ROW = re.compile(r"^\| `([^`]+)` \| `(.*)` \| \S+ \| (\d+) \|", re.MULTILINE)


@cache
def index() -> dict[str, tuple[str, int]]:
    """Return command and exit status by the name of the capture; of several runs of one name the last counts, which is the one kept."""
    return {name: (command, int(status)) for name, command, status in _ROW.findall((FOLDER / "README.md").read_text())}


def names(command: str) -> list[str]:
    """Return the captures of commands that begin like this and of which something was kept, and which succeeded."""
    return sorted(name for name, (said, status) in index().items() if said.startswith(command) and not status and has(name))


def has(name: str) -> bool:
    return any((FOLDER / f"{name}.{kind}").exists() for kind in ("out", "err"))


def completed(name: str) -> Completed:
    """Return a capture as the command's result."""
    assert has(name), f"no capture {name}"
    parts = [path.read_bytes() if (path := FOLDER / f"{name}.{kind}").exists() else b"" for kind in ("out", "err")]
    return Completed(index()[name][1], *parts)


def read(name: str) -> bytes:
    """Return a capture's standard output."""
    return (FOLDER / f"{name}.out").read_bytes()


def text(name: str) -> str:
    return read(name).decode()
