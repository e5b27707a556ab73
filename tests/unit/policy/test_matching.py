"""Does a node suit a request, and how many pieces fit."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.model import Chunk, Place, Request, Reservation
from saltext.dynamiccluster.policy.matching import UNKNOWN, Ask, Free, Kind, meets, reduce
from tests.worlds import smp


@pytest.mark.parametrize(
    ("feature", "wanted", "met"),
    [
        (None, "1", False),
        ("4", "2", True),
        ("2", "4", False),
        ("4.5", "4", True),
        ("lx-amd64", "lx-amd64", True),
        ("lx-amd64", "lx-*|sol-*", True),
        ("lx-amd64", "sol-*", False),
        ("TRUE", "1", True),
        ("true", "TRUE", True),
        ("false", "true", False),
        ("0", "true", False),
    ],
)
def test_needs(feature, wanted, met):
    assert meets(feature, wanted) is met


FULL = Free((8,), 8, 16000, 2, True)


@pytest.mark.parametrize(
    ("request_", "free", "count"),
    [
        (smp(3), FULL, 2),
        (smp(9), FULL, 0),
        (smp(1, memory_mb=5000), FULL, 3),
        (smp(1, memory_mb=5000), FULL._replace(memory=UNKNOWN), 8),
        (smp(1, gpus=1), FULL, 2),
        (Request(node_memory_mb=16001), FULL, 0),
        (Request(exclusive=True), FULL, 8),
        (Request(exclusive=True), FULL._replace(empty=False), 0),
        (smp(4), Free((6, 6), 12, UNKNOWN, 0, True), 2),
        (smp(4), Free((6, 6), 7, UNKNOWN, 0, True), 1),
        (Request(chunks=(Chunk(0, 0),)), FULL, 8),  # what was read is nonsense: one core at least
    ],
)
def test_capacity(request_, free, count):
    ask = Ask(request_)
    assert ask.capacity(free, ask.pieces[0], tuple(range(len(free.slots)))) == count


def test_pieces_take_their_share_queue_by_queue():
    left = reduce(Free((6, 6), 12, 9000, 4, True), Chunk(1, 4, 1000, 1), (0, 1), 2, whole=False)
    assert left == Free((2, 2), 4, 7000, 2, False)
    assert reduce(FULL, Chunk(), (0,), 1, whole=True).used_up


def test_reservations_properties_and_queues_decide_whether_a_kind_suits():
    kind = Kind(("short", "long"), frozenset({"@big"}), frozenset({"ib"}))
    wants = {
        None: (0, 1),
        (Place("long"),): (1,),
        (Place("*"),): (0, 1),
        (Place("s*", "*", "@b*"),): (0,),
        (Place("short", "*", "@other"),): (),
        (Place("short", "n1"),): (),
        (): (),
    }
    for places, queues in wants.items():
        assert Ask(Request(places=places)).queues(kind) == queues
    assert Ask(Request(places=(Place("short", "n[12]"),))).queues(kind, "n1.example.org") == (0,)
    assert Ask(smp(1, properties=frozenset({"gpu"}))).queues(kind) == ()
    reserved = Kind(("",), reservation=Reservation(account="physics"))
    assert (Ask(Request()).queues(reserved), Ask(Request(account="physics")).queues(reserved)) == ((), (0,))
    kept = Kind(("",), properties=frozenset({"ib"}), only_for="ib")
    assert (Ask(Request()).queues(kept), Ask(smp(1, properties=frozenset({"ib"}))).queues(kept)) == ((), (0,))
