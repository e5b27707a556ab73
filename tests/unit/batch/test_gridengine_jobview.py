from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace

import pytest

from saltext.dynamiccluster.batch.gridengine.details import JobDetail, parse_details
from saltext.dynamiccluster.batch.gridengine.jobs import (
    JobRecord,
    RawRequest,
    parse_jobs,
)
from saltext.dynamiccluster.batch.gridengine.jobscan import JobReader
from saltext.dynamiccluster.batch.gridengine.jobview import JobContext, read_state
from saltext.dynamiccluster.batch.gridengine.jobviews import JobViews
from saltext.dynamiccluster.batch.gridengine.requests import Translator
from saltext.dynamiccluster.errors import BatchMalformed
from saltext.dynamiccluster.model import Job, JobState

from .captured import cell, jobs_document, listed, read
from .pieces import read_whole

NOW = 1795327300.0
DETAILS = parse_details(read("qstat-xml-j-all"))


def context(**changes: object) -> JobContext:
    return replace(JobContext(Translator(cell()), NOW), **changes)


def view(*records: JobRecord, **changes: object) -> list[Job]:
    return list(JobViews()(listed(*records), context(**changes)))


def captured() -> dict[str, Job]:
    jobs = JobViews()(listed(*parse_jobs(read("qstat-xml-r-all"))), context(details=parse_details(read("qstat-xml-j-all"))))
    assert len({job.id for job in jobs}) == len(jobs)
    return {job.id: job for job in jobs}


@pytest.mark.parametrize(
    ("letters", "state"),
    [
        ("qw", JobState.PENDING), ("Rq", JobState.PENDING), ("hqw", JobState.HELD), ("hRq", JobState.HELD), ("Eqw", JobState.ERROR),
        ("Ehqw", JobState.ERROR), ("r", JobState.RUNNING), ("t", JobState.RUNNING), ("Rr", JobState.RUNNING), ("dr", JobState.RUNNING),
        ("s", JobState.SUSPENDED), ("S", JobState.SUSPENDED), ("T", JobState.SUSPENDED), ("z", JobState.COMPLETED),
        ("dqw", JobState.UNKNOWN), ("?", JobState.UNKNOWN), ("", JobState.UNKNOWN),
    ],
)  # fmt: skip
def test_state_letters(letters: str, state: JobState) -> None:
    assert read_state(JobRecord("1", letters)) is state


def test_g5_only_jobs_that_could_start_are_demand() -> None:
    jobs = captured()
    states = {job_id: jobs[job_id].state for job_id in ("10", "23", "24", "25", "26", "53", "1", "3", "9")}
    assert states == {
        "10": JobState.PENDING, "23": JobState.HELD, "24": JobState.DEPENDENT, "25": JobState.DEPENDENT, "26": JobState.WAITING,
        "53": JobState.ERROR, "1": JobState.SUSPENDED, "3": JobState.SUSPENDED, "9": JobState.WAITING,
    }  # fmt: skip
    assert all(job.reason for job in jobs.values() if job.state not in (JobState.PENDING, JobState.RUNNING, JobState.SUSPENDED))
    assert all((job.tasks > 0) == (job.state is JobState.PENDING) for job in jobs.values())


def test_g4_pending_tasks_and_their_limit() -> None:
    jobs = captured()
    assert jobs["21"].tasks == 10
    assert jobs["22"].tasks == 3  # 20 tasks, -tc 3
    assert jobs["9"].tasks == 0 and "limit of 2 tasks" in jobs["9"].reason
    assert {"9.1", "9.3"} <= set(jobs)


def test_task_limit_counts_running_tasks() -> None:
    records = [JobRecord("7", "r", tasks="1", queue="all.q@n1"), JobRecord("7", "qw", 0.5, tasks="2-9:1")]
    jobs = view(*records, details={"7": JobDetail(task_limit=4)})
    assert [(job.id, job.tasks) for job in jobs] == [("7.1", 0), ("7", 3)]


def test_array_in_several_states_has_several_ids() -> None:
    records = [JobRecord("7", "qw", 0.5, tasks="1-3:1"), JobRecord("7", "hqw", tasks="4-9:1")]
    assert [(job.id, job.state) for job in view(*records, details={"7": JobDetail()})] == [
        ("7", JobState.PENDING), ("7.4-9:1", JobState.HELD),
    ]  # fmt: skip


