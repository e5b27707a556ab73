"""One front before one moto for all tests of faults; a fresh account and cluster for each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto.server")

from .cluster import Cluster
from .ec2 import Front

logging.getLogger("urllib3").setLevel(logging.INFO)


@pytest.fixture(scope="session")
def front() -> Iterator[Front]:
    found = Front()
    yield found
    found.close()


@pytest.fixture
def make(front: Front, tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Make a cluster whose two resources each have a job that waits."""
    made: list[Cluster] = []

    def start(*, fleet: bool = False, jobs: int = 1, together: bool = False, **more: Any) -> Cluster:
        directory = tmp_path / f"engine-{len(made)}"
        directory.mkdir()
        cluster = Cluster(front, directory, fleet=fleet, together=together, **more)
        made.append(cluster)
        for _ in range(jobs):
            cluster.submit("alpha")
        cluster.submit("beta")
        return cluster

    yield start
    for cluster in made:
        cluster.close()
