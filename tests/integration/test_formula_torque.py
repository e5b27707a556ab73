"""The formula's states for Torque: rendered by Salt itself, and applied twice in a lab with the stand-in."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("salt")
from lab.api import Lab  # noqa: E402
from lab.layout import ADDRESS, PLACEHOLDER  # noqa: E402
from lab.torque import inlab  # noqa: E402
from tests.integration.test_formula_in_lab import Salted, changes, failures  # noqa: E402
from tests.integration.test_formula_renders import HEAD, Show, show, states  # noqa: E402, F401

pytestmark = pytest.mark.integration


def worker(**torque: Any) -> dict[str, Any]:
    return {"dynamiccluster_worker": {"batch": "torque", "head": HEAD, "start": "command", "torque": torque}}


def test_mom_knows_its_server_and_what_the_site_adds(show: Show) -> None:  # noqa: F811
    found = states(show("dynamiccluster.worker", worker(config={"$usecp": "*:/home /home"})))
    assert found["dynamiccluster_mom_config"]["file.managed"]["contents"] == ["$pbsserver head", "$usecp *:/home /home"]
    assert found["dynamiccluster_mom_server"]["file.managed"]["contents"] == "head"
    assert "cmd.run" in found["dynamiccluster_mom"] and "dynamiccluster_mom_packages" not in found


def test_packages_of_the_site_bring_the_mom_when_it_is_missing(show: Show) -> None:  # noqa: F811
    found = states(show("dynamiccluster.worker", {"dynamiccluster_worker": {
        "batch": "torque", "head": HEAD, "start": "systemd", "torque": {"packages": ["torque-mom"], "mom": "/none/pbs_mom"}}}))
    assert found["dynamiccluster_mom_packages"]["pkg.installed"]["pkgs"] == ["torque-mom"]
    assert found["dynamiccluster_mom"]["service.running"]["name"] == "dynamiccluster-pbs-mom"


def test_placeholders_are_nodes_whose_names_resolve(show: Show) -> None:  # noqa: F811
    pillar = {"dynamiccluster_head": {"batch": "torque", "torque": {"placeholders": [{"name": "p", "np": 8, "properties": ["a", "b"], "count": 2}, {"name": "one"}]}}}
    found = states(show("dynamiccluster.head", pillar))
    assert found["dynamiccluster_head_placeholder_p-2"]["cmd.run"]["name"] == "/usr/bin/qmgr -c 'create node p-2 np=8,properties=\"a,b\"'"
    assert found["dynamiccluster_head_placeholder_one"]["cmd.run"]["name"] == "/usr/bin/qmgr -c 'create node one np=1'"
    assert found["dynamiccluster_head_placeholder_name_p-1"]["host.present"]["ip"] == "192.0.2.1"
    assert "dynamiccluster_head_tool" not in found


def test_without_nodect_the_server_is_left_alone(show: Show) -> None:  # noqa: F811
    assert "dynamiccluster_head_nodect" not in states(show("dynamiccluster.head", {"dynamiccluster_head": {"batch": "torque", "torque": {"nodect": ""}}}))


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(name=f"formula-torque-{os.getpid()}", cluster="torque") as running:
        yield running


@pytest.mark.root
def test_head_takes_jobs_without_nodes_and_is_configured_once(lab: Lab) -> None:
    salted, pillar = Salted(lab), {"dynamiccluster_head": inlab.head_pillar()}
    assert failures(salted.apply("dynamiccluster.head", pillar)) == {}
    assert changes(salted.apply("dynamiccluster.head", pillar)) == {}
    assert lab.head("echo sleep 1 | qsub -l nodes=2:ppn=8", user="alice").stdout.strip().endswith(".head")
    assert f"{PLACEHOLDER}-2" in lab.head("pbsnodes -l -n all").stdout


@pytest.mark.root
def test_worker_states_bring_up_a_node_and_are_idempotent(lab: Lab) -> None:
    lab.start_node("t1")
    lab.head(["qmgr", "-c", "create node t1 np=2"])
    salted = Salted(lab, "t1")
    pillar = {"dynamiccluster_worker": {"head": {"name": "head", "address": ADDRESS}, **inlab.worker_pillar()}}
    assert failures(salted.apply("dynamiccluster.worker", pillar)) == {}
    lab.wait_for(lambda: " offline" in lab.head("pbsnodes -l -n all | grep t1").stdout, within=20, what="the mom")
    lab.head("pbsnodes -c t1")
    assert changes(salted.apply("dynamiccluster.worker", pillar)) == {}, json.dumps(pillar)
    lab.head("echo 'hostname; id -un' | qsub -l nodes=t1 -o /home/alice/who -e /dev/null", user="alice")
    lab.wait_for(lambda: lab.head("cat /home/alice/who", check=False).stdout.split() == ["t1", "alice"], within=30, what="the job")
