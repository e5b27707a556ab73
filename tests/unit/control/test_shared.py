"""The journal that tells the next engine: what it takes over, what it tells and when, and what it does when it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from saltext.dynamiccluster.control.journal import Entry, Journal, Order
from saltext.dynamiccluster.control.ledger import Ledger
from saltext.dynamiccluster.control.shared import SharedJournal
from saltext.dynamiccluster.errors import JournalError, NotActing
from saltext.dynamiccluster.model import NodeRecord, NodeState, Phase, ResourceFlag
from saltext.dynamiccluster.policy.memory import Backoff, Memory, ResourceMemory
from saltext.dynamiccluster.standby.place import PlaceUnreachable

RECORD = NodeRecord("dc-a", "cloud1", "intent-a", Phase.SERVING, asked_at=5.0, tried_at=6.0, instance_id="i-1", empty_seen=1, reading=7,
                    batch_acted_at=9e9, held_for="held by an administrator (ann)", hooks_done=frozenset({"post_add_node_command"}))  # fmt: skip
MEMORY = Memory(
    nodes={"dc-a": RECORD},
    resources={"cloud1": ResourceMemory(ResourceFlag.FROZEN, 2, Backoff(99.0, "quota", "full"), failures=2)},
    auto=False,
    launches=(1.0,),
    costs={471_000: 1.5},
)


class Rows:
    """A shared place in memory, and what was written into it at a time."""

    def __init__(self, rows: Mapping[str, str] = {}, lost: bool = False):
        self.rows, self.lost = dict(rows), lost
        self.writes: list[dict[str, str | None]] = []
        self.error: Exception | None = None

    def write(self, changes: Mapping[str, str | None]) -> None:
        if self.error is not None:
            raise self.error
        self.writes.append(dict(changes))
        for key, text in changes.items():
            self.rows.pop(key, None) if text is None else self.rows.update({key: text})


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def journal(directory: Path, rows: Rows, time: Time | None = None) -> SharedJournal:
    return SharedJournal(directory / "journal.sqlite", rows, clock=time or Time(), sync=False)


def test_the_next_engine_knows_all_that_this_one_knew(tmp_path: Path) -> None:
    rows = Rows()
    first = journal(tmp_path / "a", rows)
    first.load()
    first.save(MEMORY, order=Order("dc-a", "token", "#!/bin/sh"), notes={"places": {"cloud1": {"type": "x"}}})
    second = journal(tmp_path / "b", Rows(rows.rows))
    known = second.load()
    assert known == replace(MEMORY, nodes={"dc-a": replace(RECORD, empty_seen=0, reading=0, batch_acted_at=1000.0)})
    assert second.order("dc-a") == Order("dc-a", "token", "#!/bin/sh")
    assert second.notes() == {"places": {"cloud1": {"type": "x"}}}
    assert not second.fresh


def test_what_an_administrator_decided_survives_change_and_loss(tmp_path: Path) -> None:
    rows = Rows()
    first = journal(tmp_path / "a", rows)
    first.load()
    first.save(MEMORY)
    ledger = Ledger(journal(tmp_path / "gone", Rows(rows.rows)))
    assert ledger.memory.auto is False
    assert ledger.memory.resource("cloud1").flag is ResourceFlag.FROZEN
    assert ledger.memory.resource("cloud1").wanted == 2
    assert ledger.memory.nodes["dc-a"].held_for == "held by an administrator (ann)"
    assert not ledger.lost


def test_an_older_journal_of_ones_own_is_not_believed(tmp_path: Path) -> None:
    stale = Journal(tmp_path / "journal.sqlite", sync=False)
    stale.load()
    stale.save(Memory(nodes={"dc-old": replace(RECORD, name="dc-old", tried_at=0.0, phase=Phase.ASKED)}), entries=[Entry(1.0, "action", "long ago")])
    stale.close()
    rows = Rows()
    told = journal(tmp_path / "other", rows)
    told.load()
    told.save(MEMORY)
    again = journal(tmp_path, Rows(rows.rows))
    assert set(again.load().nodes) == {"dc-a"}
    assert [entry.text for entry in again.history()] == ["long ago"]
    again.close()
    assert set(Journal(tmp_path / "journal.sqlite", sync=False).load().nodes) == {"dc-a"}


def test_the_shared_copy_is_written_before_ones_own(tmp_path: Path) -> None:
    rows = Rows()
    own = journal(tmp_path, rows)
    own.load()
    rows.error = NotActing("b acts now")
    with pytest.raises(NotActing):
        own.save(MEMORY)
    own.close()
    assert Journal(tmp_path / "journal.sqlite", sync=False).load() == Memory()


def test_a_place_that_is_away_lets_nothing_begin_and_is_caught_up_with(tmp_path: Path) -> None:
    rows = Rows()
    ledger = Ledger(journal(tmp_path, rows))
    rows.error = PlaceUnreachable("the Redis server cannot be used")
    with pytest.raises(JournalError, match="stand-by"):
        ledger.commit(lambda memory: MEMORY)
    assert "Nothing new is begun" in ledger.fault and not ledger.memory.nodes
    ledger.update(lambda memory: MEMORY)
    rows.error = None
    ledger.update(lambda memory: memory)
    assert not ledger.fault and "node/dc-a" in rows.rows


def test_only_what_changed_is_told(tmp_path: Path) -> None:
    rows = Rows()
    own = journal(tmp_path, rows)
    own.load()
    other = replace(RECORD, name="dc-b")
    own.save(replace(MEMORY, nodes={"dc-a": RECORD, "dc-b": other}))
    rows.writes.clear()
    own.save(replace(MEMORY, nodes={"dc-a": RECORD, "dc-b": replace(other, phase=Phase.DRAINING)}))
    assert [set(write) for write in rows.writes] == [{"node/dc-b"}]


@pytest.mark.parametrize(
    "passing", [{"idle_since": 3.0}, {"seen_at": 3.0}, {"reading": 8}, {"shown": NodeState.BUSY, "shown_at": 3.0}, {"failed": "no answer yet"}]
)
def test_what_a_reading_tells_again_waits(tmp_path: Path, passing: dict[str, object]) -> None:
    rows, time = Rows(), Time()
    own = journal(tmp_path, rows, time)
    own.load()
    own.save(MEMORY)
    rows.writes.clear()
    changed = replace(MEMORY, nodes={"dc-a": replace(RECORD, **passing)})
    own.save(changed)
    assert not rows.writes
    time.now += 31
    own.save(changed)
    assert [set(write) for write in rows.writes] == [{"node/dc-a"}]


@pytest.mark.parametrize(
    "deciding",
    [{"tried_at": 8.0}, {"phase": Phase.DESTROYING}, {"leaving_for": "idle"}, {"held_for": ""}, {"forced": True}, {"gone": True}, {"hooks_done": frozenset()}],
)
def test_what_the_next_engine_would_do_otherwise_is_told_at_once(tmp_path: Path, deciding: dict[str, object]) -> None:
    rows = Rows()
    own = journal(tmp_path, rows)
    own.load()
    own.save(MEMORY)
    rows.writes.clear()
    own.save(replace(MEMORY, nodes={"dc-a": replace(RECORD, **deciding)}))
    assert rows.writes


def test_what_was_taken_over_is_not_told_again(tmp_path: Path) -> None:
    rows = Rows()
    first = journal(tmp_path / "a", rows)
    first.load()
    first.save(MEMORY)
    taken = Rows(rows.rows)
    second = journal(tmp_path / "b", taken)
    known = second.load()
    second.save(known)
    assert not taken.writes
    second.save(known.with_node(replace(known.nodes["dc-a"], phase=Phase.DRAINING)))
    assert [set(write) for write in taken.writes] == [{"node/dc-a"}]


def test_a_spent_token_and_a_forgotten_node_are_taken_away(tmp_path: Path) -> None:
    rows = Rows()
    own = journal(tmp_path, rows)
    own.load()
    own.save(MEMORY, order=Order("dc-a", "token", ""))
    assert "order/dc-a" in rows.rows
    own.save(MEMORY, spent="dc-a")
    assert "order/dc-a" not in rows.rows and "node/dc-a" in rows.rows
    own.save(replace(MEMORY, nodes={}), order=Order("dc-z", "token", ""))
    assert "node/dc-a" not in rows.rows


def test_a_row_that_makes_no_sense_spoils_no_other(tmp_path: Path) -> None:
    rows = Rows()
    first = journal(tmp_path / "a", rows)
    first.load()
    first.save(MEMORY)
    second = journal(tmp_path / "b", Rows({**rows.rows, "node/bad": "[]", "fact/auto2": "1", "whatever": "x"}))
    assert set(second.load().nodes) == {"dc-a"}
    assert "makes no sense" in second.degraded


def test_a_place_that_forgot_makes_orders_wait(tmp_path: Path) -> None:
    assert Ledger(journal(tmp_path / "a", Rows(lost=True))).lost
    assert not Ledger(journal(tmp_path / "b", Rows())).lost


def test_a_cluster_that_gets_a_stand_by_keeps_its_journal(tmp_path: Path) -> None:
    alone = Journal(tmp_path / "journal.sqlite", sync=False)
    alone.load()
    alone.save(MEMORY, order=Order("dc-a", "token", ""))
    alone.close()
    rows = Rows()
    with_standby = Ledger(journal(tmp_path, rows))
    with_standby.update(lambda memory: memory)
    assert with_standby.memory == MEMORY and {"node/dc-a", "order/dc-a"} <= set(rows.rows)
