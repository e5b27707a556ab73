from __future__ import annotations

import pytest
from saltext.dynamiccluster.batch.torque.jobs import parse_jobs, read_hosts
from saltext.dynamiccluster.errors import BatchMalformed

from . import captured

BARE = b"<Job><Job_Id>7.srv</Job_Id><Job_Name>STDIN</Job_Name><Job_Owner>a@h</Job_Owner><job_state>Q</job_state><queue>batch</queue></Job>"


def document(*jobs: bytes) -> bytes:
    return b"<Data>" + b"".join(jobs) + b"</Data>\n"


def test_zero_bytes_are_no_jobs():
    assert parse_jobs(b"") == parse_jobs(b"\n") == ()


def test_an_empty_document_is_no_jobs_either():
    assert parse_jobs(b"<Data></Data>") == ()


def test_t1_job_without_any_attribute_is_seen_and_so_are_the_others():
    bare, other = parse_jobs(document(BARE, BARE.replace(b"7.srv", b"8.srv")))
    assert (bare.id, bare.request.resources, bare.walltime, bare.started) == ("7.srv", (), None, 0)
    assert other.id == "8.srv" and not bare.broken and not other.broken


def test_what_a_job_says():
    jobs = {job.number: job for job in parse_jobs(captured.read("B01-qstat-x-t-kinds"))}
    assert len(jobs) == 42
    assert jobs["19"].request.account == "projectx" and jobs["20"].request.queue == "short"
    assert jobs["18"].start_after == 1893499200 and jobs["18"].state == "W"
    assert (jobs["26"].walltime, jobs["26"].owner, jobs["26"].created) == (360000, "tqu1", 1795328681)
    assert jobs["52"].name == "we<i&rd"
    assert dict(jobs["22"].request.resources) == {"neednodes": "2:ppn=2", "nodes": "2:ppn=2", "pmem": "256mb"}


def test_others_jobs_are_shown_only_in_part():
    (job,) = parse_jobs(captured.read("D09c-user-qstat-x"))
    assert job.number == "54" and dict(job.request.resources)["nodes"] == "1:ppn=1"


def test_jobs_that_ask_for_the_same_have_one_request():
    jobs = parse_jobs(captured.read("B01-qstat-x-t-kinds"))
    assert len({job.request for job in jobs if job.number.startswith("15[")}) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("wn2/0+wn2/1+wn1/0", ("wn2", "wn1")), ("wn2/0-1+wn1/0-1", ("wn2", "wn1")), ("a.b/0,2-3", ("a.b",)), ("", ())],
)
def test_hosts_of_both_versions(text, expected):
    assert read_hosts(text) == expected


@pytest.mark.parametrize(
    "broken",
    [
        BARE.replace(b"<job_state>Q", b"<job_state>&bad;Q"),
        BARE.replace(b"</Job>", b"<ctime>soon</ctime></Job>"),
        BARE.replace(b"</Job>", b"<Resource_List><walltime>long</walltime></Resource_List></Job>"),
    ],
)
def test_a_broken_record_costs_itself_and_keeps_its_id(broken):
    first, second = parse_jobs(document(broken, BARE.replace(b"7.srv", b"8.srv")))
    assert first.id == "7.srv" and first.broken and second.id == "8.srv" and not second.broken


def test_a_cut_listing_is_no_listing():
    raw = captured.read("B01-qstat-x-t-kinds")
    for length in (1, 100, 5000, len(raw) - 8):
        with pytest.raises(BatchMalformed):
            parse_jobs(raw[:length])


def test_an_id_from_outside_is_not_trusted():
    (job,) = parse_jobs(document(BARE.replace(b"7.srv", b"7;rm -rf")))
    assert job.broken and job.id == ""


def test_many_jobs_share_what_is_equal():
    one = b"<Job><Job_Id>%d.srv</Job_Id><job_state>Q</job_state><queue>batch</queue><Resource_List><nodes>1</nodes></Resource_List></Job>"
    jobs = parse_jobs(document(*(one % number for number in range(3000))))
    assert len(jobs) == 3000 and len({job.request for job in jobs}) == 1


@pytest.mark.parametrize("name", [name for name in captured.names("qstat -x") if b"<Job>" in captured.read(name)])
def test_the_fast_way_reads_what_an_xml_parser_reads(name):
    """Each record again with an entity that changes nothing, so that the parser gets it."""
    raw = captured.read(name)
    assert parse_jobs(raw) == parse_jobs(raw.replace(b"</Job>", b"<x>&amp;</x></Job>"))


def test_text_that_is_not_escaped_forges_nothing():
    forged = BARE.replace(b"STDIN", b"a<job_state>R")
    job, other = parse_jobs(document(forged, BARE.replace(b"7.srv", b"8.srv")))
    assert job.broken and other.state == "Q"


def test_what_was_used_is_not_what_was_asked_for():
    used = b"<resources_used><mem>900gb</mem><walltime>09:00:00</walltime></resources_used><Resource_List><mem>1gb</mem><walltime>01:00:00</walltime></Resource_List>"
    (job,) = parse_jobs(document(BARE.replace(b"</Job>", used + b"</Job>")))
    assert job.walltime == 3600 and job.request.resources == (("mem", "1gb"),)


def test_characters_that_do_odd_things_to_a_terminal():
    (job,) = parse_jobs(document(BARE.replace(b"STDIN", b"a\x1b[31mb")))
    assert job.name == "a?[31mb"
