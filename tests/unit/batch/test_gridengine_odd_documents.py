"""Documents of every odd kind: the plain reader and the fast one agree, and neither says what expat, given the whole document, does not."""

from __future__ import annotations

import pytest

from .captured import read
from .whole import GRIDENGINE_HOSTS, GRIDENGINE_JOBS, REFUSED, hold_against_expat, insert_everywhere

HEAD = b"""<?xml version='1.0'?>
<job_info  xmlns:xsd="http://arc.liv.ac.uk/repos/darcs/sge/source/dist/util/resources/schemas/qstat/qstat.xsd">
  <queue_info>
  </queue_info>
  <job_info>
"""
END = b"  </job_info>\n</job_info>\n"
RECORD = b"""    <job_list state="pending">
      <JB_job_number>%d</JB_job_number>
      <JAT_prio>0.50500</JAT_prio>
      <JB_name>cal</JB_name>
      <JB_owner>nobody</JB_owner>
      <state>qw</state>
      <JB_submission_time>2026-11-22T06:00:55</JB_submission_time>
      <queue_name></queue_name>
      <slots>8</slots>
      <full_job_name>calibration</full_job_name>
      <requested_pe name="smp">8</requested_pe>
      <hard_request name="h_rt" resource_contribution="0.000000">3600</hard_request>
      <binding>NONE</binding>
    </job_list>
"""
ONE, TWO, THREE = (RECORD % number for number in (1, 2, 3))
GOOD = HEAD + ONE + TWO + THREE + END
READ, BROKEN = "read", "broken"  # what becomes of the second of three records
TIME, BINDING, NAME = b"2026-11-22T06:00:55", b"      <binding>", b"      <full_job_name>"

