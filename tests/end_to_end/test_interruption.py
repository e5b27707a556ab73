"""A cloud takes a machine back, for real: from the metadata service by the node's own beacon to the batch system and to another machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab.layout import USER

from .conftest import Site

pytestmark = [pytest.mark.root, pytest.mark.integration]

NOTICE = 60.0  # seconds between the notice and the end of the machine: AWS gives 120


@pytest.fixture(autouse=True)
def own_settings(site: Site) -> Iterator[None]:
    """Leave the lab's own settings behind."""
    yield
    site.change({})


def submit(site: Site, options: str, seconds: int) -> str:
    """Submit a job that writes down where it starts; return its number."""
    script = f'echo "$(hostname)" >>"$HOME/starts.$JOB_ID"\\nsleep {seconds}\\n'
    return site.lab.head(f"printf '{script}' | qsub -terse -o /dev/null -j y {options}", user=USER).stdout.strip()


def starts(site: Site, job: str) -> list[str]:
    """Return the hosts on which a job has started, in order."""
    return site.lab.head(f"cat starts.{job} 2>/dev/null", user=USER, check=False).stdout.split()


def jobs_on(site: Site, node: str) -> list[str]:
    return [word.partition(".")[0] for word in site.nodes().get(node, {}).get("jobs", ())]


def noticed(site: Site, node: str) -> list[dict[str, Any]]:
    """Return what the events told of notices for a node."""
    return [event["data"] for event in site.lab.events() if event["tag"].endswith("/noticed") and event["data"]["id"] == site.lab.nodes()[node]["instance"]]


def test_spot_machine_is_taken_back_while_jobs_run_on_it(site: Site) -> None:
    """What may run again does so elsewhere before the machine ends; what may not runs on until then."""
    status, answer = site.change({"cloud": {"large": {"config": {"spot_bid": 0.5}}}})
    assert status == 0, answer
    again = submit(site, "-pe smp 3 -r y", 15)
    [node] = site.wait(lambda: starts(site, again), "the job that may run again")
    assert site.nodes()[node]["resource"] == "large" and site.nodes()[node]["instance"]["spot"]
    stays = submit(site, f"-r n -q all.q@{node}", 600)
    site.wait(lambda: stays in jobs_on(site, node), "the job that may not")

    site.lab.announce(node, "interruption", NOTICE)
    site.wait(lambda: again not in jobs_on(site, node), "the job to be requeued", within=NOTICE)
    assert stays in jobs_on(site, node) and site.state(node) == "Holding" and site.nodes()[node]["held_by"] == "us"
    assert [(data["kind"], data["due"] > 0) for data in noticed(site, node)] == [("interruption", True)]

    site.wait(lambda: len(starts(site, again)) > 1, "its second start")
    assert starts(site, again)[1] != node
    site.wait(lambda: site.is_done(again), "its end")
    site.wait(lambda: node not in site.nodes(), "the machine to be gone and cleared away")
    assert site.is_done(stays) and starts(site, stays) == [node]
    told = [row["text"] for row in site.lab.snapshot()["history"]]
    assert any(f"requeued jobs: {again}" in text for text in told) and any(f"lost jobs: {stays}" in text for text in told)


def test_rebalance_recommendation_replaces_the_machine_and_ends_nothing(site: Site) -> None:
    [node] = site.serving()
    job = submit(site, f"-r y -q all.q@{node}", 20)
    site.wait(lambda: job in jobs_on(site, node), "the job")
    site.lab.announce(node, "rebalance")
    site.wait(lambda: site.nodes().get(node, {}).get("held_by") == "us", "the node to be held")
    site.wait(lambda: any(other != node for other in site.serving()), "another machine in its place")
    site.wait(lambda: node not in site.nodes(), "its end")
    assert starts(site, job) == [node] and site.is_done(job)


def test_notice_that_the_minion_did_not_sign_is_ignored(site: Site) -> None:
    """A node may fire any tag, and write any id."""
    [node] = site.serving()
    forged = '{"said": "{\\"id\\": \\"%s\\", \\"instance\\": \\"\\", \\"at\\": 9e9, \\"notices\\": []}", "signature": "Zm9yZ2Vk"}' % node
    site.lab.node(node, ["salt-call", "--out=quiet", "event.send", f"salt/beacon/{node}/dynamiccluster_notice/", "with_env=False", f"data={forged}"])
    site.wait(lambda: "is not believed" in site.log(), "the refusal in the log")
    assert site.serving() == [node]
