"""Documents of every odd kind: the plain reader and the fast one agree, and neither says what expat, given the whole document, does not."""

from __future__ import annotations

import pytest

from bench import torque_inputs
from tests.unit.batch.whole import REFUSED, TORQUE_JOBS, hold_against_expat, insert_everywhere

ASKED = "<mem>3gb</mem><neednodes>1:ppn=2</neednodes><nodect>1</nodect><nodes>1:ppn=2</nodes><walltime>01:00:00</walltime>"


def job(number: int) -> bytes:
    """Return a record as Torque writes it."""
    return torque_inputs._JOB.format(number=number, name="job", owner="u1", server="s.x", time=1795000000, asked=ASKED).encode()


ONE, TWO, THREE = map(job, (1, 2, 3))
GOOD = b"<Data>" + ONE + TWO + THREE + b"</Data>\n"
READ, BROKEN = "read", "broken"  # what becomes of the second of three records
CREATED, LIMIT = b"<ctime>1795000000", b"<walltime>01:00:00"
_EVERYWHERE = ("Job_Name", "server", "Variable_List", "Error_Path", "Output_Path", "submit_args", "euser", "Checkpoint", "Priority", "queue", "job_state")

# a name, what is replaced in the second record, by what, what becomes of it
RECORDS = [
    ("nothing", b"", b"", READ),
    *((f"end of cdata in {name}", f"<{name}>".encode(), f"<{name}>a]]>b".encode(), BROKEN) for name in _EVERYWHERE),
    *((f"control character in {name}", f"<{name}>".encode(), f"<{name}>a\x01b".encode(), READ) for name in _EVERYWHERE),
    *((f"zero in {name}", f"<{name}>".encode(), f"<{name}>\x00".encode(), READ) for name in _EVERYWHERE),
    ("end of cdata, nearly", b"<Variable_List>", b"<Variable_List>a]\x01]>b", READ),
    ("brackets in a name", b"<Job_Name>job", b"<Job_Name>]]", READ),
    ("a name with >", b"<Job_Name>job", b"<Job_Name>a>b", READ),
    ("delete character", b"<Job_Name>job", b"<Job_Name>a\x7f", READ),
    ("tab", b"<Job_Name>job", b"<Job_Name>a\tb", READ),
    ("line ends", b"<Variable_List>", b"<Variable_List>\n\r\n", READ),
    ("utf-8", b"<Job_Name>job", "<Job_Name>jöb".encode(), READ),
    ("latin-1", b"<Job_Name>job", b"<Job_Name>j\xf6b", READ),
    ("cdata", b"<Job_Name>job", b"<Job_Name><![CDATA[x]]>", READ),
    ("cdata around a record's end", b"<Job_Name>job", b"<Job_Name><![CDATA[</Job>]]>", REFUSED),
    ("cdata around a record", b"<Job_Name>job", b"<Job_Name><![CDATA[<Job></Job>]]>", REFUSED),
    ("comment", b"<Job_Name>", b"<!-- x --><Job_Name>", READ),
    ("comment around a record's end", b"<Job_Name>", b"<!-- </Job> --><Job_Name>", REFUSED),
    ("comment around a state", b"<substate>", b"<!-- <job_state>C</job_state> --><substate>", READ),
    ("processing instruction", b"<mtime>", b"<?php x?><mtime>", READ),
    ("processing instruction around a record's end", b"<mtime>", b"<?php </Job>?><mtime>", REFUSED),
    ("xml declaration within", b"<mtime>", b"<?xml version='1.0'?><mtime>", BROKEN),
    ("entity", b"<Job_Name>job", b"<Job_Name>&#106;ob", READ),
    ("entity of a forbidden character", b"<Job_Name>job", b"<Job_Name>&#1;", BROKEN),
    ("entity that is not known", b"<job_state>Q", b"<job_state>&bad;", BROKEN),
    ("entity cut off", b"<Job_Name>job", b"<Job_Name>&amp", BROKEN),
    ("prefix", b"<queue>batch</queue>", b"<x:queue>batch</x:queue>", BROKEN),
    ("default namespace", b"<queue>", b"<queue xmlns='http://x'>", READ),
    ("attribute", b"<queue>", b"<queue a='b'>", READ),
    ("attribute in a request", b"<mem>", b"<mem x='1'>", READ),
    ("attribute on the record", b"<Job>", b"<Job a='1'>", REFUSED),
    ("blank in the record's tag", b"<Job>", b"<Job >", REFUSED),
    ("line end in the record's tag", b"<Job>", b"<Job\n>", REFUSED),
    ("prefix on the record", b"<Job>", b"<x:Job>", REFUSED),
    ("namespace on the record", b"<Job>", b"<Job xmlns='http://x'>", REFUSED),
    ("blank in the closing tag", b"</Job>", b"</Job >", REFUSED),
    ("no closing tag", b"</Job>", b"", REFUSED),
    ("two closing tags", b"</Job>", b"</Job></Job>", REFUSED),
    ("record without contents", TWO, b"<Job/>", REFUSED),
    ("empty record", b"<mtime>", b"<Job></Job><mtime>", REFUSED),
    ("record with an attribute in a record", b"<mtime>", b"<Job a='1'></Job><mtime>", REFUSED),
    ("empty record in a record", b"<mtime>", b"<Job/><mtime>", REFUSED),
    ("tags that cross", b"<euser>u1</euser><egroup>u1</egroup>", b"<euser>u1<egroup></euser></egroup>", BROKEN),
    ("tags that cross, state and queue", b"<job_state>Q</job_state><queue>batch</queue>", b"<job_state>Q<queue></job_state>batch</queue>", BROKEN),
    ("tags that do not match", b"</euser>", b"</eusers>", BROKEN),
    ("name of a tag that is none", b"<euser>u1</euser>", b"<1euser>u1</1euser>", BROKEN),
    ("name of a resource that is none", b"<mem>3gb</mem>", b"<1mem>3gb</1mem>", BROKEN),
    ("resource with a dash", b"<mem>3gb</mem>", b"<m-m>3gb</m-m>", READ),
    ("resource without a value", b"<mem>3gb</mem>", b"<mem></mem>", READ),
    ("resource closed at once", b"<mem>3gb</mem>", b"<mem/>", READ),
    ("resource with a child", b"<mem>3gb</mem>", b"<mem><b>3gb</b></mem>", READ),
    ("resource twice", b"<mem>3gb</mem>", b"<mem>3gb</mem><mem>4gb</mem>", READ),
    ("resources twice", b"<substate>", b"<Resource_List><nodes>9:ppn=9</nodes></Resource_List><substate>", READ),
    ("resources in text", b"<Resource_List>", b"<Resource_List>some", READ),
    ("nested number", b"<mtime>1795000000</mtime>", b"<mtime><Job_Id>9</Job_Id></mtime>", READ),
    ("nested state", b"<substate>10</substate>", b"<substate><job_state>C</job_state></substate>", READ),
    ("nested owner", b"</Job_Name>", b"</Job_Name><x><Job_Owner>eve@h</Job_Owner></x>", READ),
    ("used like asked for", b"<Resource_List>", b"<resources_used><mem>900gb</mem></resources_used><Resource_List>", READ),
    ("name twice", b"</Job_Name>", b"</Job_Name><Job_Name>b</Job_Name>", READ),
    ("user twice", b"</euser>", b"</euser><euser>b</euser>", READ),
    ("state twice", b"</job_state>", b"</job_state><job_state>C</job_state>", READ),
    ("other order", b"<queue>batch</queue><server>s.x</server>", b"<server>s.x</server><queue>batch</queue>", READ),
    ("blank between values", b"<queue>", b" <queue>", READ),
    ("text between values", b"<queue>", b"hello<queue>", READ),
    ("owner with two @", b"u1@s.x</Job_Owner>", b"u1@a@b</Job_Owner>", READ),
    ("created: 400 digits", CREATED, b"<ctime>" + b"9" * 400, BROKEN),
    ("created: 5000 digits", CREATED, b"<ctime>" + b"9" * 5000, BROKEN),
    ("created: 1e400", CREATED, b"<ctime>1e400", BROKEN),
    ("created: nan", CREATED, b"<ctime>nan", BROKEN),
    ("created: negative", CREATED, b"<ctime>-1", BROKEN),
    ("created: never", CREATED, b"<ctime>", READ),
    ("starts: inf", b"<mtime>", b"<Execution_Time>inf</Execution_Time><mtime>", BROKEN),
    ("started: 400 digits", b"<mtime>", b"<start_time>" + b"9" * 400 + b"</start_time><mtime>", BROKEN),
    ("limit: 5000 digits", LIMIT, b"<walltime>" + b"9" * 5000 + b":00:00", BROKEN),
    ("limit: 400 digits", LIMIT, b"<walltime>" + b"9" * 400 + b":00:00", BROKEN),
    ("limit: nan", LIMIT, b"<walltime>nan:00", BROKEN),
    ("limit: a word", LIMIT, b"<walltime>01:xx:00", BROKEN),
    ("limit: blanks", LIMIT, b"<walltime> 01:00:00 ", READ),
    ("nodes: 5000 digits", b"<nodect>1", b"<nodect>" + b"9" * 5000, BROKEN),
    ("nodes: 400 digits", b"<nodect>1", b"<nodect>" + b"9" * 400, BROKEN),
    ("nodes: negative", b"<nodect>1", b"<nodect>-1", READ),
    ("nodes: a word", b"<nodect>1", b"<nodect>x", READ),
    ("starts: 100 digits", b"<mtime>", b"<start_count>" + b"9" * 100 + b"</start_count><mtime>", BROKEN),
    ("number: an element's", b"<Job_Id>2.s.x", b"<Job_Id>2[7].s.x", READ),
    ("number: an array's", b"<Job_Id>2.s.x", b"<Job_Id>2[].s.x", READ),
    ("number: a blank", b"<Job_Id>2.s.x", b"<Job_Id>2.s.x ", READ),
    ("number: none", b"<Job_Id>2.s.x", b"<Job_Id>", BROKEN),
    ("number: a command", b"<Job_Id>2.s.x", b"<Job_Id>2;rm -rf", BROKEN),
    ("hold", b"<Hold_Types>n", b"<Hold_Types>us", READ),
]  # fmt: skip