# a name, what is replaced in the second record, by what, what becomes of it
RECORDS = [
    ("nothing", b"", b"", READ),
    ("comment", BINDING, b"      <!-- hi -->\n" + BINDING, REFUSED),
    ("comment in a name", b"cali", b"ca<!-- hi -->li", REFUSED),
    ("comment around a record's end", BINDING, b"      <!-- </job_list>\n -->" + BINDING, REFUSED),
    ("cdata in a request", b">3600<", b"><![CDATA[3600]]><", REFUSED),
    ("cdata in a name", b">calibration<", b"><![CDATA[cal]]><", REFUSED),
    ("cdata around a record's end", b">3600<", b"><![CDATA[</job_list>]]><", REFUSED),
    ("processing instruction", BINDING, b"      <?php x?>\n" + BINDING, READ),
    ("processing instruction around a record's end", BINDING, b"      <?php </job_list>?>\n" + BINDING, REFUSED),
    ("processing instruction around a record", BINDING, b"      <?php <job_list state='x'></job_list>?>\n" + BINDING, REFUSED),
    ("xml declaration within", BINDING, b"<?xml version='1.0'?>" + BINDING, BROKEN),
    ("entity", b">3600<", b">36&#48;0<", READ),
    ("entity in an attribute", b'name="h_rt"', b'name="h&#95;rt"', READ),
    ("entity of a forbidden character", b">3600<", b">36&#1;<", BROKEN),
    ("entity that is not known", b">3600<", b">&foo;<", BROKEN),
    ("entity cut off", b">3600<", b">&amp<", BROKEN),
    ("namespace", BINDING, b"      <xsd:binding/>\n" + BINDING, BROKEN),
    ("namespace that is not known", BINDING, b"      <q:binding/>\n" + BINDING, BROKEN),
    ("default namespace", b"      <slots>", b'      <slots xmlns="http://x">', READ),
    ("attribute on a value", b"<slots>", b'<slots x="1">', READ),
    ("attribute twice", b"<slots>", b'<slots x="1" x="2">', BROKEN),
    ("attribute with markup", b'name="h_rt"', b'name="</job_list>"', REFUSED),
    ("attribute with a line end", b'name="h_rt"', b'name="h_rt\n"', READ),
    ("another attribute on the record", b'state="pending"', b'state="pending" x="1"', READ),
    ("other quotes on the record", b'state="pending"', b"state='pending'", READ),
    ("no attribute on the record", b'<job_list state="pending">', b"<job_list>", REFUSED),
    ("a tab in the record's tag", b"<job_list ", b"<job_list\t", REFUSED),
    ("a line end in the record's tag", b"<job_list ", b"<job_list\n", REFUSED),
    ("namespace on the record", b"<job_list ", b'<job_list xmlns="http://x" ', BROKEN),
    ("prefix on the record", b"<job_list ", b"<xsd:job_list ", REFUSED),
    ("record without contents", RECORD % 2, b'    <job_list state="pending"/>\n', REFUSED),
    ("record in a record", BINDING, b'      <job_list state="pending">\n      </job_list>\n' + BINDING, REFUSED),
    ("empty record in a record", BINDING, b'      <job_list state="pending"/>\n' + BINDING, REFUSED),
    ("bare record in a record", BINDING, b"      <job_list></job_list>\n" + BINDING, REFUSED),
    ("blank in the closing tag", b"</job_list>", b"</job_list >", REFUSED),
    ("no closing tag", b"    </job_list>\n", b"", REFUSED),
    ("two closing tags", b"    </job_list>\n", b"    </job_list>\n</job_list>\n", REFUSED),
    ("tags that do not match", b"</binding>", b"</bonding>", BROKEN),
    ("tags that cross", b"<slots>8</slots>", b"<slots>8<x></slots></x>", BROKEN),
    ("name of a tag that is none", b"      <slots>", b"      <1slots>1</1slots>\n      <slots>", BROKEN),
    ("markup in the document's end", b"      <binding>NONE</binding>\n", b"      <x></x></job_info>\n", BROKEN),
    ("end of cdata in text", b">3600<", b">a]]>b<", BROKEN),
    ("nested value", b"<slots>8<", b"<slots><slots>9</slots>8<", READ),
    ("nested number", BINDING, b"      <x><JB_job_number>9</JB_job_number></x>\n" + BINDING, READ),
    ("nested state", BINDING, b"      <x><state>r</state></x>\n" + BINDING, READ),
    ("child in a value", b"calibration", b"cal<b/>ibration", READ),
    ("other order", b"      <JB_owner>nobody</JB_owner>\n      <state>qw</state>\n", b"      <state>qw</state>\n      <JB_owner>eve</JB_owner>\n", READ),
    ("slots twice", BINDING, b"      <slots>99</slots>\n" + BINDING, READ),
    ("owner twice", b"      <state>", b"      <JB_owner>eve</JB_owner>\n      <state>", READ),
    ("environment twice", BINDING, b'      <requested_pe name="mpi">4</requested_pe>\n' + BINDING, READ),
    ("priority twice", b"0.50500</JAT_prio>", b"0.5</JAT_prio>\n      <JAT_prio>0.7</JAT_prio>", READ),
    ("number twice", b">2<", b">1<", READ),
    ("carriage return in a request", b">3600<", b">36\r00<", READ),
    ("tabs before tags", b"      ", b"\t", READ),
    ("no line ends", RECORD % 2, (RECORD % 2).replace(b"\n", b""), READ),
    ("text before the record", b"    <job_list ", b"hello    <job_list ", READ),
    ("delete character", b"calibration", b"a\x7fb", READ),
    ("control character", b"calibration", b"a\x01b", READ),
    ("control character in a number", b">2<", b">\x012<", READ),
    ("Grid Engine's own escape", b"calibration", b"a%lt;b", READ),
    ("latin-1", b"calibration", b"cal\xe9", READ),
    ("utf-8", b"calibration", "calé".encode(), READ),
    ("slots: 5000 digits", b"<slots>8<", b"<slots>" + b"9" * 5000 + b"<", BROKEN),
    ("slots: 100 digits", b"<slots>8<", b"<slots>" + b"9" * 100 + b"<", BROKEN),
    ("slots: negative", b"<slots>8<", b"<slots>-8<", BROKEN),
    ("slots: none", b"<slots>8<", b"<slots>0<", READ),
    ("slots: a word", b"<slots>8<", b"<slots>many<", BROKEN),
    ("range of slots: 100 digits", b">8</requested_pe>", b">" + b"9" * 100 + b"-</requested_pe>", BROKEN),
    ("priority: 400 digits", b"0.50500", b"9" * 400 + b".0", BROKEN),
    ("priority: nan", b"0.50500", b"nan", BROKEN),
    ("priority: inf", b"0.50500", b"inf", BROKEN),
    ("priority: 1e400", b"0.50500", b"1e400", BROKEN),
    ("priority: 1e300", b"0.50500", b"1e300", READ),
    ("priority: negative", b"0.50500", b"-0.5", READ),
    ("priority: none", b"0.50500", b"0.00000", READ),
    ("priority: underscore", b"0.50500", b"0_0.5", READ),
    ("priority: vertical tab", b"0.50500", b"\x0b0.6", READ),
    ("priority: comment", b"0.50500", b"<!-- -->0.6", REFUSED),
    ("time: 400 digits", TIME, b"9" * 400, BROKEN),
    ("time: 5000 digits", TIME, b"9" * 5000, BROKEN),
    ("time: nanoseconds", TIME, b"1795327255000000000", READ),
    ("time: hour 25", TIME, b"2026-11-22T25:00:55", BROKEN),
    ("time: year 0", TIME, b"0000-11-22T05:00:55", BROKEN),
    ("time: a word", TIME, b"nan", BROKEN),
    ("tasks", NAME, b"      <tasks>1-10:2,33</tasks>\n" + NAME, READ),
    ("tasks: behind", BINDING, b"      <tasks>1-3:1</tasks>\n" + BINDING, READ),
    ("tasks: 20 digits", NAME, b"      <tasks>1-99999999999999999999:1</tasks>\n" + NAME, BROKEN),
    ("tasks: 5000 digits", NAME, b"      <tasks>1-" + b"9" * 5000 + b":1</tasks>\n" + NAME, BROKEN),
    ("tasks: step 0", NAME, b"      <tasks>1-10:0</tasks>\n" + NAME, BROKEN),
    ("tasks: backwards", NAME, b"      <tasks>10-1:1</tasks>\n" + NAME, BROKEN),
    ("tasks: empty part", NAME, b"      <tasks>1,,3</tasks>\n" + NAME, BROKEN),
    ("number: leading zeros", b">2<", b">0002<", READ),
    ("number: 6000 digits", b">2<", b">" + b"7" * 6000 + b"<", READ),
    ("number: other digits", b">2<", ">٢<".encode(), READ),
    ("number: none", b">2<", b"><", BROKEN),
    ("queue and dependency", BINDING, b"      <hard_req_queue>a.q</hard_req_queue>\n      <predecessor_jobs>1</predecessor_jobs>\n" + BINDING, READ),
]

