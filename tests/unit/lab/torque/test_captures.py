"""The stand-in against captures of the real Torque and Maui. Where they disagree, the capture is right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from lab.torque import faults
from tests.torque_standin import StandIn

from . import shape
from .replay import Replayed, add_down_nodes, idle_cluster, replay, rows, submissions, submit_all

# what nobody typed: numbers and times that pass between the captured commands
_PAUSES: dict[str, dict[str, Callable[[StandIn], object]]] = {
    "D": {"D03-checknode-draining": lambda standin: standin.wait(6)},
    "E": {"E01-setres-q": lambda standin: standin.wait(7)},
    "F": {"F01-qdel-queued": lambda standin: standin.wait(66), "F08d-qstat-x": lambda standin: standin.wait(3),
          "F11-qdel-all": lambda standin: standin.wait(9), "F11b-qstat": lambda standin: standin.wait(2)},
}


def differences(done: Iterable[Replayed]) -> Iterator[str]:
    """Yield what the stand-in does otherwise, one line for each."""
    for one in done:
        row, reply = one.row, one.reply
        if reply.status != row.status:
            yield f"{row.name}: status {reply.status}, captured {row.status}: {reply.err}"
        for kind, size, said in (("out", row.out, reply.out), ("err", row.err, reply.err)):
            kept = row.kept(kind)
            if bool(size) != bool(said):
                yield f"{row.name}: {size} bytes on {kind}, now {said[:200]!r}"
            elif kept is not None:
                yield from (f"{row.name}: {line}" for line in shape.difference(kept, said))


def check(standin: StandIn, section: str) -> None:
    assert list(differences(replay(standin, section, _PAUSES.get(section)))) == []


@pytest.fixture(scope="module")
def story() -> dict[str, list[str]]:
    """Run the long session once; return the differences of each of its parts."""
    standin, found = idle_cluster(), {}
    found["A"] = list(differences(replay(standin, "A")))
    standin.wait(70)
    found["A2"] = list(differences(replay(standin, "A2")))
    standin.world.stop("maui")
    found["B00"] = [f"{words}: {reply}" for words, status, reply in submit_all(standin, "B00-qsub-transcript.txt") if reply.status != status]
    found["B"] = list(differences(replay(standin, "B")))
    add_down_nodes(standin)
    standin.command("pbsnodes -c wn4 wn5")
    found["B10"] = list(_feasibility(standin))
    standin.world.start("maui")
    standin.wait(12)
    for section in "CDEF":
        found[section] = list(differences(replay(standin, section, _PAUSES.get(section))))
    return found


def _feasibility(standin: StandIn) -> Iterator[str]:
    for words, status in submissions("B10-qsub-feasibility.txt"):
        if "bignodes" in words:
            standin.qmgr("set server resources_available.nodect = 1000")
        if "bignodes2" in words:
            standin.qmgr("unset server resources_available.nodect")
        reply = standin.world.call(["qsub", *words], user="tqu1", stdin="sleep 100000")
        if reply.status != status:
            yield f"{words}: {reply}"


@pytest.mark.parametrize("section", ["A", "A2", "B00", "B", "B10", "C", "D", "E", "F"])
def test_session_is_as_captured(story: dict[str, list[str]], section: str) -> None:
    assert story[section] == []


def test_nodes_are_changed_as_captured() -> None:
    standin = idle_cluster()
    standin.world.call(["pbsnodes", "-N", "drained by autoscaler <x> & y", "wn1"])
    for name in ("wn6", "wn7", "wn8", "wn9", "wn10"):
        standin.boot(name)
    check(standin, "H")


def test_maui_that_is_stopped_answers_as_captured() -> None:
    standin = idle_cluster()
    standin.submit(user="tqu1")
    standin.world.stop("maui")
    done = replay(standin, "L")
    assert list(differences(done)) == []
    # not one of these texts was kept, but their size was: they are the same to the byte
    assert {len(one.reply.err) for one in done if one.row.status} == {one.row.err for one in done if one.row.status} == {120}


def test_server_that_is_stopped_answers_as_captured() -> None:
    standin = idle_cluster()
    standin.submit("-l nodes=3:ppn=2", user="tqu1")
    standin.poll()
    standin.world.stop("server")
    for one in replay(standin, "M"):
        if one.row.command.split()[0] in faults.MAUI:  # stale: what it shows depends on what ran there
            assert (one.reply.status, bool(one.reply.out)) == (one.row.status, bool(one.row.out)), one.row.name
        else:
            assert list(differences([one])) == []


def test_server_that_is_unreachable_answers_as_captured() -> None:
    standin = idle_cluster()
    standin.addresses["wn9.tq.test"] = "10.77.0.19"
    for one in replay(standin, "M3", {"M4-trqauthd-stopped-qstat": lambda it: it.world.stop("trqauthd"), "M5-recovered": lambda it: it.world.start("trqauthd")}):
        if not one.row.name.startswith("M5"):
            assert list(differences([one])) == []
        if one.row.name == "M3-unroutable":
            assert one.reply.seconds == pytest.approx(27.6)


def test_index_and_captures_are_here() -> None:
    """A table that the pattern no longer reads would make every comparison above a success."""
    assert sum(len(rows(section)) for section in ("A", "A2", "B", "C", "D", "E", "F", "H", "L", "M", "M3")) > 200
