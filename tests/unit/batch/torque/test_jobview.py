from __future__ import annotations

import pytest
from saltext.dynamiccluster.batch.torque.jobs import parse_jobs
from saltext.dynamiccluster.batch.torque.jobview import JobContext, view_jobs
from saltext.dynamiccluster.batch.torque.maui import parse_priorities
from saltext.dynamiccluster.batch.torque.requests import Translator, World
from saltext.dynamiccluster.batch.torque.server import Server, parse_server
from saltext.dynamiccluster.model import JobState
from saltext.dynamiccluster.policy.demand import collect_lots

from . import captured

SERVER = parse_server(captured.text("A15-qmgr-ps"))


def view(document: bytes, server: Server = SERVER, **context):
    jobs = view_jobs(parse_jobs(document), JobContext(Translator(World(server)), 1795330000, **context))
    return {job.id.partition(".")[0]: job for job in jobs}


def one(job_id: str = "7", state: str = "Q", more: str = "", queue: str = "batch") -> bytes:
    body = f"<Job><Job_Id>{job_id}.srv</Job_Id><job_state>{state}</job_state><queue>{queue}</queue>{more}</Job>"
    return f"<Data>{body}</Data>".encode()


def test_states_of_captured_jobs():
    jobs = view(captured.read("B01-qstat-x-t-kinds"))
    assert jobs["1"].state is JobState.PENDING and jobs["1"].tasks == 1
    assert jobs["17"].state is JobState.HELD and jobs["17"].reason == "it is held by its user"
    assert jobs["18"].state is JobState.WAITING and "future" in jobs["18"].reason
    assert jobs["15[2]"].state is JobState.PENDING
    assert jobs["15[3]"].state is JobState.WAITING and "slot limit" in jobs["15[3]"].reason
    assert all(job.tasks == 0 for job in jobs.values() if job.state is not JobState.PENDING)
    assert jobs["19"].account == "projectx" == jobs["19"].request.account


def test_running_and_completed_jobs():
    jobs = view(captured.read("C04-qstat-x-t"))
    assert jobs["2"].state is JobState.RUNNING and jobs["2"].hosts == ("wn2", "wn1") and jobs["2"].rerunnable and jobs["2"].started
    assert view(captured.read("F08d-qstat-x"))["1"].state is JobState.COMPLETED


@pytest.mark.parametrize(
    ("state", "more", "expected", "reason"),
    [
        ("H", "<Hold_Types>s</Hold_Types><depend>afterok:6.srv@srv</depend>", JobState.DEPENDENT, "it waits for afterok:6.srv@srv"),
        ("H", "<Hold_Types>us</Hold_Types><depend>afterok:6.srv@srv</depend>", JobState.HELD, "it is held by its user and the system"),
        ("Q", "<depend>beforeok:8.srv@srv</depend>", JobState.PENDING, ""),
        ("H", "<Hold_Types>o</Hold_Types>", JobState.HELD, "it is held by an operator"),
        ("T", "", JobState.WAITING, "it is on its way to another queue or server"),
        ("E", "<exec_host>wn1/0</exec_host>", JobState.RUNNING, ""),
        ("S", "<exec_host>wn1/0</exec_host>", JobState.SUSPENDED, ""),
        ("?", "", JobState.UNKNOWN, "its state ? is no state in which it could start"),
    ],
)
def test_states(state, more, expected, reason):
    job = view(one(state=state, more=more))["7"]
    assert (job.state, job.reason) == (expected, reason)


def test_elements_held_by_their_array_in_version_6():
    assert view(one("7[3]", "H", "<Hold_Types>l</Hold_Types>"))["7[3]"].state is JobState.WAITING


def test_a_routing_queue_starts_nothing():
    job = view(one(more="<queue_type>R</queue_type>", queue="front"))["7"]
    assert job.state is JobState.WAITING and "routing queue front" in job.reason


def test_a_stopped_queue_starts_nothing():
    job = view(one(), Server({"batch": {"started": "False"}}))["7"]
    assert job.state is JobState.WAITING and job.tasks == 0 and "batch is stopped" in job.reason


def test_an_array_that_qstat_does_not_expand():
    jobs = view(captured.read("B02-qstat-x-kinds"))
    assert jobs["14[]"].tasks == 5 and jobs["16[]"].tasks == 3


def test_an_array_is_not_counted_twice():
    both = captured.read("B02-qstat-x-kinds")[: -len(b"</Data>\n")] + captured.read("B05-qstat-x-t-array")[len(b"<Data>") :]
    jobs = view(both)
    assert "14[]" not in jobs and "14[1]" in jobs


def test_t5_priority_orders_all_jobs():
    document = one("1")[: -len(b"</Data>")] + b"".join(one(str(number))[6:-7] for number in range(2, 30)) + b"</Data>"
    jobs = view(document, priorities={str(number): float(number) for number in range(1, 30)})
    (lot,) = collect_lots(jobs.values())
    assert [job.id.partition(".")[0] for job in lot.jobs] == [str(number) for number in range(29, 0, -1)]


def test_t6_jobs_that_maui_does_not_list_are_demand_after_those_it_lists():
    priorities = parse_priorities(captured.text("C02-diagnose-p"))
    jobs = view(captured.read("C04-qstat-x-t"), priorities=priorities)
    pending = [job for job in jobs.values() if job.state is JobState.PENDING]
    missing = {job.id.partition(".")[0] for job in pending if job.id.partition(".")[0] not in priorities}
    assert len(pending) == 36 and len(priorities) == 32 and missing == {"56", "57", "64", "65"}
    order = [job.id.partition(".")[0] for lot in collect_lots(pending) for job in lot.jobs]
    assert set(order[-4:]) == missing


def test_t6_all_jobs_are_demand_when_maui_lists_none():
    assert all(job.tasks == 1 for job in view(captured.read("C04-qstat-x-t")).values() if job.state is JobState.PENDING)


def test_a_priority_of_zero_or_below_comes_before_none():
    document = one("1")[:-7] + one("2")[6:-7] + one("3")[6:-7] + one("4")[6:]
    jobs = view(document, priorities={"1": -5.0, "3": 0.0, "4": 2.0})
    (lot,) = collect_lots(jobs.values())
    assert [job.id[0] for job in lot.jobs][0] == "4" and [job.id[0] for job in lot.jobs][-1] == "2"


def test_t7_no_queue_to_monitor_means_all_queues():
    assert {job.queue for job in view(captured.read("B01-qstat-x-t-kinds")).values()} == {"batch", "short"}


def test_jobs_of_queues_that_nobody_watches_are_left_out_while_they_wait():
    jobs = view(captured.read("C04-qstat-x-t"), watched=frozenset({"short"}))
    assert {job.queue for job in jobs.values() if job.state is JobState.PENDING} == {"short"}
    assert jobs["2"].state is JobState.RUNNING


def test_a_job_that_started_between_the_two_readings():
    job = view(one(), running_on={"7.srv": ("wn1",)})["7"]
    assert job.state is JobState.RUNNING and job.hosts == ("wn1",)


def test_a_broken_record_is_no_demand():
    job = view(one(more="<ctime>x</ctime>"))["7"]
    assert job.state is JobState.UNKNOWN and job.tasks == 0 and job.reason
