"""Ports that lie, fail, and let others come in between: around the simulated batch system, clouds, journal and clock."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ...errors import BatchMalformed, BatchRefused, BatchUnreachable
from ...model import BatchView, Instance
from ...ports import Clock
from ..batch import SimBatch
from ..cloud import SimulatedCloud
from ..kill import CHANGES, GuardedJournal, Wire


class SkewedClock:
    """The engine's own clock: right, but for an offset that jumps."""

    def __init__(self, clock: Clock):
        self.clock, self.offset = clock, 0.0

    def now(self) -> float:
        return self.clock.now() + self.offset

    def steady(self) -> float:
        return self.clock.steady()


class LyingBatch:
    """A SimBatch as its port shows it. `mode` is how it misbehaves now.

    "old": it answers what it answered when that began. "malformed", "down": no answer that can be used. "frozen": changes are
    made, perhaps, and never answered. "unknown": it has just restarted, and no host has reported yet. "au": the same, told as if all
    hosts were down. `refuses` is the share of changes that it refuses.
    """

    def __init__(self, batch: SimBatch, chance: random.Random):
        self.batch, self.chance = batch, chance
        self.mode = ""
        self.refuses = 0.0
        self.slips = 0.0  # share of holds after which a job that has just come starts on the host all the same
        self._old: BatchView | None = None

    def set(self, mode: str) -> None:
        self._old = self.batch.observe() if mode == "old" else None
        self.mode = mode

    def observe(self) -> BatchView:
        if self.mode == "malformed":
            raise BatchMalformed("the simulated qstat's output ends in the middle")
        if self.mode in ("down", "frozen"):
            raise BatchUnreachable("the simulated qmaster does not answer")
        view = self._old if self.mode == "old" and self._old is not None else self.batch.observe()
        if self.mode in ("unknown", "au"):
            up = None if self.mode == "unknown" else False
            view = replace(view, hosts=tuple(replace(host, up=up) for host in view.hosts))
        return view

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.batch, name)
        return self._change(name, found) if name in CHANGES["batch"] else found

    def _change(self, name: str, change: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if self.mode == "down" or (self.mode == "frozen" and self.chance.random() < 0.5):
                raise BatchUnreachable("the simulated qmaster does not answer")
            if self.chance.random() < self.refuses:
                raise BatchRefused(f"the simulated qmaster refuses to {name} {args[0]}")
            result = change(*args, **options)
            if name == "hold" and self.chance.random() < self.slips:
                self.batch.submit(duration=self.chance.uniform(5, 100), rerunnable=self.chance.random() < 0.5)
                self.batch.slip(args[0])
            if self.mode == "frozen":
                raise BatchUnreachable("the simulated qmaster took the command and never answered")
            return result

        return call


class LyingCloud:
    """A SimulatedCloud whose answers miss young machines now and then while `flickers`: each comes from another replica.

    All of them know a machine that was asked to end.
    """

    def __init__(self, cloud: SimulatedCloud, chance: random.Random):
        self.cloud, self.chance = cloud, chance
        self.flickers = 0.0  # seconds of age up to which a machine may be missing
        self._ending: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cloud, name)

    def list(self) -> tuple[Instance, ...]:
        return tuple(instance for instance in self.cloud.list() if not self._misses(instance))

    def get(self, instance_id: str) -> Instance | None:
        found = self.cloud.get(instance_id)
        return None if found is not None and self._misses(found) else found

    def destroy(self, instance_id: str) -> None:
        self._ending.add(instance_id)
        self.cloud.destroy(instance_id)

    def _misses(self, instance: Instance) -> bool:
        if not self.flickers or instance.id in self._ending or self.cloud.account.clock.now() - instance.created >= self.flickers:
            return False
        return self.chance.random() < 0.5


class RoughJournal(GuardedJournal):
    """A journal on a disk that may be full."""

    def __init__(self, path: Any, wire: Wire, is_full: Callable[[], bool]):
        super().__init__(path, wire)
        self._is_full = is_full

    def _write(self, *args: Any) -> None:
        if self._is_full():
            raise sqlite3.OperationalError("database or disk is full")
        super()._write(*args)


class Gate:
    """A port whose changes are noted, pass the wire, and let `between` happen right before and right after them."""

    def __init__(
        self,
        port: Any,
        name: str,
        changes: Iterable[str],
        note: Callable[[str, str, Any], None],
        wire: Callable[[], Wire],
        between: Callable[[], None],
    ):
        self._port, self._name, self._changes = port, name, frozenset(changes)
        self._note, self._wire, self._between = note, wire, between

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name not in self._changes:
            return found

        def call(*args: Any, **options: Any) -> Any:
            self._between()
            self._note(self._name, name, args[0])
            try:
                result = self._wire().run(f"{self._name}.{name}", lambda: found(*args, **options))
            except Exception:
                self._between()
                raise
            self._between()
            return result

        return call
