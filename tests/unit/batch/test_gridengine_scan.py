"""The readers for long listings say exactly what the plain ones say, of everything, and neither what expat does not say of the whole document."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings, strategies as st

from bench import sge_inputs
from saltext.dynamiccluster.batch.gridengine import hostscan, jobscan
from saltext.dynamiccluster.batch.gridengine.hosts import parse_hosts, read_host
from saltext.dynamiccluster.batch.gridengine.hostscan import HostReader
from saltext.dynamiccluster.batch.gridengine.jobs import parse_jobs, read_record
from saltext.dynamiccluster.batch.gridengine.jobscan import JobListing, JobReader
from saltext.dynamiccluster.errors import BatchMalformed

from .captured import FOLDER, jobs_document, read
from .pieces import in_pieces, read_whole
from .whole import GRIDENGINE_HOSTS, GRIDENGINE_JOBS, hold_against_expat

JOBS = sorted(path.stem for path in FOLDER.glob("*.out") if b"<job_info" in path.read_bytes()[:300])
HOSTS = sorted(path.stem for path in FOLDER.glob("*.out") if b"<qhost" in path.read_bytes()[:300])
ODD = (b"\x01", b"&", b"&lt;", b"%lt;", b"<", b"]]>", b"\xe9", b"\xc3\xa9", b"<!--", b" ", b"\n", b"\r", b"\t", b"x", b"", b"</job_list>\n")
ODD_HOSTS = (*ODD, b" </host>\n", b" <queue name='x'>\n", b"</host>")


def said(read_: Callable[[bytes], object], document: bytes) -> object:
    """Return what a reader makes of a document: records, or that it is malformed."""
    try:
        found = read_(document)
        return tuple(found.entries) if isinstance(found, JobListing) else found
    except BatchMalformed:
        return BatchMalformed


@pytest.mark.parametrize("name", JOBS)
def test_every_captured_listing_of_jobs(name: str) -> None:
    reader = in_pieces(JobReader().start)
    assert said(reader, read(name)) == said(parse_jobs, read(name)) == said(reader, read(name))


@pytest.mark.parametrize("name", HOSTS)
def test_every_captured_listing_of_hosts(name: str) -> None:
    reader = in_pieces(HostReader().start)
    assert said(reader, read(name)) == said(parse_hosts, read(name)) == said(reader, read(name))


def spoil(document: bytes, wounds: list[tuple[float, int, bytes]]) -> bytes:
    """Return the document with bytes replaced at the places given as shares of its length."""
    for share, length, new in wounds:
        at = int(share * len(document))
        document = document[:at] + new + document[at + length :]
    return document


wounds = st.tuples(st.floats(0, 1), st.sampled_from([0, 1, 1, 7, 40, 600]), st.sampled_from(ODD))
host_wounds = st.tuples(st.floats(0, 1), st.sampled_from([0, 1, 1, 7, 40, 600]), st.sampled_from(ODD_HOSTS))
fuzzed = settings(max_examples=150, deadline=None)


@fuzzed
@given(st.sampled_from(JOBS), st.lists(wounds, min_size=1, max_size=4), st.integers(100, 4000))
@pytest.mark.thorough
def test_spoiled_listings_of_jobs(name: str, spots: list[tuple[float, int, bytes]], size: int) -> None:
    hold_against_expat(GRIDENGINE_JOBS, spoil(read(name), spots), read(name), (size,))


@fuzzed
@given(st.sampled_from(HOSTS), st.lists(host_wounds, min_size=1, max_size=4))
def test_spoiled_listings_of_hosts(name: str, spots: list[tuple[float, int, bytes]]) -> None:
    hold_against_expat(GRIDENGINE_HOSTS, spoil(read(name), spots), read(name), (2000,))


@pytest.mark.parametrize("line", [b"mem_free", b"arch"])
def test_of_a_hosts_values_of_one_name_the_last_one_counts(line: bytes) -> None:
    twice = re.sub(rb"(   <resourcevalue name='%b'[^>]*>)([^<]*)(<.*\n)" % line, rb"\g<0>\g<1>7\g<3>", read("qhost-F-xml"))
    assert twice != read("qhost-F-xml") and in_pieces(HostReader().start)(twice) == parse_hosts(twice)


texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12).map(lambda text: text.encode())


@fuzzed
@given(st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=3))
def test_whatever_users_call_their_jobs_and_ask_for(given_: list[tuple[bytes, bytes, bytes]]) -> None:
    record = (
        b"      <JB_job_number>%d</JB_job_number>\n      <JAT_prio>0.50500</JAT_prio>\n      <JB_name>%b</JB_name>\n      <JB_owner>u</JB_owner>\n"
        b"      <state>qw</state>\n      <JB_submission_time>2026-11-22T06:00:55</JB_submission_time>\n      <queue_name></queue_name>\n"
        b"      <slots>1</slots>\n      <full_job_name>%b</full_job_name>\n      <hard_request name=\"rack\">%b</hard_request>\n"
        b"      <binding>NONE</binding>"
    )
    document = jobs_document(*(record % (number, *words) for number, words in enumerate(given_, 1))).replace(
        b"<job_list ", b"    <job_list "
    ).replace(b"</job_list>", b"    </job_list>")
    assert said(in_pieces(JobReader().start), document) == said(parse_jobs, document)


@pytest.mark.parametrize("time", ["2026-11-22T06:00:60", "2026-11-22T06:00-55", "2026-13-22T06:00:55", "1795331468", "2026-11-22T06:00:55.123", "0"])
def test_every_form_of_time(time: str) -> None:
    document = read("qstat-array-holes-xml").replace(b"2026-11-22T06:46:32", time.encode())
    assert said(in_pieces(JobReader().start), document) == parse_jobs(document)


@pytest.mark.parametrize("cut", range(20, 24_959, 613))
def test_truncated_listing_never_passes_for_a_shorter_one(cut: int) -> None:
    reader = in_pieces(JobReader().start)
    reader(read("qstat-xml-r-all"))
    with pytest.raises(BatchMalformed):
        reader(read("qstat-xml-r-all")[:cut])


def test_jobs_as_usual_never_need_the_xml_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    slow: list[bytes] = []
    monkeypatch.setattr(jobscan, "read_record", lambda raw: slow.append(raw) or read_record(raw))
    assert len(in_pieces(JobReader().start)(read("qstat-array-holes-xml")).entries) > 2
    assert len(slow) == 1  # the first one, which stands behind the document's head


def test_hosts_as_usual_never_need_the_xml_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    slow: list[bytes] = []
    monkeypatch.setattr(hostscan, "read_host", lambda raw: slow.append(raw) or read_host(raw))
    assert len(in_pieces(HostReader().start)(read("qhost-F-xml"))) > 2
    assert len(slow) == 1


def test_unchanged_records_are_the_same_objects_and_only_a_new_priority_is_read_anew() -> None:
    reader, document = in_pieces(JobReader().start), read("qstat-xml-r-all")
    first = reader(document).entries
    again = reader(document).entries
    usual = [number for number, record in enumerate(first) if again[number] is record]
    assert len(usual) > len(first) * 0.8
    aged = sge_inputs._PRIORITY.sub(rb"\g<1>0.98765", document)
    third = reader(aged).entries
    assert tuple(third) == parse_jobs(aged) and all(record.priority == 0.98765 for record in third)
    assert all(third[number].request is first[number].request for number in usual)


@pytest.mark.parametrize("near", [0, 3, 200])
def test_unchanged_records_are_the_same_objects_wherever_they_stand_now(monkeypatch: pytest.MonkeyPatch, near: int) -> None:
    monkeypatch.setattr(jobscan, "_NEAR", near)
    record = re.search(rb"    <job_list.*?</job_list>\n", read("qstat-array-holes-xml"), re.DOTALL)[0]
    head, _, end = read("qstat-array-holes-xml").partition(record)
    records = [re.sub(rb"(<JB_job_number>)\d+", rb"\g<1>%d" % number, record) for number in range(1000, 1060)]
    reader = in_pieces(JobReader().start)
    before = {entry.id: entry for entry in reader(head + b"".join(records) + end).entries}
    for moved in (records[9:], records[::-1], records[:20] + records[40:], records[30:] + records[:30], records + [record], records[:1]):
        document = head + b"".join(moved) + end
        found = reader(document).entries
        assert tuple(found) == parse_jobs(document)
        # the first one stands behind the document's head: the XML parser reads it
        assert all(entry is before[entry.id] for entry in found[1:] if entry.id in before and entry.id != "1000")


def test_where_every_priority_changed_whole_records_are_not_looked_up_until_the_listing_after_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobscan, "_STRANGE", 2)
    record = re.search(rb"    <job_list.*?</job_list>\n", read("qstat-array-holes-xml"), re.DOTALL)[0]
    head, _, end = read("qstat-array-holes-xml").partition(record)
    records = [re.sub(rb"(<JB_job_number>)\d+", rb"\g<1>%d" % number, record) for number in range(1000, 1040)]
    reader, kept = JobReader(), []
    for priority in (b"0.5", b"0.6", b"0.7", b"0.7", b"0.7"):
        document = head + b"".join(sge_inputs._PRIORITY.sub(rb"\g<1>%b0000" % priority, one) for one in records) + end
        found = read_whole(reader.start(), document, 1000)
        assert tuple(found.entries) == parse_jobs(document)
        kept.append(len(reader.last.prints))
    assert kept[0] > 30 and kept[1] == 0 and kept[2] > 30 and kept[3] == kept[4] == kept[2]


@pytest.mark.thorough
def test_forgets_jobs_that_are_gone() -> None:
    reader = JobReader()
    for number in range(0, 9000, 1500):
        document = read("qstat-array-holes-xml").replace(b"<JB_job_number>", b"<JB_job_number>%d" % number)
        for other in range(700):
            read_whole(reader.start(), document.replace(b"<JB_job_number>", b"<JB_job_number>%d" % other))
    assert len(reader.known) < 3000
