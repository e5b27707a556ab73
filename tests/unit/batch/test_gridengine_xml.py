from __future__ import annotations

import pytest

from saltext.dynamiccluster.batch.gridengine.hosts import parse_hosts
from saltext.dynamiccluster.batch.gridengine.jobs import parse_jobs
from saltext.dynamiccluster.batch.gridengine.xml import clean, text
from saltext.dynamiccluster.errors import BatchMalformed

from .captured import jobs_document, read

GOOD = b"<JB_job_number>1</JB_job_number>\n<state>qw</state>\n<slots>1</slots>"


@pytest.mark.parametrize("bad", [b"a\x01b", b"\xe9", b"\xff\xfe", b"\x00"], ids=repr)
def test_one_users_bytes_do_not_blind_the_listing(bad: bytes) -> None:
    strange = b'<JB_job_number>2</JB_job_number>\n<state>qw</state>\n<slots>1</slots>\n<hard_request name="rack">' + bad + b"</hard_request>"
    records = parse_jobs(jobs_document(GOOD, strange))
    assert [(record.id, record.state, record.broken) for record in records] == [("1", "qw", ""), ("2", "qw", "")]


def test_g3_record_that_is_not_well_formed_costs_only_itself() -> None:
    records = parse_jobs(jobs_document(GOOD, b"<JB_job_number>2</JB_job_number><JB_name>a&b</JB_name>"))
    assert [record.id for record in records] == ["1", "2"]
    assert not records[0].broken and "well-formed" in records[1].broken


@pytest.mark.parametrize("cut", [40, 200, 3000, 24000, 24940])
def test_truncated_document_is_malformed_and_never_a_shorter_list(cut: int) -> None:
    with pytest.raises(BatchMalformed):
        parse_jobs(read("qstat-xml-r-all")[:cut])


@pytest.mark.parametrize("document", [b"", b"error: no such file", read("qhost-q-j-xml"), b"<html></html>"])
def test_foreign_document_is_malformed(document: bytes) -> None:
    with pytest.raises(BatchMalformed):
        parse_jobs(document)


@pytest.mark.parametrize("cut", [100, 5000, 17000])
def test_truncated_host_list_is_malformed(cut: int) -> None:
    with pytest.raises(BatchMalformed):
        parse_hosts(read("qhost-q-j-xml")[:cut])


def test_entities_are_refused() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]>' + jobs_document(GOOD).split(b"\n", 1)[1]
    with pytest.raises(BatchMalformed, match="entity"):
        parse_jobs(bomb)


def test_reference_to_an_unknown_entity_costs_only_its_record() -> None:
    records = parse_jobs(jobs_document(GOOD, b"<JB_job_number>2</JB_job_number><JB_name>&a;</JB_name>"))
    assert [bool(record.broken) for record in records] == [False, True]


def test_clean_leaves_good_documents_alone() -> None:
    document = read("qstat-xml-r-all")
    assert clean(document) == document


def test_defect_names_that_grid_engine_writes_broken() -> None:
    assert text("x%lt;y&z") == "x<y&z"
    assert 'x<y&z"q' in {record.name for record in parse_jobs(read("qstat-xml-r-all"))}
