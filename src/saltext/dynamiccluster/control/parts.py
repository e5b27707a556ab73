"""Everything of the world that the engine holds in its hands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..model import NodeRecord
from ..ports import Announcer, BatchSystem, Check, Clock, Cloud, Minions
from ..settings import Settings

Render = Callable[[NodeRecord, str], str]


def unfenced() -> None:
    """Return: with no stand-by nobody else can have begun to act."""


@dataclass(frozen=True)
class Parts:
    """The adapters that belong to one reading of the settings, and what outlives it.

    `render(record, token)` returns the user-data of a node; it raises ConfigurationError or CloudError when it cannot.
    `fence()` is called right before each side effect; it raises NotActing when another engine acts.
    """

    settings: Settings
    batch: BatchSystem
    clouds: Mapping[str, Cloud]
    check: Check
    minions: Minions
    announcer: Announcer
    clock: Clock
    render: Render
    fence: Callable[[], None] = unfenced
