from __future__ import annotations

import pytest
from saltext.dynamiccluster.batch.torque.nodes import parse_nodes, read_jobs
from saltext.dynamiccluster.errors import BatchMalformed

from . import captured


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0/1.h,1/2.h", (("1.h", "2.h"), 2)),
        ("0/1.h, 1/2.h", (("1.h", "2.h"), 2)),
        ("0/2.h,1/2.h", (("2.h",), 2)),
        ("0-1/0.srv", (("0.srv",), 2)),
        ("0-1,3/5.srv,2/6[4].srv", (("5.srv", "6[4].srv"), 4)),
        ("", ((), 0)),
    ],
)
def test_t8_all_jobs_of_a_node_with_or_without_blanks_and_in_both_versions(text, expected):
    assert read_jobs(text) == expected


def test_states_are_lists():
    (node,) = parse_nodes(captured.read("D02-pbsnodes-x-offline-busy"))
    assert node.offline and not node.down and node.flags == {"offline", "job-exclusive"} and node.used == 2
    assert node.note == "drained by autoscaler <x> & y"
    (node,) = parse_nodes(captured.read("O01-pbsnodes-down-with-job"))
    assert node.down and node.jobs == ("107.tqm.tq.test",)


def test_a_new_node_was_never_heard_of():
    (node,) = parse_nodes(captured.read("H03f-pbsnodes-x"))
    assert not node.heard and node.offline and node.down and node.np == 2 and node.properties == ("foo", "bar")


def test_a_property_that_was_given_twice():
    (node,) = parse_nodes(captured.read("H05d-pbsnodes-x"))
    assert node.properties == ("foo", "bar")


def test_a_node_of_version_6():
    raw = (
        b"<?xml version='1.0'?>\n<Data><Node><name>wn1</name><state>down,offline,MOM-list-not-sent</state><power_state>Running</power_state><np>4</np>"
        b"<jobs>0-1/0.srv</jobs><status>opsys=linux,message=a,b,ncpus=4,physmem=1048576kb,loadave=0.5</status><gpus>2</gpus></Node></Data>"
    )
    (node,) = parse_nodes(raw)
    assert (node.ncpus, node.memory_mb, node.load, node.gpus, node.used) == (4, 1024, 0.5, 2, 2) and "MOM-list-not-sent" in node.flags


def test_a_broken_node_costs_itself():
    raw = b"<Data><Node><name>wn1</name><state>free</state><np>2</np><jobs>x/1.h</jobs></Node><Node><name>wn2</name><state>free</state></Node></Data>"
    first, second = parse_nodes(raw)
    assert first.name == "wn1" and first.broken and second.name == "wn2" and not second.broken


@pytest.mark.parametrize("odd", [b"<np>" + b"9" * 400 + b"</np>", b"<status>loadave=nan</status>", b"<status>physmem=" + b"9" * 400 + b"kb</status>", b"<jobs>0-" + b"9" * 400 + b"/1.h</jobs>"])
def test_numbers_that_no_node_has(odd):
    (node,) = parse_nodes(b"<Data><Node><name>wn1</name><state>free</state>" + odd + b"</Node></Data>")
    assert node.name == "wn1" and node.broken


@pytest.mark.parametrize("node", [b"<Node a='b'><name>wn1</name></Node>", b"<Node><name>wn1</name><Node/></Node>", b"<Node/>"])
def test_a_node_that_is_not_written_as_usual_does_not_vanish(node):
    with pytest.raises(BatchMalformed):
        parse_nodes(b"<Data>" + node + b"</Data>")


def test_nothing_at_all_is_no_answer():
    with pytest.raises(BatchMalformed):
        parse_nodes(b"")
