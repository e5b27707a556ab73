"""Daemons killed and wires cut, for real: what runs goes on, what waits runs later, nothing is done twice."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from lab.demo import storm
from lab.layout import USER

from .conftest import Site

pytestmark = [pytest.mark.root, pytest.mark.integration]

Strike = Callable[[Callable[..., tuple[str, Callable[[], object]]]], Callable[[], object]]


@pytest.fixture
def strike(site: Site) -> Iterator[Strike]:
    """Return a function that begins a trouble and returns how to mend it; what is not mended by the end is mended then."""
    open_: list[Callable[[], object]] = []

    def begin(trouble: Callable[..., tuple[str, Callable[[], object]]]) -> Callable[[], object]:
        said, mend = trouble(site.lab, random.Random())
        assert said

        def end() -> None:
            open_.remove(end)
            mend()

        open_.append(end)
        return end

    yield begin
    for end in tuple(open_):
        end()


def marked(site: Site, seconds: int, options: str = "") -> str:
    """Submit a job that leaves a line each time that it starts; return its number."""
    line = f"printf 'echo started >>ran-$JOB_ID; sleep {seconds}\\n' | qsub -terse -cwd -o /dev/null -j y {options}"
    return site.lab.head(line, user=USER).stdout.strip()


def starts(site: Site, job: str) -> int:
    return site.lab.head(f"cat ran-{job}", user=USER, check=False).stdout.count("started")


def ended_machines(site: Site) -> int:
    return sum(bool(one["off"]) for one in site.lab.machines())


def test_qmaster_and_salt_master_killed_and_restarted_lose_no_job(site: Site, strike: Strike) -> None:
    lab = site.lab
    jobs = [marked(site, 30), marked(site, 10, "-pe smp 2")]
    site.wait(lambda: starts(site, jobs[0]), "the first job to run")
    ended = ended_machines(site)
    mend = strike(storm.kill_qmaster)
    site.wait(lambda: "batch system cannot be read" in site.problems(), "the engine to notice")
    mend()
    assert ended_machines(site) == ended, "what cannot be asked is not known to be empty"

    began = lab.snapshot()["engine"]["started_at"]
    mend = strike(storm.kill_master)
    jobs.append(marked(site, 5, "-pe smp 2"))
    mend()
    site.wait(lambda: lab.snapshot()["engine"]["started_at"] > began, "the next engine")
    site.wait(lambda: all(site.is_done(job) for job in jobs), "all jobs")
    assert [starts(site, job) for job in jobs] == [1, 1, 1]


def test_node_whose_network_is_cut_keeps_its_job(site: Site, strike: Strike) -> None:
    (node,) = site.serving()
    job = marked(site, 60)
    site.wait(lambda: starts(site, job), "the job to run")
    mend = strike(storm.cut_network)
    site.wait(lambda: site.state(node) == "Error", "the node to be seen down")
    mend()
    site.wait(lambda: site.is_done(job), "the job")
    assert starts(site, job) == 1