# a name, the document, whether it is read
DOCUMENTS = [
    ("prolog of version 6", b"<?xml version='1.0'?>\n" + GOOD, True),
    ("byte order mark", b"\xef\xbb\xbf" + GOOD, True),
    ("utf-16 with a mark", GOOD.decode().encode("utf-16"), False),
    ("utf-16 without a mark", ("<?xml version='1.0' encoding='utf-16-le'?>" + GOOD.decode()).encode("utf-16-le"), False),
    ("an encoding of mainframes", ("<?xml version='1.0' encoding='cp500'?>" + GOOD.decode()).encode("cp500"), False),
    ("declared latin-1", b"<?xml version='1.0' encoding='iso-8859-1'?>" + GOOD, True),
    ("declared encoding that is not known", b"<?xml version='1.0' encoding='klingon'?>" + GOOD, False),
    ("declared encoding of several bytes", b"<?xml version='1.0' encoding='shift_jis'?>" + GOOD, False),
    ("document type", b"<!DOCTYPE Data [<!ENTITY a 'b'>]>" + GOOD, False),
    ("default namespace", GOOD.replace(b"<Data>", b"<Data xmlns='http://x'>"), False),
    ("attribute on the root", GOOD.replace(b"<Data>", b"<Data a='b'>"), True),
    ("line ends", GOOD.replace(b"><", b">\r\n<"), True),
    ("blanks between records", GOOD.replace(b"</Job><Job>", b"</Job>\n  <Job>"), True),
    ("text between records", GOOD.replace(b"</Job><Job>", b"</Job>hi<Job>"), True),
    ("comment between records", GOOD.replace(b"</Job><Job>", b"</Job><!-- x --><Job>"), False),
    ("processing instruction around a record", b"<Data>" + ONE + b"<?x " + TWO + b"?>" + THREE + b"</Data>", False),
    ("records in something else", b"<Data><Jobs>" + ONE + TWO + THREE + b"</Jobs></Data>", True),
    ("record behind the document", GOOD + TWO, False),
    ("record before the document", TWO + GOOD, False),
    ("two documents", GOOD + GOOD, False),
    ("another root", GOOD.replace(b"Data>", b"Date>"), False),
    ("cut off in a record", GOOD[:2000], False),
    ("cut off between records", b"<Data>" + ONE + TWO, False),
    ("cut off in the end", GOOD[:-4], False),
    ("deeply nested", b"<Data>" + b"<a>" * 5000 + b"</a>" * 5000 + ONE + TWO + THREE + b"</Data>", True),
]  # fmt: skip

