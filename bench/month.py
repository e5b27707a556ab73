"""What the engine holds in memory after a simulated month of work and trouble, against what it holds after the first days."""

from __future__ import annotations

import gc
import logging
from pathlib import Path
from tempfile import TemporaryDirectory

from saltext.dynamiccluster.model import Chunk, Request
from saltext.dynamiccluster.sim.soak.rough import RoughWorld
from saltext.dynamiccluster.sim.soak.scenario import STRIDE, Scenario
from saltext.dynamiccluster.sim.soak.switches import SWITCHES, Fate

from .cases import Case, Sample, peak_mb

DAY = 86400.0
FIRST, ALL = 5, 35  # days
JOBS = 40  # a day
_TROUBLES = tuple(sorted(set(SWITCHES) - {"journal-lost", "clock-jumps", "foreign"}))


def _live_a_day(world: RoughWorld, fate: Fate) -> None:
    """Jobs come, troubles strike, calm returns; the night is short."""
    morning = world.clock.now()
    for number in range(JOBS):
        world.batch.submit(Request((Chunk(cores=1 + number % 4),)), 60.0, rerunnable=True)
    world.stride = STRIDE
    for _ in range(12):
        fate.strike(STRIDE)
        world.live()
    world.calm()
    world.stride = 30.0
    for _ in range(120):
        world.live()
    world.stride = max(morning + DAY - world.clock.now(), 1.0)
    world.live()
    world.forget_the_past()


def _resident_mb() -> float:
    """Return what is resident now, in MB."""
    gc.collect()
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / 1e6


def _run(folder: Path) -> Sample:
    logging.disable()
    with TemporaryDirectory(dir=folder, prefix="month-") as directory:
        world = RoughWorld(Scenario(3, _TROUBLES, jobs=0, minutes=1), Path(directory))
        fate = Fate(world)
        early = 0.0
        for day in range(ALL):
            _live_a_day(world, fate)
            early = _resident_mb() if day == FIRST - 1 else early
        late = _resident_mb()
        world.close()
    return Sample(late, early, peak_mb())


CASES = (Case("memory-month", f"MB after a simulated month, against MB after {FIRST} days", 1.05, _run, unit="MB"),)
