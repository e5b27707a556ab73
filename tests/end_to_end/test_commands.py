"""What an administrator does by hand, through salt-run: first as a dry run, then for real."""

from __future__ import annotations

import pytest

from .conftest import MINIMUM, Site

pytestmark = [pytest.mark.root, pytest.mark.integration]


def dry(site: Site, *lines: str) -> None:
    """Ask for each change with test=True: it is announced, and nothing of it happens."""
    before = (set(site.nodes()), site.lab.snapshot()["engine"]["auto_mode"])
    for line, (status, answer) in zip(lines, site.calls(*(f"{line} test=True" for line in lines)), strict=True):
        assert status == 0 and answer["test"] is True and answer["message"].startswith("would be done: "), (line, answer)
    assert (set(site.nodes()), site.lab.snapshot()["engine"]["auto_mode"]) == before


def flag(site: Site, resource: str) -> str:
    return next(row["flag_name"] for row in site.lab.snapshot()["resources"] if row["name"] == resource)


def test_nodes_are_added_held_vacated_and_removed(site: Site) -> None:
    first = site.serving()[0]
    dry(site, "add large num=1", f"hold {first}", f"vacate {first}", f"remove {first}", "drain large", "freeze standard", "stop", "auto False", "reconcile")

    assert "1 node" in site.done("add", "large", "num=1")["message"]
    site.done("freeze", "large")  # else it goes again as idle
    node = site.wait(lambda: site.serving("large"), "the node that was added")[0]
    assert site.done("wait", "resource=large", "ready=1", "within=5")["ready"] == 1
    assert site.done("node", node)["resource"] == "large"

    site.done("hold", node)
    site.wait(lambda: site.state(node) == "Held", "the hold")
    assert "d" in site.lab.head(f"qstat -f -q all.q@{node} | awk '/all.q/ {{print $6}}'").stdout
    assert "held" in site.done("explain", node)["message"]
    site.done("unhold", node)
    site.wait(lambda: site.state(node) == "Idle", "the release")

    job = site.submit(f"-r y -q all.q@{node}", seconds=600)
    site.wait(lambda: site.state(node) == "Busy", "the job")
    status, answer = site.call("remove", node)
    assert status != 0 and job in answer["error"] and "force=True" in answer["error"], "a node that runs a job is not removed by the way"
    assert site.done("vacate", node)["jobs"]
    site.wait(lambda: site.state(node) == "Held", "the vacated node")
    site.lab.head(f"qdel {job}", user="alice", check=False)

    assert site.state(first) == "Idle"
    site.done("restore", "large")
    site.done("remove", node)
    site.wait(lambda: node not in site.nodes(), "the removal")
    site.wait(lambda: node not in site.lab.nodes(), "the end of its machine")


def test_resources_are_frozen_drained_restored_and_all_is_stopped(site: Site) -> None:
    site.done("freeze", "large")
    assert flag(site, "large") == "Frozen" or site.wait(lambda: flag(site, "large") == "Frozen", "the flag")
    status, answer = site.call("add", "large")
    assert status != 0 and "frozen: restore it first" in answer["error"]
    site.done("restore", "large")

    site.done("drain", "standard")
    site.wait(lambda: not site.nodes("standard") and flag(site, "standard") == "Drained", "the drained resource")
    site.done("auto", "False")
    site.done("restore", "standard")
    site.done("stop")
    assert not site.nodes() and site.lab.snapshot()["engine"]["auto_mode"] is False, "nothing is refilled while the automatic mode is off"
    site.done("auto", "True")
    site.wait(lambda: len(site.serving("standard")) == MINIMUM, "the minimum again")


WRONG = {
    "add nosuch": "there is no resource 'nosuch'; there are large, standard",
    "add standard num=0": "num must be a whole number of at least 1",
    "add standard num=99": "too many",
    "hold nosuch": "there is no worker node 'nosuch'",
    "unhold {node}": "is not held",
    "remove nosuch": "there is no worker node",
    "vacate dynamiccluster-placeholder": "",
    "restore standard": "normal state already",
    "drain nosuch": "there is no resource",
    "auto maybe": "neither True nor False",
    "explain 99999": "neither a job nor a node",
    "node nosuch": "no node is called 'nosuch'",
}


def test_wrong_names_and_states_end_in_one_sentence_and_a_status(site: Site) -> None:
    node = site.serving()[0]
    lines = [line.format(node=node) for line in WRONG]
    for line, (status, answer) in zip(lines, site.calls(*lines), strict=True):
        wanted = WRONG[line.replace(node, "{node}")]
        assert status != 0, (line, answer)
        assert wanted in answer["error"] and "\n" not in answer["error"] and "Traceback" not in answer["error"], (line, answer)
    assert site.state(node) == "Idle"


def test_a_changed_pillar_takes_effect_by_reconcile(site: Site) -> None:
    status, answer = site.change({"cloud": {"large": {"quantity": {"min": 1}}}})
    assert status == 0, answer
    node = site.wait(lambda: site.serving("large"), "the node that the new minimum asks for")[0]
    assert site.done("explain", node)["message"]
    assert site.change({})[0] == 0
    site.wait(lambda: not site.nodes("large"), "the shrinking back")
