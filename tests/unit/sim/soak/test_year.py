"""A simulated year: what the engine remembers, in its mind and on its disk, stays as small as it was after the first months."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.model import Chunk, Request
from saltext.dynamiccluster.sim.soak import hands, invariants
from saltext.dynamiccluster.sim.soak.rough import RoughWorld
from saltext.dynamiccluster.sim.soak.scenario import STRIDE, Scenario
from saltext.dynamiccluster.sim.soak.switches import SWITCHES, Fate

DAY = 86400.0
TROUBLES = tuple(sorted(set(SWITCHES) - {"journal-lost", "clock-jumps", "foreign"}))


def live_a_day(world: RoughWorld, fate: Fate, jobs: int) -> None:
    """Jobs come, troubles strike, calm returns; the clock jumps to the next morning."""
    morning = world.clock.now()
    for number in range(jobs):
        world.batch.submit(Request((Chunk(cores=1 + number % 4),)), 60.0, rerunnable=True)
    world.stride = STRIDE
    for _ in range(12):
        fate.strike(STRIDE)
        world.live()
    world.calm()
    while list(invariants.comes_to_rest(world)) and world.clock.now() < morning + DAY / 2:
        hands.tidy(world)
        world.live()
        world.stride = STRIDE if world.effects else 60.0
    world.stride = morning + DAY - world.clock.now()
    world.live()
    world.forget_the_past()


def sizes(world: RoughWorld) -> dict[str, int]:
    """Return how much the engine remembers: letters, rows, octets."""
    core = world.core
    return {
        "memory": len(repr(core.memory)),
        "snapshot": len(repr(core.snapshot)),
        "history": len(core.ledger.history(limit=10**6)),
        "disk": sum(path.stat().st_size for path in world.directory.iterdir()),
    }


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [3])
def test_a_year_of_work_and_trouble_leaves_no_more_behind_than_its_first_months(seed, tmp_path):
    world = RoughWorld(Scenario(seed, TROUBLES, jobs=0, minutes=1), tmp_path)
    fate = Fate(world)
    seen = {}
    for day in range(365):
        live_a_day(world, fate, jobs=2 if day % 7 < 5 else 0)
        seen[day] = sizes(world) if day in (99, 364) else {}
    world.close()
    assert list(invariants.comes_to_rest(world)) == []
    for what in ("memory", "snapshot"):
        assert seen[364][what] <= 1.3 * seen[99][what] + 200, (what, seen[99], seen[364])
    # a month of history, and SQLite's write-ahead log, which is begun anew at about 4 MB
    assert seen[364]["history"] < 2000 and seen[364]["disk"] < 6 * 2**20, seen[364]
