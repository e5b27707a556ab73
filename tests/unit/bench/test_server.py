"""The measurement of the admin server, with little to do: that it runs at all, and tells what it is for."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("salt.config")

import bench.server as server  # noqa: E402


@pytest.mark.thorough
def test_a_small_cluster_is_served_while_the_loop_observes_and_decides() -> None:
    found = server.run(server.Size(nodes=50, jobs=50, seconds=1.0))
    assert found.requests == server.A_SECOND and found.errors == () and found.readings >= 1 and 0 < found.p50 <= found.p99 <= found.most


def test_an_engine_that_dies_ends_the_measurement_at_once() -> None:
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"]) as engine, subprocess.Popen(["sleep", "600"], stdout=subprocess.PIPE, text=True) as client:
        try:
            engine.wait()
            with pytest.raises(RuntimeError, match="ended early"):
                server._finish(client, server.Size(), besides=engine)
        finally:
            client.kill()
