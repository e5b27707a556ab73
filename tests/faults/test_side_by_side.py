"""One cloud that hangs or refuses, another one that works, under the engine's real loop and in real time: the other is served as fast as without the fault."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from saltext.dynamiccluster.control.loop import Loop
from saltext.dynamiccluster.control.journal import Journal

from .cluster import Cluster
from .reactions import strike

Make = Callable[..., Cluster]


async def serve(cluster: Cluster, directory: Path) -> float:
    """Run the loop until the machine of `beta` is launched; return the seconds that took."""
    parts = cluster.core.parts
    stop = asyncio.Event()
    journal = Journal(directory / "loop.sqlite")
    loop = Loop(
        cluster.settings, parts.batch, parts.clouds, parts.check, parts.minions, parts.announcer, _RealClock(), journal, render=parts.render
    )
    running = asyncio.create_task(loop.run(stop))
    began = time.monotonic()
    while not cluster.account.living("beta") and time.monotonic() - began < 60:
        await asyncio.sleep(0.02)
    took = time.monotonic() - began
    stop.set()
    await running
    return took


class _RealClock:
    def now(self) -> float:
        return time.time()

    def steady(self) -> float:
        return time.monotonic()


@pytest.mark.parametrize("fault", ["hang", "slow", "throttled"])
def test_resource_whose_cloud_is_in_trouble_delays_no_other(make: Make, tmp_path: Path, fault: str) -> None:
    """The trouble lasts for 30 s and more at each call, so that whoever waited for it would be seen to."""
    (tmp_path / "well").mkdir()
    (tmp_path / "ill").mkdir()
    without = asyncio.run(serve(make(), tmp_path / "well"))
    cluster = make()
    strike(cluster, "*", fault, count=None, seconds=30.0)
    within = asyncio.run(serve(cluster, tmp_path / "ill"))
    assert cluster.account.living("beta") and cluster.account.living("alpha") == []
    assert within < 3 * without + 5, (without, within)
