"""The Grid Engine adapter against the real thing: what only a real qmaster and real daemons show."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from saltext.dynamiccluster.batch.gridengine import GridEngine, tools
from saltext.dynamiccluster.errors import BatchRefused, BatchUnreachable
from saltext.dynamiccluster.model import BatchView, Chunk, HoldBy, Host, JobState, Reservation, Shape
from saltext.dynamiccluster.ports import Joining
from saltext.dynamiccluster.settings.sge import SgeSettings
from tests.contract.batch_backends import LabRun

pytestmark = [pytest.mark.integration, pytest.mark.root]


@pytest.fixture(scope="module")
def lab() -> Iterator[Any]:
    from lab.api import Lab

    with Lab(name=f"gridengine-{os.getpid()}") as found:
        yield found


@pytest.fixture
def engine(lab: Any) -> Iterator[GridEngine]:
    yield make_engine(lab)
    lab.head("qdel -f -u '*'", check=False)


def make_engine(lab: Any, user: str = "root") -> GridEngine:
    return GridEngine(SgeSettings(), [Reservation(), Reservation(queue="long.q"), Reservation(account="nosuch")], run=LabRun(lab, user))


def add(lab: Any, engine: GridEngine, name: str, reservation: Reservation = Reservation()) -> None:
    address = lab.start_node(name)
    engine.join(Joining(name, address, Shape(4, 8000), reservation))
    lab.start_execd(name)
    lab.wait_for(lambda: find(engine, name).up is True, within=60, what=f"{name} to report")
    engine.unhold(name)


def find(engine: GridEngine, name: str) -> Host:
    return next(host for host in engine.observe().hosts if host.name == name)


def submit(lab: Any, options: str, command: str = "sleep 900") -> str:
    done = lab.head(f"cd /tmp && qsub -terse -b y -j y -o /dev/null {options} {command}", user="alice")
    return done.stdout.split()[0].partition(".")[0]


def settled(lab: Any, engine: GridEngine) -> BatchView:
    """Return a view once the scheduler has ranked what was submitted."""
    lab.wait_for(lambda: not any(job.reason.endswith("known yet") for job in engine.observe().jobs), within=30)
    return engine.observe()


def test_every_kind_of_pending_job(lab: Any, engine: GridEngine) -> None:
    """The submissions of one burst: who is demand, for how much, and why the others are not."""
    serial = submit(lab, "")
    kinds = {
        submit(lab, "-pe smp 8"): (Chunk(1, 8),),
        submit(lab, "-pe smp 6-8"): (Chunk(1, 6),),
        submit(lab, "-pe fill 12"): (Chunk(12),),
        submit(lab, "-pe rr 5"): (Chunk(5),),
        submit(lab, "-pe 'mp*' 6"): (Chunk(3, 2, distinct=True),),
        submit(lab, "-t 1-100:3 -tc 5"): (Chunk(),),
    }
    held, dependent = submit(lab, "-h"), submit(lab, f"-hold_jid {serial}")
    future, odd = submit(lab, "-a 203001010000"), submit(lab, "-pe mpi2 5")
    jobs = {job.id: job for job in settled(lab, engine).jobs}
    assert {job_id: jobs[job_id].request.chunks for job_id in kinds} == kinds
    assert [jobs[job_id].tasks for job_id in kinds] == [1, 1, 1, 1, 1, 5]
    assert jobs[held].state is JobState.HELD and jobs[dependent].state is JobState.DEPENDENT
    assert jobs[future].state is JobState.WAITING and "future" in jobs[future].reason
    assert "cannot be divided into 2" in jobs[odd].request.impossible
    assert {jobs[job_id].state for job_id in (*kinds, serial)} == {JobState.PENDING}
    assert {job.owner for job in jobs.values()} == {"alice"}  # the adapter is root, and sees everybody's


def test_one_users_bytes_do_not_blind_the_listing(lab: Any, engine: GridEngine) -> None:
    lab.head("qconf -sc > /tmp/c; grep -q ^rack /tmp/c || { echo 'rack rack RESTRING == YES NO NONE 0' >> /tmp/c; qconf -Mc /tmp/c; }")
    strange = [submit(lab, "-l rack=$(printf 'a\\001b')"), submit(lab, "-l rack=$(printf '\\351')"), submit(lab, "-N 'x<y&z'")]
    forged = submit(lab, "-v 'X=<JB_execution_time>9999999999</JB_execution_time>'")
    good = submit(lab, "")
    view = settled(lab, engine)
    jobs = {job.id: job for job in view.jobs}
    assert set(jobs) == {*strange, forged, good} and not view.warnings
    assert jobs[forged].state is jobs[good].state is JobState.PENDING
    assert jobs[strange[2]].name == "x<y&z" and jobs[strange[0]].request.needs == (("rack", "ab"),)


def test_join_run_hold_drain_remove(lab: Any, engine: GridEngine) -> None:
    add(lab, engine, "g1")
    job_id = submit(lab, "-pe smp 2", "sleep 6")
    lab.wait_for(lambda: find(engine, "g1").jobs == (job_id,), within=40, what="the job to start")
    assert sum(queue.used for queue in find(engine, "g1").queues) == 2
    engine.hold("g1", "to go")
    waiting = submit(lab, "")
    lab.wait_for(lambda: not find(engine, "g1").busy, within=40, what="the job to end in peace")
    assert find(engine, "g1").hold is HoldBy.US
    engine.remove("g1")
    view = engine.observe()
    assert "g1" not in {host.name for host in view.hosts}
    assert [job.id for job in view.jobs] == [waiting]
    shown = lab.head("qconf -sq '*'; qconf -shgrp @allhosts; qconf -shgrp @dynamiccluster_held; qconf -sel; qconf -sconfl", check=False).stdout
    assert "g1" not in shown
    lab.poweroff("g1")


def test_g10_node_of_a_queue_gets_into_no_other(lab: Any, engine: GridEngine) -> None:
    add(lab, engine, "g2", Reservation(queue="long.q"))
    assert [queue.name for queue in find(engine, "g2").queues] == ["long.q"]
    elsewhere, here = submit(lab, "-q all.q"), submit(lab, "-q long.q")
    lab.wait_for(lambda: find(engine, "g2").jobs == (here,), within=40)
    assert next(job for job in engine.observe().jobs if job.id == elsewhere).state is JobState.PENDING
    engine.vacate("g2")
    lab.wait_for(lambda: not find(engine, "g2").jobs, within=40)
    engine.remove("g2")
    assert "g2" not in lab.head("qconf -sq long.q").stdout
    lab.poweroff("g2")


def test_s23_node_lost_with_a_job_over_two_nodes(lab: Any, engine: GridEngine) -> None:
    for name in ("g3", "g4"):
        add(lab, engine, name)
    wide = submit(lab, "-r y -pe rr 4")
    lab.wait_for(lambda: next(job for job in engine.observe().jobs if job.id == wide).hosts == ("g3", "g4"), within=40)
    lab.poweroff("g3")  # its name is gone at once
    assert engine.clear("g3").requeued == (wide,)
    engine.remove("g3", gone=True)
    view = engine.observe()
    assert "g3" not in {host.name for host in view.hosts}
    assert wide in {job.id for job in view.jobs}
    lab.head(f"qdel -f {wide}", check=False)
    engine.remove("g4", gone=True)
    lab.poweroff("g4")


def test_restarted_qmaster_and_a_host_whose_name_is_gone(lab: Any, engine: GridEngine) -> None:
    """Every host is silent at first, none is dead; one that went meanwhile blinds nothing and can be removed."""
    for name in ("g5", "g6"):
        add(lab, engine, name)
    lab.head("pkill -KILL sge_qmaster")
    lab.poweroff("g6")
    with pytest.raises(BatchUnreachable):
        engine.observe()
    lab.head("sge_qmaster")
    lab.wait_for(lambda: lab.head("qconf -sel", check=False).returncode == 0, within=30)
    assert find(engine, "g5").up is not False and find(engine, "g6").up is None
    lab.wait_for(lambda: find(engine, "g5").up is True, within=60, what="g5 to call again")
    engine.remove("g6", gone=True)
    assert "g6" not in {host.name for host in engine.observe().hosts}
    engine.remove("g5")
    lab.poweroff("g5")


def test_frozen_qmaster_is_given_up(lab: Any, engine: GridEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "READ_TIMEOUT", 3.0)
    lab.head("pkill -STOP sge_qmaster")
    try:
        with pytest.raises(BatchUnreachable, match="did not answer within 3 s"):
            engine.observe()
    finally:
        lab.head("pkill -CONT sge_qmaster")
    monkeypatch.undo()
    assert engine.observe().health == {"sge": True}


def test_user_without_rights_is_told_what_to_run(lab: Any) -> None:
    alice = make_engine(lab, "alice")
    faults = {finding.what: finding.remedy for finding in alice.check() if not finding.ok}
    assert faults == {
        "alice is a Grid Engine manager": "qconf -am alice",
        "nodes of account nosuch can join": "create it (qconf -ahgrp @nosuch)",
    }
    with pytest.raises(BatchRefused, match="must be manager"):
        alice.join(Joining("head", "", Shape(1)))
    assert "head" not in lab.head("qconf -shgrp @allhosts").stdout


def test_queue_without_a_host_needs_a_placeholder(lab: Any, engine: GridEngine) -> None:
    lab.head("sed 's/^qname.*/qname lone.q/; s/^hostlist.*/hostlist NONE/' > /tmp/q", stdin=lab.head("qconf -sq all.q").stdout)
    lab.head("qconf -Aq /tmp/q")
    lone = GridEngine(SgeSettings(), [Reservation(queue="lone.q")], run=LabRun(lab))
    finding = next(finding for finding in lone.check() if not finding.ok)
    assert finding.what == "jobs can be submitted to lone.q" and "add a placeholder" in finding.remedy
    assert lab.head("qsub -b y -q lone.q sleep 1", user="alice", check=False).returncode
    lab.head("qconf -dq lone.q")
