"""One cloud that hangs or refuses, another one that works, under the engine's real loop and in real time: the other is served while the first still hangs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from saltext.dynamiccluster.clouds.aws import Timeouts
from saltext.dynamiccluster.control.loop import Loop
from saltext.dynamiccluster.control.journal import Journal

from .cluster import Cluster
from .reactions import strike

Make = Callable[..., Cluster]
TROUBLE = 240.0  # seconds


async def serve(cluster: Cluster, directory: Path) -> bool:
    """Run the loop until the machine of `beta` is launched; return whether it was, before the trouble ended and without one of `alpha`."""
    parts = cluster.core.parts
    stop = asyncio.Event()
    journal = Journal(directory / "loop.sqlite")
    loop = Loop(
        cluster.settings, parts.batch, parts.clouds, parts.check, parts.minions, parts.announcer, _RealClock(), journal, render=parts.render
    )
    running = asyncio.create_task(loop.run(stop))
    began = time.monotonic()
    while not (served := bool(cluster.account.living("beta"))) and time.monotonic() - began < TROUBLE / 2:
        await asyncio.sleep(0.02)
    hindered = not cluster.account.living("alpha")
    stop.set()
    cluster.account.table.clear()  # what hangs is let go
    await running
    return served and hindered


class _RealClock:
    def now(self) -> float:
        return time.time()

    def steady(self) -> float:
        return time.monotonic()


@pytest.mark.parametrize("fault", ["hang", "slow", "throttled"])
def test_resource_whose_cloud_is_in_trouble_delays_no_other(make: Make, tmp_path: Path, fault: str) -> None:
    """Each call is in trouble for minutes, and its client waits for as long: whoever waited for it would be seen to."""
    cluster = make()
    api = cluster.core.parts.clouds["alpha"].api  # type: ignore[attr-defined]
    api._timeouts, api._clients = Timeouts(connect=60.0, read=2 * TROUBLE, listing=2 * TROUBLE), {}
    strike(cluster, "*", fault, count=None, seconds=TROUBLE)
    assert asyncio.run(serve(cluster, tmp_path))
