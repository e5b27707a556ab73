"""What was last read of the world, each part with its age, and what an administrator asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .model import BatchView, CheckResult, CloudView

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """The last good reading of one source.

    `value` None: it was never read. `error`: why the newest try failed; then `value` is old and nothing may be launched, removed or
    destroyed on its account. `serial` counts the good readings, so that "seen twice" means two of them.
    """

    value: T | None = None
    read_at: float = 0.0
    serial: int = 0
    error: str = ""
    failing_since: float = 0.0

    @property
    def fresh(self) -> bool:
        return self.value is not None and not self.error


@dataclass(frozen=True, slots=True)
class Command:
    """One wish of an administrator: the runner function's name and its arguments."""

    name: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    by: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a decision knows of the world.

    `clouds` by resource, `checks` by node name (only nodes that are being configured have an entry), `addresses` what the batch
    system's head resolves a host name to ("" = it does not).
    """

    batch: Reading[BatchView] = Reading()
    clouds: Mapping[str, Reading[CloudView]] = field(default_factory=dict)
    checks: Mapping[str, CheckResult] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
