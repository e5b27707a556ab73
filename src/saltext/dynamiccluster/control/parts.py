"""Everything of the world that the engine holds in its hands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ..model import NodeRecord
from ..ports import Announcer, BatchSystem, Check, Clock, Cloud, Minions
from ..settings import Settings


class Render(Protocol):
    """Makes user-data of a resource's template. Raises ConfigurationError or CloudError when it cannot."""

    def __call__(self, record: NodeRecord, token: str) -> str:
        """Return the user-data of a node that is launched alone."""

    def shared(self, record: NodeRecord, token: str) -> str:
        """Return the user-data of all machines of a launch of many, of which `record` is the first."""


def unfenced() -> None:
    """Return: with no stand-by nobody else can have begun to act."""


@dataclass(frozen=True)
class Parts:
    """The adapters that belong to one reading of the settings, and what outlives it.

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
