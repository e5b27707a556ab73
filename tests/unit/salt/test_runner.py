"""What the runner answers from the last snapshot, without an engine and without a master."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("salt")
from saltext.dynamiccluster.errors import CommandRefused, ConfigurationError, Fault  # noqa: E402
from saltext.dynamiccluster.salt import runner  # noqa: E402
from saltext.dynamiccluster.salt.snapshot import write_snapshot  # noqa: E402

NODES = [
    {"hostname": "wn1", "name": "dc-a", "resource": "cloud1", "type": "aws", "state": 2, "state_name": "Idle"},
    {"hostname": "wn2", "name": "dc-b", "resource": "cloud1", "type": "aws", "state": 1, "state_name": "Starting"},
    {"hostname": "old", "name": "", "resource": "", "type": "physical", "state": 3, "state_name": "Busy"},
]
JOBS = [{"jobid": "7", "state": "pending", "owner": "alice"}, {"jobid": "8", "state": "running", "owner": "bob"}]
DOCUMENT = {"engine": {"auto_mode": True}, "nodes": NODES, "jobs": JOBS, "resources": [{"name": "cloud1", "max_num": 4}], "orphans": []}


@pytest.fixture
def opts(tmp_path: Path) -> dict[str, Any]:
    opts = {"cachedir": str(tmp_path), "id": "the_master", "engines": [{"dynamiccluster": {}}]}
    write_snapshot(opts, "lab", DOCUMENT)
    return opts


def names(rows: list[dict[str, Any]], field: str) -> list[str]:
    return [row[field] for row in rows]


def test_nodes_and_jobs_by_state_number_resource_and_owner(opts: dict[str, Any]) -> None:
    assert names(runner.nodes(opts), "hostname") == ["wn1", "wn2", "old"]
    assert names(runner.nodes(opts, state="idle"), "hostname") == ["wn1"]
    assert names(runner.nodes(opts, state=1), "hostname") == ["wn2"]
    assert names(runner.nodes(opts, resource="cloud1"), "hostname") == ["wn1", "wn2"]
    assert names(runner.jobs(opts, state="Pending"), "jobid") == ["7"]
    assert names(runner.jobs(opts, owner="bob"), "jobid") == ["8"]


def test_where_another_master_acts_nothing_looks_empty(opts: dict[str, Any]) -> None:
    write_snapshot(opts, "lab", {**DOCUMENT, "nodes": [], "engine": {"standby": {"role": "standing by", "acting": "head-b", "trouble": ""}}})
    for ask in (runner.nodes, runner.jobs, lambda opts: runner.wait(opts, None, None, 1)):
        with pytest.raises(CommandRefused, match="head-b acts"):
            ask(opts)
    assert runner.status(opts)["engine"]["standby"]["acting"] == "head-b"


WRONG = (
    (lambda opts: runner.nodes(opts, resource="nosuch"), "no resource is called 'nosuch'; known: cloud1"),
    (lambda opts: runner.nodes(opts, state="sleepy"), "'sleepy' is no state; known: busy"),
    (lambda opts: runner.jobs(opts, state="sleepy"), "'sleepy' is no state; known: completed"),
    (lambda opts: runner.one(opts, "nodes", "wn9", ("hostname", "name")), "no node is called 'wn9'; known: old, wn1, wn2"),
    (lambda opts: runner.nodes(opts, cluster="other"), "no snapshot of cluster 'other'"),
    (lambda opts: runner.nodes(opts, cluster="../lab"), "no name of a cluster"),
    (lambda opts: runner.wait(opts, "nosuch", None, 1), "no resource"),
    (lambda opts: runner.wait(opts, None, "many", 1), "ready must be a whole number, not 'many'"),
    (lambda opts: runner.wait(opts, None, 1, "soon"), "within must be a whole number"),
    (lambda opts: runner.wait(opts, None, 4, 0), "4 nodes were not ready after 0 s: 1 ready, 1 starting"),
    (lambda opts: runner.history(opts, None, None, -1), "limit must be a whole number"),
    (lambda opts: runner.command(opts, "auto", enabled="maybe"), "neither True nor False"),
    (lambda opts: runner.command(opts, "freeze", resource="cloud1"), "does not answer"),
)


@pytest.mark.parametrize(("call", "words"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_wrong_is_one_sentence(call: Any, words: str, opts: dict[str, Any]) -> None:
    with pytest.raises(CommandRefused) as caught:
        call(opts)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_physical_nodes_are_not_waited_for(opts: dict[str, Any]) -> None:
    assert runner.wait(opts, None, 1, 0) == {"ready": 1, "starting": 1}


def test_status_of_an_engine_that_is_down_says_so_first(opts: dict[str, Any]) -> None:
    status = runner.status(opts)
    assert status["engine"]["running"] is False and "not running" in status["problems"][0]


ENGINES = (
    ([{"dynamiccluster": {}}], None, "lab"),
    ([{"dynamiccluster": {"cluster": "a"}}], None, "a"),
    ({"dynamiccluster": {"cluster": "a"}}, None, "a"),
    (["dynamiccluster"], None, "lab"),
    ([{"one": {"engine_module": "dynamiccluster", "cluster": "a"}}, {"logstash": {"host": "x"}}], None, "a"),
    ([{"one": {"engine_module": "dynamiccluster", "cluster": "a"}}, {"two": {"engine_module": "dynamiccluster", "cluster": "b"}}], "b", "b"),
)


@pytest.mark.parametrize(("engines", "named", "wanted"), ENGINES)
def test_which_cluster_is_meant(engines: Any, named: str | None, wanted: str, opts: dict[str, Any]) -> None:
    assert runner.pick_cluster({**opts, "engines": engines}, named) == wanted


def test_of_several_clusters_one_must_be_named(opts: dict[str, Any]) -> None:
    engines = [{name: {"engine_module": "dynamiccluster", "cluster": name, "minion_id": f"id-{name}"}} for name in ("a", "b")]
    both = {**opts, "engines": engines}
    with pytest.raises(CommandRefused, match="cluster=a or cluster=b"):
        runner.pick_cluster(both, None)
    assert runner.settings_id(both, "b") == "id-b"


def test_faults_are_listed_each(opts: dict[str, Any]) -> None:
    error = ConfigurationError((Fault("dynamiccluster:name", "is missing", "give one"), Fault("dynamiccluster:cloud", "is empty")))
    assert runner.describe(error)["faults"] == ["dynamiccluster:name: is missing (give one)", "dynamiccluster:cloud: is empty"]


def test_nodes_show_a_table_and_all_that_is_known_when_asked(opts: dict[str, Any]) -> None:
    write_snapshot(opts, "lab", {**DOCUMENT, "nodes": [{**row, "stays": "busy"} for row in NODES]})
    short, full = runner.nodes(opts, state="idle"), runner.nodes(opts, state="idle", full=True)
    assert list(short[0]) == list(runner.TABLE) and (short[0]["hostname"], short[0]["state_name"]) == ("wn1", "Idle")
    assert full == [{**NODES[0], "stays": "busy"}]
    with pytest.raises(CommandRefused, match="full must be True or False"):
        runner.nodes(opts, full="often")
