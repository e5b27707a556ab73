"""The engine inside a real master, its batch system and its cloud out of reach: it lives, tells, obeys, and ends in time."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .daemons import Master, eventually

PILLAR = """
dynamiccluster:
  name: {name}
  dynamic-cluster: {{cluster_poller_interval: 2, cloud_poller_interval: 2, auto_mode: {auto}}}
  cluster:
    type: sge
    config: {{queue_to_monitor: [all.q]}}
  cloud:
    cloud1:
      type: aws
      quantity: {{min: 0, max: {most}}}
      config:
        access_key_id: AKIASECRETSECRET
        secret_access_key: very-secret-access-key
        region_name: us-east-1
        image_id: ami-12345678
        instance_type: t3.micro
        instance_name_prefix: dc-
        endpoint_url: http://127.0.0.1:1
"""
SECRETS = ("AKIASECRETSECRET", "very-secret-access-key")


def good_pillar(name: str = "lab", auto: str = "True", most: int = 3) -> str:
    return PILLAR.format(name=name, auto=auto, most=most)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    daemon = Master(tmp_path_factory.mktemp("e"), engines=[{"dynamiccluster": {}}])
    daemon.pillar("top.sls", "base:\n  the_master:\n    - cluster\n")
    daemon.pillar("cluster.sls", good_pillar())
    daemon.start()
    try:
        daemon.wait_until_up()
        eventually(lambda: running(daemon), 60, "the engine")
        yield daemon
    finally:
        daemon.stop()


def running(master: Master) -> Any:
    code, value, _ = master.run("dynamiccluster.status")
    return value if code == 0 and value["engine"]["running"] and "totals" in value and value["totals"] else None


def engine_pid(master: Master, name: str = "lab") -> int:
    return int((master.root / "cache" / "dynamiccluster" / name / "engine.lock").read_text())


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone, or waits to be reaped by a master that looks now and then."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def test_status_tells_what_is_out_of_reach(live: Master) -> None:
    status = eventually(lambda: (found := running(live)) and len(found["problems"]) >= 2 and found, 60, "the problems")
    assert any("cloud1" in problem for problem in status["problems"])
    assert status["resources"]["cloud1"]["max_num"] == 3


def test_reads(live: Master) -> None:
    for function in ("nodes", "jobs", "resources", "orphans", "history"):
        code, value, text = live.run(f"dynamiccluster.{function}")
        assert (code, type(value)) == (0, list), text
    assert live.run("dynamiccluster.resource", "cloud1")[1]["name"] == "cloud1"


def test_no_secret_anywhere(live: Master) -> None:
    code, value, text = live.run("dynamiccluster.config")
    assert code == 0 and value["cloud"]["cloud1"]["type"] == "aws"
    for call in ("status", "resources", "history", "plan", "validate"):
        text += live.run(f"dynamiccluster.{call}", within=180)[2]
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
)


@pytest.mark.parametrize("call", REFUSED, ids=lambda value: " ".join(value[0]))
def test_refusals_are_one_sentence_and_a_status(call: tuple[tuple[str, ...], str], live: Master) -> None:
    (function, *arguments), word = call
    code, value, text = live.run(f"dynamiccluster.{function}", *arguments)
    assert code != 0, text
    assert word in value["error"] and "\n" not in value["error"] and "Traceback" not in text


def test_commands_change_and_dry_runs_do_not(live: Master) -> None:
    flag = lambda: live.run("dynamiccluster.resource", "cloud1")[1]["flag_name"]  # noqa: E731
    assert live.run("dynamiccluster.freeze", "cloud1", "test=True")[0] == 0
    time.sleep(2)
    assert flag() == "Normal"
    assert live.run("dynamiccluster.freeze", "cloud1")[0] == 0
    eventually(lambda: flag() == "Frozen", 20, "the frozen resource")
    assert live.run("dynamiccluster.restore", "cloud1")[0] == 0
    eventually(lambda: flag() == "Normal", 20, "the restored resource")


def test_a_changed_pillar_takes_effect_and_a_broken_one_does_not(live: Master) -> None:
    live.pillar("cluster.sls", good_pillar(most=5))
    assert live.run("dynamiccluster.reconcile")[0] == 0
    most = lambda: live.run("dynamiccluster.resource", "cloud1")[1]["max_num"]  # noqa: E731
    eventually(lambda: most() == 5, 20, "the new maximum")

    live.pillar("cluster.sls", good_pillar().replace("max: 3", "max: many").replace("sge", "sgee"))
    code, value, _ = live.run("dynamiccluster.reconcile")
    assert code != 0 and "quantity" in value["error"] and "cluster:type" in value["error"]
    assert most() == 5
    eventually(lambda: live.run("dynamiccluster.status")[1]["engine"]["config_error"], 20, "the error in status")

    live.pillar("cluster.sls", good_pillar())
    assert live.run("dynamiccluster.reconcile")[0] == 0
    eventually(lambda: most() == 3, 20, "the old maximum")
    eventually(lambda: not live.run("dynamiccluster.status")[1]["engine"]["config_error"], 20, "the end of the error")


def test_a_killed_engine_comes_back_and_reads_work_meanwhile(live: Master) -> None:
    before = engine_pid(live)
    os.kill(before, signal.SIGKILL)
    code, value, _ = live.run("dynamiccluster.status")
    assert code == 0
    if not value["engine"]["running"]:
        assert "not running" in value["problems"][0]
    eventually(lambda: engine_pid(live) != before and running(live), 60, "the next engine")


def test_a_forged_command_is_dropped(live: Master) -> None:
    import salt.utils.event

    with salt.utils.event.get_event("master", opts=live.opts(), listen=False) as bus:
        command = {"name": "freeze", "arguments": {"resource": "cloud1"}, "by": "mallory"}
        data = {"id": "0011223344556677", "cluster": "lab", "at": time.time(), "command": command, "signature": "0" * 64}
        assert bus.fire_event(data, "dynamiccluster/lab/command/0011223344556677/new")
    eventually(lambda: "without a valid signature" in live.log(), 20, "the log line")
    assert live.run("dynamiccluster.resource", "cloud1")[1]["flag_name"] == "Normal"


def test_documentation_of_every_function(live: Master) -> None:
    code, _, text = live.run("-d", "dynamiccluster")
    docs = dict(re.findall(r'"dynamiccluster\.(\w+):"\n(.*?)(?=^"|\Z)', text, re.DOTALL | re.MULTILINE))
    wanted = (
        "status nodes node jobs job resources resource config validate plan explain history orphans wait "
        "add remove hold unhold vacate freeze drain restore auto stop adopt reconcile"
    ).split()
    assert code == 0 and sorted(docs) == sorted(wanted)
    for name, doc in docs.items():
        assert "CLI Example" in doc and f"salt-run dynamiccluster.{name}" in doc


def test_sigterm_ends_it_within_five_seconds_and_one_follows(live: Master) -> None:
    before = engine_pid(live)
    os.kill(before, signal.SIGTERM)
    began = time.monotonic()
    eventually(lambda: has_ended(before), 6, "the end")
    assert time.monotonic() - began < 5
    eventually(lambda: engine_pid(live) != before and running(live), 60, "the next engine")


def test_it_dies_with_its_master(tmp_path: Path) -> None:
    daemon = Master(tmp_path / "e", engines=[{"dynamiccluster": {}}])
    daemon.pillar("top.sls", "base:\n  the_master:\n    - cluster\n")
    daemon.pillar("cluster.sls", good_pillar())
    daemon.start()
    try:
        eventually(lambda: (daemon.root / "cache/dynamiccluster/lab/engine.lock").exists(), 60, "the engine")
        pid = eventually(lambda: engine_pid(daemon), 10, "its pid")
        parent = int(re.search(r"PPid:\s*(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))
        os.kill(parent, signal.SIGKILL)
        eventually(lambda: has_ended(pid), 10, "the engine's end")
    finally:
        daemon.stop()


def test_an_engine_without_usable_settings_waits_for_them(tmp_path: Path) -> None:
    daemon = Master(tmp_path / "w", engines=[{"dynamiccluster": {"cluster": "lab"}}])
    daemon.pillar("top.sls", "base:\n  the_master:\n    - cluster\n")
    daemon.pillar("cluster.sls", "dynamiccluster:\n  name: lab\n  cluster: {type: nosuch}\n")
    daemon.start()
    try:
        daemon.wait_until_up()
        status = eventually(lambda: (found := daemon.run("dynamiccluster.status"))[0] == 0 and found[1], 60, "a status")
        assert "cluster:type" in status["problems"][0]
        code, value, _ = daemon.run("dynamiccluster.add", "cloud1")
        assert code != 0 and "settings are not usable" in value["error"]
        daemon.pillar("cluster.sls", good_pillar())
        eventually(lambda: daemon.run("dynamiccluster.reconcile")[0] == 0, 30, "reconcile")
        eventually(lambda: running(daemon), 60, "the engine at work")
    finally:
        daemon.stop()
