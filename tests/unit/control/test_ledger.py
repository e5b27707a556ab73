"""Memory and journal as one thing, also while the journal cannot be written; decisions kept twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.control.journal import Entry, Journal
from saltext.dynamiccluster.control.ledger import Ledger, MemoryMirror
from saltext.dynamiccluster.errors import JournalError
from saltext.dynamiccluster.model import NodeRecord, ResourceFlag
from saltext.dynamiccluster.policy.memory import Memory, ResourceMemory

RECORD = NodeRecord("dc-abc234", "cloud1", "intent", held_for="inspection")


class FullDisk(Journal):
    """A journal whose disk is full while `full` is set."""

    full = False

    def _write(self, *args):
        if self.full:
            raise OSError(28, "No space left on device")
        super()._write(*args)


def test_what_is_changed_is_written(tmp_path):
    ledger = Ledger(Journal(tmp_path / "j"))
    before, after = ledger.update(lambda memory: memory.with_node(RECORD), notes={"degraded": ["batch"]})
    assert (before, after) == (Memory(), Memory(nodes={RECORD.name: RECORD}))
    again = Ledger(Journal(tmp_path / "j"))
    assert again.memory == after and again.note("degraded") == ["batch"]


def test_defect_full_disk_keeps_memory_in_mind_and_recovers_by_itself(tmp_path):
    journal = FullDisk(tmp_path / "j")
    ledger = Ledger(journal)
    journal.full = True
    ledger.update(lambda memory: memory.with_node(RECORD), entries=(Entry(1.0, "action", "kept for later"),))
    assert "No space left" in ledger.fault and RECORD.name in ledger.memory.nodes
    assert Ledger(Journal(tmp_path / "j")).memory == Memory()
    journal.full = False
    ledger.update(lambda memory: memory)
    assert ledger.fault == ""
    assert Ledger(Journal(tmp_path / "j")).memory == ledger.memory
    assert [entry.text for entry in ledger.history()] == ["kept for later"]


def test_commit_changes_nothing_that_it_could_not_write(tmp_path):
    journal = FullDisk(tmp_path / "j")
    ledger = Ledger(journal)
    journal.full = True
    with pytest.raises(JournalError):
        ledger.commit(lambda memory: memory.with_node(RECORD))
    assert ledger.memory == Memory()
    journal.full = False
    ledger.update(lambda memory: memory)
    assert Ledger(Journal(tmp_path / "j")).memory == Memory()


def test_journal_that_cannot_be_read_at_the_start_is_read_later(tmp_path):
    (tmp_path / "cache").mkdir()
    Ledger(Journal(tmp_path / "cache" / "j")).update(lambda memory: memory.with_node(RECORD))
    (tmp_path / "cache").rename(tmp_path / "away")
    (tmp_path / "cache").write_text("a file where the directory was")
    ledger = Ledger(Journal(tmp_path / "cache" / "j"))
    ledger.update(lambda memory: replace(memory, planned_at=1.0))
    assert ledger.fault
    (tmp_path / "cache").unlink()
    (tmp_path / "away").rename(tmp_path / "cache")
    ledger.update(lambda memory: memory)
    assert ledger.fault == "" and RECORD.name in ledger.memory.nodes


def test_decisions_survive_the_loss_of_the_journal(tmp_path):
    mirror = MemoryMirror()
    ledger = Ledger(Journal(tmp_path / "j"), mirror)
    frozen = {"cloud1": ResourceMemory(ResourceFlag.FROZEN)}
    ledger.update(lambda memory: replace(memory.with_node(RECORD), resources=frozen, auto=False))
    found = Ledger(Journal(tmp_path / "other"), mirror)
    assert found.memory.auto is False and found.memory.resource("cloud1").flag is ResourceFlag.FROZEN
    # the node is found again by its tags; the administrator's hold comes back with it
    found.update(lambda memory: memory.with_node(replace(RECORD, held_for="")))
    assert found.memory.nodes[RECORD.name].held_for == "inspection"
    assert mirror.get()["held"] == {RECORD.name: "inspection"}


def test_journal_goes_before_the_mirror(tmp_path):
    Ledger(Journal(tmp_path / "j")).update(lambda memory: replace(memory, auto=True))
    mirror = MemoryMirror()
    mirror.put({"auto": False, "flags": {"cloud1": 1}, "held": {}})
    ledger = Ledger(Journal(tmp_path / "j"), mirror)
    assert ledger.memory.auto is True and ledger.memory.resources == {}


def test_broken_mirror_stops_nothing(tmp_path, caplog):
    class Broken(MemoryMirror):
        def get(self):
            raise ConnectionError("no redis")

        put = get

    ledger = Ledger(Journal(tmp_path / "j"), Broken())
    ledger._mirror.put = lambda decisions: Broken.get(None)
    ledger.update(lambda memory: replace(memory, auto=False))
    assert ledger.memory.auto is False and ledger.fault == ""
    assert "mirror" in caplog.text
