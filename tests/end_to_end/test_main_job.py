"""The main job: a burst comes, the cluster grows, the jobs run, the cluster shrinks; with the troubles that a site has."""

from __future__ import annotations

import pytest

from lab.demo import burst
from lab.demo.dialects import GRID_ENGINE

from .conftest import PATIENCE, Site

pytestmark = [pytest.mark.root, pytest.mark.integration]

SPREAD = ("fill", "round-robin", "fixed")  # they may lose a part on the dead node, and record only where their first part runs


def events_of(site: Site, ending: str) -> list[str]:
    return [event["tag"].split("/")[3] for event in site.lab.events() if event["tag"].endswith(ending)]


def test_burst_comes_and_goes_though_the_engine_is_killed_and_a_node_loses_power(site: Site) -> None:
    lab = site.lab
    wishes = GRID_ENGINE.wishes(chaos=True)
    submitted = burst.submit(lab, wishes, rerunnable=True)
    victim = submitted[-1]

    site.wait(lambda: len(site.nodes()) >= 3, "nodes on their way")
    assert lab.kill_engine()
    site.wait(lambda: len(site.serving()) >= 3, "new nodes that serve")

    def runs_somewhere() -> str:
        record = burst.runs(lab).get(burst.tasks_of(victim)[0], burst.Run())
        return record.starts[-1][1] if record.starts and not record.ended else ""

    dead = site.wait(runs_somewhere, "the job whose node shall lose its power")
    lab.poweroff(dead)

    site.wait(lambda: not burst.unfinished(submitted, burst.runs(lab)), "every job that can run", 2 * PATIENCE)
    records = burst.runs(lab)
    assert not burst.ran_unasked(submitted, records)
    starts = records[burst.tasks_of(victim)[0]].starts
    assert [host for _, host in starts][0] == dead and len(starts) == 2, "it ran again, once"
    for one in submitted:
        if one is not victim and one.wish.can_run and one.wish.title not in SPREAD:
            again = [task for task in burst.tasks_of(one) if len(records[task].starts) > 1 and dead not in {host for _, host in records[task].starts}]
            assert not again, f"{one.wish.title} was started twice though its node never failed"
    lab.head("qdel " + " ".join(one.job for one in submitted if not one.wish.can_run), user="alice", check=False)

    site.wait_for_rest()
    requested, machines = events_of(site, "/requested"), [one["node"] for one in lab.machines()]
    assert len(machines) == len(set(machines)), "no intent became two machines"
    assert set(machines) <= set(requested) and len(requested) == len(set(requested))
    launches = [row["parameters"] for row in lab.requests() if row["parameters"].get("Action") in ("RunInstances", "CreateFleet") and row["status"] == 200]
    tokens = [parameters["ClientToken"] for parameters in launches]
    assert len(set(tokens)) == len(machines)
    assert {one["node"] for one in lab.machines() if one["off"]} == set(events_of(site, "/destroyed"))
