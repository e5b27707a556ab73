"""What a benchmark is made of, and the list of all of them."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

# in the order of the table; one that is not there is left out
MODULES = ("gridengine", "torque", "decide", "runner", "server", "month")
APART = ("lab", "nova")  # with real daemons, and only when asked for


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a case: CPU seconds of what is measured and of its floor; `peak` in MB where the floor would add to it.

    `judged`: whether there was enough to do for the goal to mean anything: what takes some milliseconds whatever there is must not count.
    """

    cpu: float
    floor: float
    peak: float = 0.0
    judged: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """One row. `goal` is the greatest ratio of `run`'s CPU seconds (or what `unit` says) to its floor's, `most_mb` the greatest peak of resident memory.

    `prepare(folder)` writes what `run(folder)` reads, once, in another process, so that it does not count.
    """

    name: str
    title: str
    goal: float
    run: Callable[[Path], Sample]
    prepare: Callable[[Path], None] | None = None
    most_mb: float | None = None
    unit: str = "s"
    within: float = 600.0  # seconds, for each of `prepare` and `run`


@dataclass
class Stopwatch:
    """CPU seconds, the system's share included, that were spent within its `with` blocks. The least of several counts."""

    seconds: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        began = cpu_seconds()
        yield
        self.seconds += cpu_seconds() - began


def cpu_seconds() -> float:
    """Return what this process has used, all its threads together."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mb() -> float:
    """Return the most memory that this process has had resident, in MB. (getrusage would tell the parent's before exec, too.)"""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def all_cases(modules: Sequence[str] = MODULES) -> dict[str, Case]:
    """Return every case of these modules by its name."""
    found = [import_module(f"bench.{name}") for name in modules if find_spec(f"bench.{name}")]
    return {case.name: case for module in found for case in module.CASES}
