"""The stand-in's nodes: what is seen of them, when, and by whom."""

from __future__ import annotations

import pytest

from tests.torque_standin import StandIn


@pytest.fixture
def standin() -> StandIn:
    return StandIn()


def state(standin: StandIn, name: str) -> str:
    for line in standin.command("pbsnodes -l -n all").out.splitlines():
        if line.split()[0] == name:
            return line.split()[1]
    return ""


def maui_state(standin: StandIn, name: str) -> str:
    reply = standin.command(f"checknode {name}")
    return next((line.split()[1] for line in reply.out.splitlines() if line.startswith("State:")), "")


def test_new_node_is_down_and_offline_until_cleared(standin: StandIn) -> None:
    standin.boot("wn1")
    standin.qmgr("create node wn1")
    assert state(standin, "wn1") == "down,offline"
    standin.start_mom("wn1")
    assert state(standin, "wn1") == "offline"
    standin.command("pbsnodes -c wn1")
    assert state(standin, "wn1") == "free"


def test_new_node_is_invisible_in_maui_until_its_next_poll(standin: StandIn) -> None:
    standin.poll()
    standin.wait(standin.world.maui.polled + 31 - standin.clock.now())  # one second after its next poll
    standin.boot("wn1")
    standin.qmgr("create node wn1")
    standin.wait(28)
    assert standin.command("checknode wn1").status == 1
    standin.wait(2)
    assert maui_state(standin, "wn1") == "Down"
    standin.start_mom("wn1")
    standin.command("pbsnodes -c wn1")
    assert (state(standin, "wn1"), maui_state(standin, "wn1")) == ("free", "Down")
    standin.poll()
    assert maui_state(standin, "wn1") == "Idle"


def test_deleted_node_lingers_in_maui_with_its_reservation(standin: StandIn) -> None:
    standin.add_node("wn1")
    standin.command("setres -q batch wn1")
    standin.qmgr("delete node wn1")
    standin.poll()
    assert standin.command("pbsnodes -x wn1").status == 1
    assert maui_state(standin, "wn1") == "Idle" and "batch.0" in standin.command("showres -n").out
    standin.qmgr("create node wn1")
    standin.poll()
    assert maui_state(standin, "wn1") != "Idle" and "batch.0" in standin.command("showres -n").out


def test_powered_off_host_is_down_after_most_of_a_minute(standin: StandIn) -> None:
    standin.add_node("wn1")
    standin.power_off("wn1")
    standin.wait(42)
    assert state(standin, "wn1") == "free"
    standin.wait(16)
    assert state(standin, "wn1") == "down"


def test_new_node_of_6_cannot_be_marked_for_ten_seconds() -> None:
    standin = StandIn("6.1.3")
    standin.boot("wn1")
    standin.qmgr("create node wn1")
    assert state(standin, "wn1") == "down,offline,MOM-list-not-sent"
    reply = standin.command("pbsnodes -c wn1")
    assert (reply.status, bool(reply.err)) == (0, True)
    standin.wait(11)
    assert state(standin, "wn1") == "down,offline"


@pytest.mark.parametrize(
    ("version", "jobs", "hosts"),
    [("4.2.10", "<jobs>0/0.tqm.tq.test,1/0.tqm.tq.test</jobs>", "<exec_host>wn2/0+wn2/1+wn1/0+wn1/1</exec_host>"),
     ("6.1.3", "<jobs>0-1/0.tqm.tq.test</jobs>", "<exec_host>wn2/0-1+wn1/0-1</exec_host>")],
)
def test_jobs_and_slots_in_each_versions_form(version: str, jobs: str, hosts: str) -> None:
    standin = StandIn(version)
    for name in ("wn1", "wn2"):
        standin.add_node(name)
    standin.submit("-l nodes=2:ppn=2")
    standin.poll()
    assert jobs in standin.command("pbsnodes -x wn1").out
    text = standin.command("qstat -x -t").out
    assert hosts in text and text.startswith("<?xml" if version > "5" else "<Data>")


def test_drained_and_busy_node_is_said_to_be_drained(standin: StandIn) -> None:
    standin.add_node("wn1")
    standin.submit()
    standin.poll()
    standin.command("pbsnodes -o wn1")
    standin.poll()
    assert state(standin, "wn1") == "offline" and maui_state(standin, "wn1") == "Drained"
    assert "jobs active on node but state is Drained" in standin.command("checknode wn1").out
    assert "<jobs>" in standin.command("pbsnodes -x wn1").out


def test_multi_node_jobs_on_new_nodes_of_4_start_only_after_the_server_restarts(standin: StandIn) -> None:
    for name in ("wn1", "wn2"):
        standin.add_node(name)
    job = standin.submit("-l nodes=2:ppn=2", "sleep 30")
    standin.poll()
    standin.wait(200)
    text = standin.command(f"qstat -x {job}").out
    assert "<job_state>R</job_state>" in text and "<session_id>0</session_id>" in text
    standin.command("torque-standin restart server")
    standin.wait(100)
    assert "<job_state>C</job_state>" in standin.command(f"qstat -x {job}").out


def test_multi_node_jobs_of_6_start_on_new_nodes() -> None:
    standin = StandIn("6.1.3")
    for name in ("wn1", "wn2"):
        standin.add_node(name)
    job = standin.submit("-l nodes=2:ppn=2", "sleep 30")
    standin.poll()
    assert "<session_id>0<" not in standin.command(f"qstat -x {job}").out
    standin.wait(10)
    assert "<job_state>C</job_state>" in standin.command(f"qstat -x {job}").out