# what may stand anywhere, by mistake or by intent
ODD = (
    b"<!-- hi -->", b"<![CDATA[x]]>", b"<?x y?>", b"<x/>", b"</x>", b"<x>", b"<x></x>", b"]]>", b"&#48;", b"&x;", b"\x00", b"\x01", b"\xe9", b"\r", b" ",
    b"<Job>", b"<Job a='b'>", b"<Job/>", b"</Job>", b"</Job >", b"<?x </Job>?>", b"<!", b"<?", b"-->", b"'", b"/", b"0", b" a='b'", job(9),
)  # fmt: skip


@pytest.mark.parametrize(("old", "new", "fate"), [row[1:] for row in RECORDS], ids=[row[0] for row in RECORDS])
def test_odd_records(old: bytes, new: bytes, fate: str) -> None:
    odd = TWO.replace(old, new, 1)
    assert odd != TWO or not old
    found = hold_against_expat(TORQUE_JOBS, b"<Data>" + ONE + odd + THREE + b"</Data>\n", GOOD)
    if fate == REFUSED:
        assert found == REFUSED
        return
    assert [(record.id, bool(record.broken)) for record in (found[0], found[2])] == [("1.s.x", False), ("3.s.x", False)]
    assert len(found) == 3 and bool(found[1].broken) == (fate == BROKEN)


@pytest.mark.parametrize(("document", "is_read"), [row[1:] for row in DOCUMENTS], ids=[row[0] for row in DOCUMENTS])
def test_odd_documents(document: bytes, is_read: bool) -> None:
    found = hold_against_expat(TORQUE_JOBS, document, GOOD)
    if not is_read:
        assert found == REFUSED
        return
    assert [record.id for record in found] == ["1.s.x", "2.s.x", "3.s.x"] and not any(record.broken for record in found)


@pytest.mark.thorough
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_odd_things_everywhere(odd: bytes) -> None:
    start = GOOD.index(TWO)
    for document in insert_everywhere(GOOD, start, start + len(TWO), odd):
        hold_against_expat(TORQUE_JOBS, document, GOOD, (2000,))