def test_g6_job_with_priority_zero_is_served_last() -> None:
    job = view(JobRecord("1", "qw", 0.0), details={"1": JobDetail()})[0]
    assert job.state is JobState.PENDING and job.priority == 0.0 and job.tasks == 1
    listed = parse_jobs(jobs_document(b"<JB_job_number>1</JB_job_number><JAT_prio>0.00000</JAT_prio><state>qw</state><slots>1</slots>"))
    assert [(job.id, job.tasks) for job in view(*listed, details={"1": JobDetail()})] == [("1", 1)]


def test_g5_start_time_that_is_not_known_yet_is_no_reason_to_launch() -> None:
    job = view(JobRecord("1", "qw", 0.0))[0]
    assert job.state is JobState.WAITING and "not known yet" in job.reason


def test_job_that_the_scheduler_ranked_needs_no_detail() -> None:
    assert view(JobRecord("1", "qw", 0.5))[0].state is JobState.PENDING


def test_g7_every_pending_job_is_seen() -> None:
    assert len(view(*(JobRecord(str(n), "qw", 0.5) for n in range(1, 101)))) == 100


def test_g15_job_waits_since_its_details_say_it_was_submitted() -> None:
    """What qstat -r shows may be the time of its last change."""
    assert view(JobRecord("1", "qw", 0.5, submitted=90.0), details={"1": JobDetail(submitted=70.0)})[0].created == 70.0


def test_g8_jobs_of_other_queues_are_ignored() -> None:
    records = [
        JobRecord("1", "qw", 0.5, request=RawRequest(queues=("all.q",))),
        JobRecord("2", "qw", 0.5, request=RawRequest(queues=("short.q",))),
        JobRecord("3", "r", 0.5, queue="all.q@n1"),
    ]
    jobs = view(*records, translate=Translator(cell(), ("short.q",)))
    assert [job.id for job in jobs] == ["2", "3"]  # what runs is still seen: it keeps its node


def test_job_that_started_between_two_listings_is_running() -> None:
    job = view(JobRecord("1", "qw", 0.5), running_on={"1": ("n1", "n2")})[0]
    assert job.state is JobState.RUNNING and job.hosts == ("n1", "n2") and job.tasks == 0


def test_hosts_and_start_of_a_running_job() -> None:
    job = view(JobRecord("1", "r", queue="all.q@n1", started=5.0), running_on={"1": ("n1", "n2")}, started_at={"1": 7.0})[0]
    assert job.hosts == ("n1", "n2") and job.started == 7.0
    assert view(JobRecord("1", "r", queue="all.q@n1", started=5.0))[0].hosts == ("n1",)


@pytest.mark.parametrize(("restart", "queue", "expected"), [(1, "all.q@n1", True), (2, "rerun.q@n1", False), (0, "all.q@n1", False), (0, "rerun.q@n1", True)])
def test_rerunnable_by_job_then_by_queue(restart: int, queue: str, expected: bool) -> None:
    from saltext.dynamiccluster.batch.gridengine.config import Queue, read_attribute

    queues = {**cell().queues, "rerun.q": Queue("rerun.q", ("n1",), {"rerun": read_attribute("FALSE,[n1=TRUE]")})}
    jobs = view(JobRecord("1", "r", queue=queue), details={"1": JobDetail(restart=restart)}, translate=Translator(replace(cell(), queues=queues)))
    assert jobs[0].rerunnable is expected


def test_cell_wide_consumable_that_is_used_up_is_waited_for() -> None:
    record = JobRecord("1", "qw", 0.5, request=RawRequest(resources=(("license", "5"),)))
    assert view(record, left={"license": 5.0})[0].state is JobState.PENDING
    job = view(record, left={"license": 4.0})[0]
    assert job.state is JobState.WAITING and job.reason == "it waits for 5 of license, 4 are left in the whole cell"


def test_unreadable_record_is_an_unknown_job() -> None:
    jobs = view(JobRecord("5", broken="strange"), JobRecord("", broken="strange"))
    assert [(job.id, job.state, job.tasks, job.reason) for job in jobs] == [("5", JobState.UNKNOWN, 0, "strange")]


