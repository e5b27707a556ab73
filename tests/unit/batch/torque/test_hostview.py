from __future__ import annotations

import pytest
from saltext.dynamiccluster.batch.torque.hostview import Patience, view_host
from saltext.dynamiccluster.batch.torque.nodes import NodeRecord, parse_nodes
from saltext.dynamiccluster.model import HoldBy, Reservation, Shape

from . import captured


def show(record: NodeRecord, patience: Patience | None = None, running=(), reserved=None, now: float = 0.0):
    patience = patience or Patience()
    patience.update([record], now)
    return view_host(record, patience, running, reserved or {}, now)


def node(name: str, capture: str) -> NodeRecord:
    return next(found for found in parse_nodes(captured.read(capture)) if found.name == name)


def test_a_free_node():
    host = show(node("wn1", "A04-pbsnodes-x"))
    assert host.up is True and host.cores == 2 and not host.busy and host.hold is HoldBy.NOBODY
    assert host.reported == Shape(2, 24106) and host.queues[0].usable


def test_a_full_node_and_what_runs_there():
    host = show(node("wn1", "C05-pbsnodes-x"))
    assert host.jobs == ("2.tqm.tq.test",) and host.queues[0].used == 2 and not host.exclusive


def test_a_job_with_less_cores_may_have_the_node_for_itself():
    record = NodeRecord("a", frozenset({"job-exclusive"}), 4, jobs=("1.s",), used=1, heard=True)
    assert show(record).exclusive and show(record).queues[0].used == 4


@pytest.mark.parametrize(
    ("note", "hold"), [("dynamiccluster: held: idle", HoldBy.US), ("", HoldBy.ADMINISTRATOR), ("disk broken", HoldBy.ADMINISTRATOR)]
)
def test_s18_whose_hold_it_is(note, hold):
    host = show(NodeRecord("a", frozenset({"offline"}), 4, note=note, heard=True))
    assert host.hold is hold and not host.queues[0].usable


def test_a_note_without_a_hold_is_no_hold():
    assert show(NodeRecord("a", frozenset({"free"}), 4, note="dynamiccluster: held: x", heard=True)).hold is HoldBy.NOBODY


def test_a_captured_hold_of_somebody_else():
    host = show(node("wn1", "D02-pbsnodes-x-offline-busy"))
    assert host.hold is HoldBy.ADMINISTRATOR and host.jobs and host.up is True


def test_a_node_that_was_never_heard_of_is_not_down():
    record, patience = node("wn6", "H03b-pbsnodes-x-created"), Patience()
    assert show(record, patience).up is None and show(record, patience, now=9999).up is None


def test_a_forced_state_proves_nothing():
    assert show(node("wn6", "H06d-pbsnodes-x")).up is None


def test_down_is_a_fact_when_it_lasts():
    record, patience = node("wn4", "O01-pbsnodes-down-with-job"), Patience()
    assert show(record, patience).up is None
    assert show(record, patience, now=59).up is None and show(record, patience, now=61).up is False
    patience.forget()  # the server may have been restarted
    assert show(record, patience, now=62).up is None


def test_a_held_node_that_was_heard_of_before_can_go_down():
    patience = Patience()
    show(NodeRecord("a", frozenset({"free"}), 4, heard=True), patience)
    gone = NodeRecord("a", frozenset({"down", "offline"}), 4)
    assert show(gone, patience, now=1).up is None and show(gone, patience, now=62).up is False


@pytest.mark.parametrize("flag", ["state-unknown", "MOM-list-not-sent"])
def test_what_torque_does_not_know_itself(flag):
    assert show(NodeRecord("a", frozenset({"down", flag}), 4, heard=True), now=999).up is None


def test_a_node_too_busy_for_more_jobs():
    host = show(NodeRecord("a", frozenset({"busy"}), 4, heard=True))
    assert host.up is True and not host.queues[0].usable


def test_jobs_that_only_qstat_shows_there_keep_it_busy():
    assert show(NodeRecord("a", frozenset({"free"}), 4, heard=True), running=["9.s"]).busy


def test_reservations_and_properties():
    record = NodeRecord("a", frozenset({"free"}), 4, ("foo",), heard=True)
    host = show(record, reserved={"a": Reservation("short")})
    assert host.reservation == Reservation("short") and host.properties == {"foo"}


def test_a_broken_record():
    host = show(NodeRecord("a", broken="why"))
    assert host.up is None and host.error == "why" and host.hold is HoldBy.NOBODY
