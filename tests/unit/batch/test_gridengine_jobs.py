from __future__ import annotations

import pytest

from saltext.dynamiccluster.batch.gridengine.details import JobDetail, parse_details
from saltext.dynamiccluster.batch.gridengine.jobs import (
    RawRequest,
    count_tasks,
    parse_jobs,
    read_minimum,
    read_time,
)
from saltext.dynamiccluster.errors import BatchMalformed

from .captured import jobs_document, read


def test_every_kind_of_job_is_read() -> None:
    records = parse_jobs(read("qstat-xml-r-all"))
    by_name = {record.name: record for record in records}
    assert len(records) == 49 and not any(record.broken for record in records)
    assert by_name["smp_range_pend"].request == RawRequest(30, "smp", "30-64")
    assert by_name["q_two"].request.queues == ("short.q", "long.q")
    assert by_name["serial_pend"].request.resources == (("h_rt", "3600"), ("h_vmem", "1G"), ("mem_free", "1G"))
    assert by_name["held_dep"].predecessors == ("1", "2")
    assert by_name["arr_dep_ad"].predecessors == ("21",)
    assert by_name["serial_run"].queue == "all.q@n1" and by_name["serial_run"].started


def test_soft_requests_are_ignored() -> None:
    job = next(record for record in parse_jobs(read("qstat-xml-r-all")) if record.name == "l_soft")
    assert job.request.resources == (("gpu", "1"),) and job.request.queues == ()


def test_equal_requests_are_equal_values() -> None:
    by_name = {record.name: record.request for record in parse_jobs(read("qstat-xml-r-all"))}
    assert by_name["acct"] == by_name["proj"] and hash(by_name["acct"]) == hash(by_name["proj"])


def test_no_jobs_is_an_empty_list() -> None:
    assert parse_jobs(read("qstat-xml-r-noone")) == ()


@pytest.mark.parametrize(
    ("tasks", "count"),
    [("1-100:1", 100), ("1-5:2,9", 4), ("5-999:2", 498), ("11-19:2,33-999:2", 489), ("7", 1), ("1,2", 2), ("", 1)],
)
def test_g4_tasks(tasks: str, count: int) -> None:
    assert count_tasks(tasks) == count


@pytest.mark.parametrize(("pe_range", "minimum"), [("4-8", 4), ("20,40", 20), ("40-9999999", 40), ("40-", 40), ("8", 8), ("64,16", 16)])
def test_g1_minimum_of_a_range(pe_range: str, minimum: int) -> None:
    assert read_minimum(pe_range) == minimum


def test_g3_bad_record_costs_only_itself() -> None:
    good = b"<JB_job_number>%d</JB_job_number>\n<state>qw</state>\n<slots>1</slots>"
    bad = (b"<state>qw</state>", good % 3 + b"<tasks>x-y</tasks>", good % 4 + b"<JB_submission_time>soon</JB_submission_time>")
    records = parse_jobs(jobs_document(good % 1, *bad, good % 2))
    assert [(record.id, bool(record.broken)) for record in records] == [("1", False), ("", True), ("3", True), ("4", True), ("2", False)]


def test_g3_timestamps_of_newer_versions() -> None:
    record = b"<JB_job_number>1</JB_job_number><state>qw</state><JAT_submission_time>%s</JAT_submission_time>"
    fraction, epoch = (parse_jobs(jobs_document(record % value))[0] for value in (b"2026-11-22T06:00:55.123456", b"1795327255123456"))
    assert not fraction.broken and fraction.submitted % 1 == pytest.approx(0.123456, abs=1e-5)
    assert epoch.submitted == 1795327255


def test_g15_wait_time_in_adelaide(monkeypatch: pytest.MonkeyPatch) -> None:
    """qstat's times are local ones without a zone: half an hour off UTC must come out right."""
    import time

    monkeypatch.setenv("TZ", "Australia/Adelaide")
    time.tzset()
    try:
        assert read_time("2026-07-01T12:00:00") == 1782873000.0  # 02:30 UTC
    finally:
        monkeypatch.undo()
        time.tzset()


def test_g15_details_tell_the_time_without_a_zone() -> None:
    assert parse_details(read("qstat-xml-j-all"))["9"].submitted == 1795327250


def test_details_of_all_kinds() -> None:
    details = parse_details(read("qstat-xml-j-all"))
    assert len(details) == 47
    assert details["9"].task_limit == 2
    assert details["26"].start_after == 1893456000
    assert details["35"].account == "my_account"
    assert details["36"].project == "proj1"
    assert details["49"].restart == 1
    assert details["1"] == JobDetail(submitted=1795327250, account="sge")


def test_details_of_jobs_that_ended_are_left_out() -> None:
    assert parse_details(read("qstat-xml-j-nosuch")) == {}


def test_details_survive_a_users_bytes_and_forged_tags() -> None:
    document = read("qstat-xml-j-restart").replace(b"<ST_name>300", b"<ST_name>\x01\xe9%lt;JB_restart&gt;2%lt;/JB_restart&gt;")
    assert parse_details(document)["2"].restart == 1


def test_foreign_details_are_malformed() -> None:
    with pytest.raises(BatchMalformed):
        parse_details(b"something else")
