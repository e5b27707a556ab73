"""The journal: what it keeps, what it costs, and what becomes of a file that is damaged or cannot be written."""

from __future__ import annotations

import os
import sqlite3
import stat
from dataclasses import replace

import pytest

from saltext.dynamiccluster.control.journal import Entry, Journal, Order
from saltext.dynamiccluster.errors import JournalError
from saltext.dynamiccluster.model import NodeRecord, NodeState, Phase, ResourceFlag, Shape
from saltext.dynamiccluster.policy.memory import Backoff, Memory, ResourceMemory

RECORD = NodeRecord(
    "dc-abc234",
    "cloud1",
    "intent",
    Phase.CONFIGURING,
    asked_at=12.5,
    instance_id="i-1",
    hostname="dc-abc234",
    hooks_done=frozenset({"post_vm_provision_command", "post_add_node_command"}),
    shown=NodeState.STARTING,
    held_for="inspection",
)
MEMORY = Memory(
    nodes={RECORD.name: RECORD},
    resources={"cloud1": ResourceMemory(ResourceFlag.FROZEN, 2, Backoff(99.0, "quota", "full", 1.0, 3), Shape(4, 8192, 1), 1, ("i-9",))},
    auto=False,
    launches=(1.0, 2.0),
    costs={471_000: 1.5},
    queue_print=7,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "journal.sqlite"


def test_memory_comes_back_as_it_was(path):
    Journal(path).save(MEMORY)
    assert Journal(path).load() == MEMORY


def test_new_journal_is_empty_and_says_that_it_is_fresh(path):
    journal = Journal(path)
    assert (journal.load(), journal.fresh, journal.degraded) == (Memory(), True, "")
    journal.close()
    again = Journal(path)
    again.load()
    assert not again.fresh


def test_what_must_survive_a_power_failure_is_forced_to_the_disk(path):
    journal, spoken = Journal(path), []
    journal.load()
    journal._open().set_trace_callback(spoken.append)
    journal.save(MEMORY)
    journal.save(Memory(), durable=True)
    assert [line for line in spoken if "synchronous" in line] == ["PRAGMA synchronous = NORMAL", "PRAGMA synchronous = FULL"]


def test_only_the_owner_can_read_it(path):
    journal = Journal(path)
    previous = os.umask(0)
    try:
        journal.save(MEMORY, order=Order("dc-abc234", "token"))
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    assert f"{path.name}-wal" in modes


def test_only_differences_are_written(path):
    journal = Journal(path)
    journal.save(MEMORY)
    other = NodeRecord("dc-other2", "cloud1", "intent2")
    written = []
    journal._db.set_trace_callback(written.append)
    journal.save(MEMORY)
    assert written == []
    journal.save(MEMORY.with_node(other))
    changes = [line for line in written if line.startswith(("INSERT", "DELETE", "UPDATE"))]
    assert len(changes) == 1 and "dc-other2" in changes[0]


def test_when_a_node_was_last_seen_is_not_worth_a_write(path):
    journal = Journal(path)
    journal.save(MEMORY)
    written = []
    journal._db.set_trace_callback(written.append)
    seen = replace(RECORD, seen_at=50.0, reading=3)
    journal.save(MEMORY.with_node(seen))
    assert any("seen_at" in line for line in written)  # that it was seen at all is
    written.clear()
    journal.save(MEMORY.with_node(replace(seen, seen_at=60.0, reading=4)))
    assert written == []
    journal.save(MEMORY.with_node(replace(seen, seen_at=70.0, reading=5, empty_seen=1)))
    assert written and Journal(path).load().nodes[RECORD.name].empty_seen == 1


def test_token_is_kept_until_it_is_spent(path):
    journal = Journal(path)
    journal.save(MEMORY, order=Order("dc-abc234", "secret-token", "#cloud-config"))
    assert Journal(path).order("dc-abc234") == Order("dc-abc234", "secret-token", "#cloud-config")
    journal.save(MEMORY, spent="dc-abc234")
    assert journal.order("dc-abc234") is None


def test_token_goes_with_its_node_and_leaves_no_trace(path):
    journal = Journal(path)
    journal.save(MEMORY, order=Order("dc-abc234", "secret-token"))
    journal.save(Memory())
    assert journal.order("dc-abc234") is None
    journal._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"secret-token" not in path.read_bytes()


def test_history_newest_first_and_by_node(path):
    journal = Journal(path)
    for number in range(5):
        journal.save(Memory(), entries=(Entry(float(number), "action", f"text {number}", "cloud1", f"node{number % 2}", {"n": number}),))
    assert [entry.text for entry in journal.history(limit=2)] == ["text 4", "text 3"]
    assert [entry.data["n"] for entry in journal.history(node="node1")] == [3, 1]
    assert journal.history(resource="other") == ()


def test_history_is_bounded_by_rows_and_age(path):
    journal = Journal(path, history_rows=150, history_age=1000.0)
    for number in range(400):
        journal.save(Memory(), entries=(Entry(float(number), "action", "x"),))
    assert 150 <= len(journal.history(limit=1000)) < 260
    for number in range(100):
        journal.save(Memory(), entries=(Entry(5000.0 + number, "action", "late"),))
    assert {entry.text for entry in journal.history(limit=1000)} == {"late"}


@pytest.mark.parametrize("damage", [b"this is no database at all, but quite a long text" * 200, b"SQLite format 3\x00" + b"\xff" * 8000])
def test_damaged_file_is_moved_aside_and_begun_anew(path, damage):
    path.parent.mkdir()
    path.write_bytes(damage)
    journal = Journal(path)
    assert journal.load() == Memory()
    assert "damaged" in journal.degraded and journal.fresh
    aside = [file for file in path.parent.iterdir() if ".corrupt-" in file.name]
    assert [file.read_bytes() for file in aside if "-wal" not in file.name and "-shm" not in file.name] == [damage]
    journal.save(MEMORY)
    journal.close()
    assert Journal(path).load() == MEMORY


def test_damage_while_running_loses_nothing_that_is_in_mind(path):
    journal = Journal(path)
    journal.save(MEMORY)
    journal.close()
    path.write_bytes(b"\x00garbage" * 1000)
    other = MEMORY.with_node(NodeRecord("dc-other2", "cloud1", "intent2"))
    journal.save(other)
    journal.close()
    assert Journal(path).load() == other
    assert "damaged" in journal.degraded


def test_row_that_makes_no_sense_costs_only_itself(path):
    journal = Journal(path)
    journal.save(MEMORY)
    journal._db.execute("INSERT INTO nodes VALUES ('bad', '{\"name\": \"bad\", \"phase\": \"flying\"}')")
    again = Journal(path)
    assert again.load() == MEMORY
    assert "nodes/bad" in again.degraded


def test_field_of_another_version_is_ignored(path):
    journal = Journal(path)
    journal.save(MEMORY)
    journal._db.execute("UPDATE nodes SET data = json_set(data, '$.of_the_future', 1)")
    journal._db.execute("INSERT INTO facts VALUES ('of_the_future', '1')")
    again = Journal(path)
    assert again.load() == MEMORY and not again.degraded


def test_file_that_cannot_be_written_is_a_clear_error_and_changes_nothing(path):
    journal = Journal(path)
    journal.save(MEMORY)
    journal._db.execute("PRAGMA max_page_count = 1")  # SQLite then says what it says on a full disk
    many = {f"n{number}": NodeRecord(f"n{number}", "cloud1", "x" * 500) for number in range(200)}
    with pytest.raises(JournalError, match="full.*Nothing new is begun"):
        journal.save(Memory(nodes=many))
    assert Journal(path).load() == MEMORY
    journal.save(Memory(nodes=many))  # a new connection has no such limit: it resumes by itself
    assert Journal(path).load().nodes == many


def test_path_that_cannot_be_made_is_a_journal_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot be used"):
        Journal(tmp_path / "file" / "journal.sqlite").load()


def test_file_locked_by_somebody_is_not_moved_aside(path, monkeypatch):
    Journal(path).save(MEMORY)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **o: real(*a, **{**o, "timeout": 0.05}))
    journal = Journal(path)
    with pytest.raises(JournalError, match="locked"):
        journal.save(Memory(auto=True))
    assert not [file for file in path.parent.iterdir() if "corrupt" in file.name]
    other.execute("ROLLBACK")
    journal.save(MEMORY)
