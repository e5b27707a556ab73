"""Every capture goes through the parser of its command, and says what it says."""

from __future__ import annotations

import pytest
from saltext.dynamiccluster.batch.torque.jobs import parse_jobs
from saltext.dynamiccluster.batch.torque.maui import (
    parse_blocked,
    parse_node_state,
    parse_priorities,
    parse_reservations,
)
from saltext.dynamiccluster.batch.torque.nodes import parse_nodes
from saltext.dynamiccluster.batch.torque.replies import check_maui, check_reached, check_read
from saltext.dynamiccluster.batch.torque.server import parse_server
from saltext.dynamiccluster.errors import BatchRefused, BatchUnreachable

from . import captured

_SERVER = ("qstat", "pbsnodes", "qmgr", "qdel", "qsig", "qsub", "bash -c echo sleep", "env PBS_DEFAULT")
_SERVER_DOWN = sorted(name for name in captured.index() if name.startswith(("M-server", "M3", "M4", "G10-")) and captured.has(name))
_MAUI = ("checknode", "diagnose", "showq", "showres", "setres")


@pytest.mark.parametrize("name", [name for name in captured.names("qstat -x") if name != "A14c-qstat-xQ"])  # -x is ignored there
def test_every_listing_of_jobs(name):
    raw = captured.read(name)
    jobs = parse_jobs(raw)
    assert len(jobs) == raw.count(b"<Job>") and not any(job.broken for job in jobs)
    assert all(job.id.endswith(".tqm.tq.test") and job.owner and job.queue for job in jobs)
    assert all(job.state in "QHWRC" for job in jobs)
    assert all(job.hosts for job in jobs if job.state == "R")


@pytest.mark.parametrize("name", captured.names("pbsnodes -x"))
def test_every_listing_of_nodes(name):
    raw = captured.read(name)
    nodes = parse_nodes(raw)
    assert len(nodes) == raw.count(b"<Node>") > 0 and not any(node.broken for node in nodes)
    assert all(node.np and node.flags for node in nodes)
    assert all(node.ncpus == 2 and node.memory_mb == 24106 and node.load is not None for node in nodes if node.heard)
    assert all(node.used == 0 or node.jobs for node in nodes)


@pytest.mark.parametrize("name", captured.names("diagnose -p"))
def test_every_listing_of_priorities(name):
    text = captured.text(name)
    found = parse_priorities(text)
    rows = [line for line in text.splitlines() if line[:1].isdigit()]
    assert len(found) == len(rows) and set(found) == {row.split()[0] for row in rows}


@pytest.mark.parametrize("name", captured.names("showres -n"))
def test_every_listing_of_reservations(name):
    text = captured.text(name)
    found = parse_reservations(text)
    assert len(found) == text.count(" User ") and all("." in row.id for row in found)


@pytest.mark.parametrize("name", captured.names("checknode"))
def test_every_state_in_maui(name):
    assert parse_node_state(captured.text(name)) in {"Idle", "Busy", "Down", "Drained", "Running"}


@pytest.mark.parametrize("name", captured.names("showq"))
def test_every_queue_of_maui(name):
    text = captured.text(name)
    assert len(parse_blocked(text)) == text.count("Deferred") + text.count("BatchHold")


def test_the_server():
    server = parse_server(captured.text("A15-qmgr-ps"))
    assert server.execution_queues == {"batch", "short"} and not server.is_stopped("short")
    assert server.values("managers") == ("root@tqm.tq.test",)


@pytest.mark.parametrize("name", [name for name in _SERVER_DOWN if captured.index()[name][0].startswith(_SERVER)])
def test_every_command_of_a_server_that_does_not_answer(name):
    with pytest.raises(BatchUnreachable):
        check_reached(captured.completed(name), name)


@pytest.mark.parametrize("name", [name for name in _SERVER_DOWN if captured.index()[name][0].startswith(_MAUI)])
def test_maui_answers_stale_data_while_the_server_is_down(name):
    assert check_maui(captured.completed(name), name)


@pytest.mark.parametrize(
    "name",
    ["A35-qstat-x-unknown-job", "A36-qstat-x-otherserver", "A06-pbsnodes-x-unknown", "H02-create-unresolvable", "D09b-user-qmgr-create",
     "D09d-user-qdel-others", "O04-qdel"],
)  # fmt: skip
def test_refusals_are_no_silence(name):
    with pytest.raises(BatchRefused):
        check_read(captured.completed(name), name)


@pytest.mark.parametrize(
    "name", ["E04-setres-unknown-node", "D09g-user-setres", "E13b-releaseres-unknown", "E16-user-releaseres", "A08b-checknode-unknown"]
)
def test_maui_refuses_with_and_without_a_status(name):
    with pytest.raises(BatchRefused):
        check_maui(captured.completed(name), name)