# a name, the document, whether it is read
DOCUMENTS = [
    ("byte order mark", b"\xef\xbb\xbf" + GOOD, True),
    ("utf-16 with a mark", GOOD.decode().encode("utf-16"), False),
    ("document type", GOOD.replace(b"?>\n", b"?>\n<!DOCTYPE x [<!ENTITY a 'b'>]>\n", 1), False),
    ("default namespace", GOOD.replace(b"<job_info  ", b'<job_info xmlns="http://x" ', 1), False),
    ("default namespace within", GOOD.replace(b"  <job_info>", b'  <job_info xmlns="http://x">', 1), False),
    ("declared latin-1", GOOD.replace(b"?>", b" encoding='iso-8859-1'?>", 1), True),
    ("declared encoding that is not known", GOOD.replace(b"?>", b" encoding='klingon'?>", 1), False),
    ("declared encoding of several bytes", GOOD.replace(b"?>", b" encoding='shift_jis'?>", 1), False),
    ("declared utf-16", GOOD.replace(b"?>", b" encoding='utf-16'?>", 1), False),
    ("other line ends", GOOD.replace(b"\n", b"\r\n"), True),
    ("one line", GOOD.replace(b"\n", b""), True),
    ("text between records", HEAD + ONE + b"hello" + TWO + THREE + END, True),
    ("comment between records", HEAD + ONE + b"<!-- x -->\n" + TWO + THREE + END, False),
    ("processing instruction around a record", HEAD + ONE + b"<?x\n" + TWO + b"?>" + THREE + END, False),
    ("record behind the document", GOOD + TWO, False),
    ("records before the document", ONE + TWO + THREE + HEAD + END, False),
    ("two documents", GOOD + GOOD, False),
    ("another root", GOOD.replace(b"job_info", b"jobs_info"), False),
    ("cut off in a record", GOOD[: len(HEAD) + 900], False),
    ("cut off between records", HEAD + ONE + TWO, False),
    ("cut off in the end", GOOD[:-4], False),
    ("no head", ONE + TWO + THREE + END, False),
    ("nothing", b"", False),
    ("only blanks", b"\n \n", False),
    ("deeply nested", HEAD + b"<a>" * 5000 + b"</a>" * 5000 + ONE + TWO + THREE + END, True),
]  # fmt: skip

