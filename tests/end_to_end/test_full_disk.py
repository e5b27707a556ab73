"""A full disk, for real, in a lab of its own: what the journal of a long-lived one has set aside would still take some entries."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from lab.api import Lab

from .conftest import MINIMUM, Site

pytestmark = [pytest.mark.root, pytest.mark.integration]

DIRECTORY = "/var/cache/salt/master/dynamiccluster/lab"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Lab(f"full-disk-{os.getpid()}", salt=True) as lab:
        found = Site(lab)
        found.wait(lambda: len(found.serving()) == MINIMUM, "the minimum")
        yield found


def test_full_disk_for_the_journal_begins_nothing_and_loses_nothing(site: Site) -> None:
    lab = site.lab
    lab.head("mkdir -p /run/small && mount -t tmpfs -o size=8m,mode=700 small /run/small")
    began = lab.snapshot()["engine"]["started_at"]
    assert lab.kill_engine()
    lab.head(f"cp -a {DIRECTORY}/. /run/small/ && mount --bind /run/small {DIRECTORY}")
    site.wait(lambda: lab.snapshot()["engine"]["started_at"] > began and len(site.serving()) == 1 and not site.problems(), "the engine on the small disk")
    nodes, machines = set(site.nodes()), len(lab.machines())

    lab.head(f"dd if=/dev/zero of={DIRECTORY}/filler bs=4k", check=False)
    jobs = [site.submit("-pe smp 2", seconds=15) for _ in range(2)]
    site.wait(lambda: any("cannot write into" in line and "(0 MiB" in line for line in site.done("status")["problems"]), "status to tell")
    site.wait(lambda: "cannot be used" in site.log() and "free space?" in site.log(), "the log to tell")
    assert len(lab.machines()) == machines, "what cannot be written down is not begun"
    assert lab.head(f"kill -0 $(cat {DIRECTORY}/engine.lock)").returncode == 0

    lab.head(f"rm {DIRECTORY}/filler")
    site.wait(lambda: all(site.is_done(job) for job in jobs), "the jobs that waited for the disk")
    site.wait(lambda: not site.problems(), "the end of the trouble")
    assert nodes <= {machine["node"] for machine in lab.machines()}
    assert all(site.done("status")["engine"][what] in (0, "", {}) for what in ("journal", "degraded"))
