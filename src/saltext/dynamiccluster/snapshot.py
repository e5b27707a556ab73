"""What was last read of the world, each part with its age, and what an administrator asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .model import BatchView, CheckResult, CloudView, NodeRecord

T = TypeVar("T")

LONGEST_GAP = 60.0  # seconds between two readings that count at most: a grace of three times that takes four good readings at least


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
    steady_at: float = 0.0  # when it began, by a clock that nobody sets
    lived: float = 0.0  # seconds that this engine has lived from one good and complete reading of the source to the next
    watched: Mapping[str, float] = field(default_factory=dict)  # what is looked for: `lived` when that began

    @property
    def fresh(self) -> bool:
        return self.value is not None and not self.error

    def watched_for(self, what: str) -> float:
        """Return for how many lived seconds it has been looked for.

        Every grace is measured by this: the wall clock jumps, while the engine is not there nobody looks, and a reading that fails or is cut shows nothing.
        """
        return self.lived - self.watched.get(what, self.lived)

    def followed_by(self, value: T, read_at: float, steady_at: float, watched: Iterable[str] = (), *, complete: bool = True) -> Reading[T]:
        """Return the good reading that comes after this one."""
        gap = steady_at - self.steady_at if complete and self.value is not None else 0.0
        lived = self.lived + min(max(gap, 0.0), LONGEST_GAP)
        since = {what: self.watched.get(what, lived) for what in watched}
        return Reading(value, read_at, self.serial + 1, steady_at=steady_at, lived=lived, watched=since)


def sought_as(record: NodeRecord) -> str:
    """Return what a machine is looked for as in the listings: its id, or its launch's intent until that is known; each new try begins anew."""
    return record.instance_id or f"{record.intent} {record.tries}"


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