def test_rescheduled_jobs_are_demand_again() -> None:
    records = parse_jobs(read("resched-qstat-xml"))
    jobs = view(*records, details={record.id: JobDetail() for record in records})
    assert [record.state for record, job in zip(records, jobs, strict=True) if job.state is JobState.PENDING] == ["Rq"]


STEPS = (
    {},
    {"details": DETAILS},
    {"details": DETAILS, "running_on": {str(number): ("n1",) for number in range(1, 40)}, "started_at": {"11": 5.0}},
    {"details": DETAILS, "left": {"license": 0.0}},
    {"details": {**DETAILS, "11": replace(DETAILS["11"], start_after=NOW + 5, project="p", restart=1)}},
    {"details": {**DETAILS, "11": replace(DETAILS["11"], start_after=NOW + 5, project="p", restart=1)}, "now": NOW + 10},
)


def test_jobs_viewed_again_are_what_they_would_be_if_viewed_for_the_first_time() -> None:
    """Whatever changed in between: details, where a job runs, what is left of the cell's own, the time, the records."""
    records, views = parse_jobs(read("qstat-xml-r-all")), JobViews()
    translate = Translator(cell())
    for changes in STEPS:
        seen = replace(JobContext(translate, NOW), **changes)
        for some in (records, records[5:], tuple(record._replace(priority=0.7) for record in records), records):
            listing = listed(*some)
            assert views(listing, seen) == JobViews()(listing, seen)


@pytest.mark.parametrize("watched", [(), ("long.q",)])
def test_plain_jobs_are_what_they_would_be_if_they_were_read_and_viewed_one_by_one(watched: tuple[str, ...]) -> None:
    """Whatever changed in between, among it that a job got or lost its priority."""
    usual = read("qstat-xml-r-all")
    others = [re.sub(rb"(<JAT_prio>)[0-9.]+", rb"\g<1>%b" % priority, usual) for priority in (b"0.70000", b"0.00000", b"0.80000")]
    reader, views, translate, plain = JobReader(), JobViews(), Translator(cell(), watched), 0
    known: dict[str, JobDetail] = {}
    for changes in STEPS:
        seen = replace(JobContext(translate, NOW), **changes)
        learnt = {job_id for job_id, detail in seen.details.items() if known.get(job_id) is not detail}
        known = dict(seen.details)
        for document in (usual, usual.replace(b"<state>hqw<", b"<state>qw<"), *others, usual):
            listing = read_whole(reader.start(translate), document)
            plain += len(listing.entries) - len(listing.others)
            assert views(listing, seen, learnt) == JobViews()(listed(*parse_jobs(document)), seen)
            learnt = set()
    assert plain > 100 or watched


def test_a_listing_that_nobody_viewed_takes_no_details_from_its_jobs() -> None:
    """The hosts could not be read after it, or it was cut off itself."""
    usual = read("qstat-xml-r-all")
    aged = re.sub(rb"(<JAT_prio>)0\.[0-9]+", rb"\g<1>0.70000", usual)
    for broken in (aged, aged[:-40]):
        reader, views = JobReader(), JobViews()
        seen = context(details=DETAILS)
        views(read_whole(reader.start(seen.translate), usual), seen, DETAILS.keys())
        with suppress(BatchMalformed):
            read_whole(reader.start(seen.translate), broken)
        assert views(read_whole(reader.start(seen.translate), aged), seen) == JobViews()(listed(*parse_jobs(aged)), seen)


def test_another_configuration_makes_other_jobs() -> None:
    reader, views, document = JobReader(), JobViews(), read("qstat-xml-r-all")
    for watched in ((), ("long.q",), ()):
        seen = JobContext(Translator(cell(), watched), NOW)
        assert views(read_whole(reader.start(seen.translate), document), seen) == JobViews()(listed(*parse_jobs(document)), seen)


@pytest.mark.thorough
def test_views_of_jobs_that_are_gone_are_forgotten() -> None:
    views, reader, translate, detail = JobViews(), JobReader(), Translator(cell()), JobDetail()
    for number in range(2000):
        document = read("qstat-array-holes-xml").replace(b"<JB_job_number>", b"<JB_job_number>%d" % number)
        listing = read_whole(reader.start(translate), document)
        ids = {entry.id for entry in listing.entries}
        views(listing, JobContext(translate, NOW, dict.fromkeys(ids, detail)), ids)
    assert len(views._plain._views) == len(views._plain._bases) < 1100 and len(views._seen) < 1100
