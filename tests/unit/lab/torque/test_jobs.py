"""The stand-in's jobs: what is taken, what starts, what a lost mom leaves behind."""

from __future__ import annotations

import re

import pytest

from lab.torque.moms import VirtualMom
from tests.torque_standin import StandIn


@pytest.fixture
def standin() -> StandIn:
    return StandIn()


def states(standin: StandIn) -> str:
    """Return the letters of the jobs' states, in order."""
    return "".join(re.findall("<job_state>(.)</job_state>", standin.command("qstat -x -t").out))


def blocked(standin: StandIn) -> list[str]:
    """Return the states of what Maui calls blocked."""
    return [line.split()[2] for line in standin.command("showq").out.partition("BLOCKED JOBS")[2].splitlines()[3:] if line[:1].isdigit()]


def test_empty_list_is_zero_bytes(standin: StandIn) -> None:
    reply = standin.command("qstat -x -t")
    assert (reply.status, reply.out, reply.err) == (0, "", "")


@pytest.mark.parametrize(
    ("options", "admitted", "with_setting"),
    [("-l nodes=1", True, True), ("-l nodes=20", False, True), ("-l nodes=1:nosuch", False, True), ("-l nodes=20:ppn=8", False, False),
     ("-l procs=100", False, False), ("-l ncpus=100", True, True), ("", True, True)],
)
def test_what_the_defined_nodes_cannot_serve_is_rejected(standin: StandIn, options: str, admitted: bool, with_setting: bool) -> None:
    standin.boot("wn1")
    standin.qmgr("create node wn1 np=2")
    assert standin.command(f"qsub {options}").status == (0 if admitted else 190)
    standin.qmgr("set server resources_available.nodect = 1000")
    assert standin.command(f"qsub {options}").status == (0 if with_setting else 190)


def test_jobs_without_nodes_are_deferred_and_stay_so_when_nodes_come(standin: StandIn) -> None:
    job = standin.submit("", "sleep 9")
    standin.poll()
    assert blocked(standin) == ["Deferred"] and "no idle jobs" in standin.command("diagnose -p").out
    standin.add_node("wn1")
    standin.wait(120)
    assert states(standin) == "Q"
    assert standin.command(f"releasehold -a {job.partition('.')[0]}").out == "\njob holds adjusted\n"
    standin.poll()
    assert states(standin) == "C"


def test_without_defertime_they_start_by_themselves(standin: StandIn) -> None:
    standin.world.server.timing.defer = 0
    standin.submit()
    standin.poll()
    assert blocked(standin) == ["Idle"]
    standin.add_node("wn1")
    standin.poll()
    assert states(standin) == "R"


def test_slot_limit_lets_so_many_elements_run(standin: StandIn) -> None:
    standin.add_node("wn1", 8)
    standin.submit("-t 1-5%2", "sleep 40")
    assert states(standin) == "QQHHH"
    standin.poll()
    assert states(standin) == "RRHHH"
    standin.wait(35)
    assert states(standin)[:2] == "CC" and states(standin).count("H") == 1


def test_dependent_job_waits_for_the_other(standin: StandIn) -> None:
    standin.add_node("wn1", 4)
    first = standin.submit("", "sleep 100")
    standin.submit(f"-W depend=afterok:{first}", "sleep 1")
    standin.poll()
    assert states(standin) == "RH"
    standin.wait(50)
    standin.poll()
    assert states(standin)[-1] == "C"


def test_routing_queue_passes_jobs_on(standin: StandIn) -> None:
    standin.qmgr("create queue short queue_type=Execution,enabled=True,started=True,resources_max.walltime=00:10:00")
    standin.qmgr("create queue front queue_type=Route,enabled=True,started=True,route_destinations=short")
    standin.qmgr("set queue front route_destinations += batch")
    for walltime, queue in (("00:05:00", "short"), ("02:00:00", "batch")):
        job = standin.submit(f"-q front -l walltime={walltime}")
        assert f"<queue>{queue}</queue>" in standin.command(f"qstat -x {job}").out


@pytest.mark.parametrize("how", ["power_off", "delete"])
def test_job_of_a_lost_mom_can_only_be_purged_or_forced_to_rerun(standin: StandIn, how: str) -> None:
    standin.add_node("wn1", 4)
    lost, again = standin.submit(), standin.submit()
    standin.poll()
    mom = standin.world.server.moms["wn1"]
    standin.power_off("wn1") if how == "power_off" else standin.qmgr("delete node wn1")
    for command in (f"qdel {lost}", f"qsig -s 9 {lost}", f"qrerun {again}"):
        reply = standin.command(command)
        assert (reply.status, reply.err.partition(": ")[2]) == (224, f"Server could not connect to MOM {command.split()[-1]}\n")
    assert states(standin) == "RR"
    assert standin.command(f"qdel -p {lost}").status == standin.command(f"qrerun -f {again}").status == 0
    assert states(standin) == "Q"
    assert isinstance(mom, VirtualMom) and (how == "power_off" or mom.running() == sorted([lost, again]))


def test_deleting_a_busy_node_of_6_takes_seconds_and_requeues() -> None:
    standin = StandIn("6.1.3")
    standin.add_node("wn1")
    standin.submit()
    standin.poll()
    assert standin.qmgr("delete node wn1").seconds == 4
    assert states(standin) == "Q"


def test_job_that_may_not_be_rerun_is_not(standin: StandIn) -> None:
    standin.add_node("wn1")
    job = standin.submit("-r n")
    standin.poll()
    assert standin.command(f"qrerun -f {job}").status == 192 and states(standin) == "R"


def test_reservation_keeps_other_queues_out(standin: StandIn) -> None:
    standin.add_node("wn1")
    standin.command("setres -q short wn1")
    standin.submit()
    standin.poll()
    assert states(standin) == "Q"
    standin.command("releaseres short.0")
    standin.poll()
    assert states(standin) == "R"


def test_reservation_of_one_node_is_not_that_of_another(standin: StandIn) -> None:
    for name in ("node1", "node10"):
        standin.add_node(name)
    standin.command("setres -q batch node1")
    assert [line.split()[0] for line in standin.command("showres -n").out.splitlines() if " User " in line] == ["node1"]


def test_maui_is_stale_while_the_server_is_down(standin: StandIn) -> None:
    standin.add_node("wn1")
    standin.submit("", "sleep 10")
    standin.poll()
    standin.submit()
    standin.world.stop("server")
    before = standin.command("showq").out.count("tq")
    standin.wait(300)
    assert standin.command("checknode wn1").status == 0 and standin.command("showq").out.count("tq") == before
    assert "cannot get node info" in standin.command("diagnose -R").out
    assert standin.command("qstat -x").status == 111


def test_users_may_not_change_nodes_nor_others_jobs(standin: StandIn) -> None:
    standin.add_node("wn1")
    job = standin.submit(user="alice")
    assert "Unauthorized" in standin.command("pbsnodes -o wn1", user="bob").err
    assert standin.command(f"qdel {job}", user="bob").status == 159
    assert standin.command("torque-standin stop server", user="bob").status == 1
    assert "Variable_List" not in standin.command(f"qstat -x {job}", user="bob").out
