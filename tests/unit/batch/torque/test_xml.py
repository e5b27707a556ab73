from __future__ import annotations

import pytest
from saltext.dynamiccluster.batch.torque.xml import parse, records
from saltext.dynamiccluster.errors import BatchMalformed


@pytest.mark.parametrize(
    "document",
    [
        b"<Data><Job><Job_Id>1.s</Job_Id></Job><Job><Job_Id>2.s",
        b"<Data><Job></Job>",
        b"<Data><Job></Job></Data><Data>",
        b"<html>proxy error</html>",
        b"qstat: error",
        b"<!DOCTYPE Data [<!ENTITY a 'b'>]><Data></Data>",
    ],
)
def test_a_cut_or_foreign_document_is_no_answer(document):
    with pytest.raises(BatchMalformed):
        list(records(document, "Job"))


def test_a_prolog_as_version_6_writes_it():
    document = b"<?xml version='1.0'?>\n<Data><Job><a>1</a></Job>\n<Job><a>2</a></Job></Data>\n"
    assert list(records(document, "Job")) == [b"<Job><a>1</a></Job>", b"<Job><a>2</a></Job>"]


@pytest.mark.parametrize("text", [b"a\x01b", b"a\xffb"])
def test_characters_that_xml_forbids_cost_nothing(text):
    element = parse(b"<Job><name>" + text + b"</name></Job>")
    assert element is not None and element[0].text.startswith("a") and element[0].text.endswith("b")


@pytest.mark.parametrize("record", [b"<Job><a></b></Job>", b"<Job>&secret;</Job>", b"<Job>&#1;</Job>"])
def test_a_record_that_is_not_well_formed(record):
    assert parse(record) is None
