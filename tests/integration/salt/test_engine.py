"""The engine inside a real master, its batch system and its cloud out of reach: it lives, tells, obeys, and ends in time."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from saltext.dynamiccluster.control.journal import Journal
from saltext.dynamiccluster.control.ledger import Ledger
from saltext.dynamiccluster.control.places import NOTE as PLACES
from saltext.dynamiccluster.control.places import note_places
from saltext.dynamiccluster.model import NodeRecord, Phase
from saltext.dynamiccluster.policy.memory import Memory
from saltext.dynamiccluster.replay.swf import TraceJob, write_trace
from saltext.dynamiccluster.salt import runner
from saltext.dynamiccluster.salt.places import cluster_directory
from saltext.dynamiccluster.settings import load

from .clusters import SECRETS, await_running, engine_pid, good_pillar, has_ended, resource, running, serving
from .daemons import CHECKOUT, Master, eventually


def test_status_tells_what_is_out_of_reach(live: Master) -> None:
    status = eventually(lambda: (found := running(live)) and len(found["problems"]) >= 2 and found, 120, "the problems")
    assert live.ask("dynamiccluster.status")[1]["cluster"] == "lab"
    assert any("cloud1" in problem for problem in status["problems"])
    assert status["resources"]["cloud1"]["max_num"] == 3


def test_reads(live: Master) -> None:
    for function in ("nodes", "jobs", "resources", "orphans", "history"):
        code, value, text = live.ask(f"dynamiccluster.{function}")
        assert (code, type(value)) == (0, list), text
    assert live.ask("dynamiccluster.resource", "cloud1")[1]["name"] == "cloud1"


def test_no_secret_anywhere(live: Master) -> None:
    code, value, text = live.ask("dynamiccluster.config")
    assert code == 0 and value["cloud"]["cloud1"]["type"] == "aws"
    for call in ("status", "resources", "history", "plan", "validate"):
        text += live.ask(f"dynamiccluster.{call}")[2]
    text += live.log() + (live.root / "cache/dynamiccluster/lab/snapshot.json").read_text()
    assert not [secret for secret in SECRETS if secret in text]


def test_files_are_private(live: Master) -> None:
    for path in (live.root / "cache/dynamiccluster/lab").iterdir():
        assert path.stat().st_mode & 0o077 == 0 or path.name == "engine.lock", path


REFUSED = (
    (("add", "nosuch"), "nosuch"),
    (("add", "cloud1", "0"), "num"),
    (("node", "nosuch"), "nosuch"),
    (("job", "99999"), ""),
    (("remove", "nosuch"), "nosuch"),
    (("auto", "maybe"), "maybe"),
    (("freeze", "cloud1", "test=perhaps"), "perhaps"),
    (("status", "cluster=other"), "other"),
    (("explain", "nosuch"), "nosuch"),
    (("wait", "resource=cloud1", "ready=1", "within=1"), "not ready"),
    (("wait", "resource=nosuch"), "nosuch"),
)


@pytest.mark.parametrize("call", REFUSED, ids=lambda value: " ".join(value[0]))
def test_refusals_are_one_sentence_and_a_status(call: tuple[tuple[str, ...], str], live: Master) -> None:
    (function, *arguments), word = call
    code, value, text = live.ask(f"dynamiccluster.{function}", *arguments)
    assert code != 0, text
    assert word in value["error"] and "\n" not in value["error"] and "Traceback" not in text


@pytest.mark.parametrize("call", [("status", "cluster=other"), ("add", "nosuch"), ("validate",)], ids=" ".join)
def test_salt_run_has_an_exit_status(call: tuple[str, ...], live: Master) -> None:
    function, *arguments = call
    code, value, text = live.run(f"dynamiccluster.{function}", *arguments, within=180)
    assert code == 1 and value and "Traceback" not in text


def test_commands_change_and_dry_runs_do_not(live: Master) -> None:
    code, value, _ = live.ask("dynamiccluster.freeze", "cloud1", "test=True")
    assert code == 0 and value["message"].startswith("would be done")
    time.sleep(1.5)
    assert resource(live)["flag_name"] == "Normal"
    assert live.ask("dynamiccluster.freeze", "cloud1")[0] == 0
    eventually(lambda: resource(live)["flag_name"] == "Frozen", 120, "the frozen resource")
    assert live.ask("dynamiccluster.restore", "cloud1")[0] == 0
    eventually(lambda: resource(live)["flag_name"] == "Normal", 120, "the restored resource")


def test_a_changed_pillar_takes_effect_and_a_broken_one_does_not(live: Master) -> None:
    port = int(live.ask("dynamiccluster.config")[1]["dynamic-cluster"]["admin-server"]["port"])
    live.pillar("cluster.sls", good_pillar(most=5, port=port))
    assert live.ask("dynamiccluster.reconcile")[0] == 0
    eventually(lambda: resource(live)["max_num"] == 5, 120, "the new maximum")

    live.pillar("cluster.sls", good_pillar(port=port).replace("max: 3", "max: many").replace("sge", "sgee"))
    code, value, _ = live.ask("dynamiccluster.reconcile")
    assert code != 0 and "quantity" in value["error"] and "cluster:type" in value["error"]
    assert resource(live)["max_num"] == 5
    eventually(lambda: running(live)["engine"]["config_error"], 120, "the error in status")
    paths = {fault["path"] for fault in running(live)["engine"]["config_faults"]}
    assert "dynamiccluster:cluster:type" in paths and any("quantity" in path for path in paths)

    live.pillar("cluster.sls", good_pillar(port=port))
    assert live.ask("dynamiccluster.reconcile")[0] == 0
    eventually(lambda: resource(live)["max_num"] == 3, 120, "the old maximum")
    eventually(lambda: not running(live)["engine"]["config_error"], 120, "the end of the error")


def test_a_killed_engine_comes_back_and_reads_work_meanwhile(live: Master) -> None:
    before = engine_pid(live)
    os.kill(before, signal.SIGKILL)
    code, value, _ = live.ask("dynamiccluster.status")
    assert code == 0
    if not value["engine"]["running"]:
        assert "not running" in value["problems"][0]
    eventually(lambda: engine_pid(live) not in (0, before) and running(live), 120, "the next engine")


def test_a_forged_command_is_dropped(live: Master) -> None:
    import salt.utils.event

    with salt.utils.event.get_event("master", opts=live.opts(), listen=False) as bus:
        command = {"name": "freeze", "arguments": {"resource": "cloud1"}, "by": "mallory"}
        data = {"id": "0011223344556677", "cluster": "lab", "at": time.time(), "command": command, "signature": "0" * 64}
        assert bus.fire_event(data, "dynamiccluster/lab/command/0011223344556677/new")
    eventually(lambda: "without a valid signature" in live.log(), 120, "the log line")
    assert resource(live)["flag_name"] == "Normal"


def test_simulate_under_the_clusters_own_settings(live: Master) -> None:
    trace = live.root / "two.swf"
    write_trace(trace, [TraceJob("1", 0.0, 600.0, 4), TraceJob("2", 60.0, 600.0, 100)])
    code, value, text = live.ask("dynamiccluster.simulate", f"trace={trace}", "cores=8")
    assert code == 0, text
    assert (value["jobs"], value["left_out"]) == (1, 1)
    assert value["policies"][0]["launches"] >= 1
    assert live.ask("dynamiccluster.simulate", "trace=/nowhere.swf")[0] != 0


def test_documentation_of_every_function(live: Master) -> None:
    code, _, text = live.run("-d", "dynamiccluster")
    docs = dict(re.findall(r'"dynamiccluster\.(\w+):"\n(.*?)(?=^"|\Z)', text, re.DOTALL | re.MULTILINE))
    wanted = (
        "status nodes node jobs job resources resource config validate plan explain history simulate orphans wait "
        "add remove hold unhold vacate freeze drain restore auto stop adopt reconcile"
    ).split()
    assert code == 0 and sorted(docs) == sorted(wanted)
    for name, doc in docs.items():
        assert "CLI Example" in doc and f"salt-run dynamiccluster.{name}" in doc


def test_sigterm_ends_it_soon_and_one_follows(live: Master) -> None:
    before = engine_pid(live)
    os.kill(before, signal.SIGTERM)
    eventually(lambda: has_ended(before), 120, "the end")  # it takes 5 s at most by itself; this machine may be busy
    eventually(lambda: engine_pid(live) not in (0, before) and running(live), 120, "the next engine")


STANDBY = """
import logging, sys
import salt.config
from saltext.dynamiccluster.salt.engine import run
logging.basicConfig(level=logging.WARNING, force=True)
run(salt.config.master_config(sys.argv[1]))
"""


def test_a_second_engine_stands_by_and_takes_over_when_the_first_is_killed(live: Master, tmp_path: Path) -> None:
    output = tmp_path / "standby.log"
    first = engine_pid(live)
    with open(output, "wb") as log:
        argv = [sys.executable, "-c", STANDBY, live.config["conf_file"]]
        second = subprocess.Popen(argv, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src")})
    try:
        eventually(lambda: "standing by" in output.read_text(), 120, "the standby")
        time.sleep(1.5)  # it has tried again meanwhile
        assert engine_pid(live) == first and second.poll() is None
        os.kill(first, signal.SIGKILL)
        eventually(lambda: engine_pid(live) == second.pid, 120, "the standby's turn")
        assert await_running(live)["engine"]["running"]
        eventually(lambda: live.log().count("standing by"), 120, "the master's next engine, which stands by in its turn")
        second.terminate()
        assert second.wait(60) == 0
        eventually(lambda: engine_pid(live) not in (0, first, second.pid) and running(live), 120, "the master's own engine")
    finally:
        second.kill()
        second.wait()


def remember_a_machine(root: Path, pillar: str) -> None:
    """Leave the journal of an engine that had these settings and one machine."""
    settings = load(yaml.safe_load(pillar)["dynamiccluster"])
    directory = cluster_directory({"cachedir": str(root / "cache")}, "lab", create=True)
    ledger = Ledger(Journal(directory / "journal.sqlite"))
    memory = Memory().with_node(NodeRecord("dc-aaaaaa", "cloud1", "i1", phase=Phase.SERVING, tried_at=1.0, instance_id="i-1"))
    ledger.keep(PLACES, note_places(settings, memory, {}))
    ledger.update(lambda _: memory, durable=True)
    ledger.close()


def test_an_engine_waits_for_usable_settings_and_dies_with_its_master(tmp_path: Path) -> None:
    broken = "dynamiccluster:\n  name: lab\n  cluster: {type: nosuch}\n"
    elsewhere = good_pillar().replace("us-east-1", "eu-west-1")
    remember_a_machine(tmp_path / "w", elsewhere)
    with serving(tmp_path / "w", broken, {"cluster": "lab"}) as daemon:
        status = eventually(lambda: (found := daemon.run("dynamiccluster.status"))[0] == 0 and found[1], 120, "a status")
        assert "cluster:type" in status["problems"][0]
        code, value, _ = daemon.run("dynamiccluster.add", "cloud1")
        assert code != 0 and "settings are not usable" in value["error"]
        daemon.pillar("cluster.sls", good_pillar())
        code, value, _ = daemon.run("dynamiccluster.reconcile")
        assert code == 0 and "read again" in value["message"]
        problem = lambda: runner.status(daemon.opts())["problems"][0]  # noqa: E731
        eventually(lambda: "cloud1:config:region_name: resource 'cloud1' has machines elsewhere" in problem(), 120, "the refusal to move")
        daemon.pillar("cluster.sls", elsewhere)
        assert daemon.ask("dynamiccluster.reconcile")[0] == 0
        await_running(daemon)
        eventually(lambda: [node["name"] for node in runner.nodes(daemon.opts(), resource="cloud1", full=True)] == ["dc-aaaaaa"], 120, "its node")

        pid = engine_pid(daemon)
        parent = int(re.search(r"PPid:\s*(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))
        os.kill(parent, signal.SIGKILL)
        eventually(lambda: has_ended(pid), 120, "the engine's end")