# what may stand anywhere, by mistake or by intent
ODD = (
    b"<!-- hi -->", b"      <!-- hi -->\n", b"<![CDATA[x]]>", b"<?x y?>", b"      <?x y?>\n", b"<x/>", b"</x>", b"<x>", b"      <x></x>\n", b"]]>", b"&#48;",
    b"&x;", b"\x01", b"\xe9", b"\r", b" ", b"<job_list>", b'<job_list state="pending">', b"<job_list/>", b"</job_list>", b"    </job_list>\n", b"</job_list >",
    b"<?x </job_list>?>", b"<!", b"<?", b"-->", b"'", b'"', b"/", b"0", b" a='b'", RECORD % 9,
)  # fmt: skip


@pytest.mark.parametrize(("old", "new", "fate"), [row[1:] for row in RECORDS], ids=[row[0] for row in RECORDS])
def test_odd_records(old: bytes, new: bytes, fate: str) -> None:
    odd = TWO.replace(old, new) if old.startswith(b"     ") and old.isspace() else TWO.replace(old, new, 1)
    assert odd != TWO or not old
    found = hold_against_expat(GRIDENGINE_JOBS, HEAD + ONE + odd + THREE + END, GOOD)
    if fate == REFUSED:
        assert found == REFUSED
        return
    assert [(record.id, bool(record.broken)) for record in (found[0], found[2])] == [("1", False), ("3", False)]
    assert len(found) == 3 and bool(found[1].broken) == (fate == BROKEN)


@pytest.mark.parametrize(("document", "is_read"), [row[1:] for row in DOCUMENTS], ids=[row[0] for row in DOCUMENTS])
def test_odd_documents(document: bytes, is_read: bool) -> None:
    found = hold_against_expat(GRIDENGINE_JOBS, document, GOOD)
    assert [record.id for record in found] == ["1", "2", "3"] and not any(record.broken for record in found) if is_read else found == REFUSED


@pytest.mark.thorough
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_odd_things_everywhere(odd: bytes) -> None:
    start = GOOD.index(TWO)
    for document in insert_everywhere(GOOD, start, start + len(TWO), odd):
        hold_against_expat(GRIDENGINE_JOBS, document, GOOD, (2000,))


@pytest.mark.thorough
@pytest.mark.parametrize("odd", [thing.replace(b"job_list", b"host") for thing in ODD[:-1]], ids=repr)
def test_odd_things_everywhere_in_a_host(odd: bytes) -> None:
    whole = read("qhost-q-j-xml")
    start = whole.index(b" <host name='n2'>")
    document = whole[: whole.index(b" <host name='n3'>")] + b"</qhost>\n"
    for spoiled in insert_everywhere(document, start, start + 900, odd):
        hold_against_expat(GRIDENGINE_HOSTS, spoiled, document, (2000,))
