from __future__ import annotations

from saltext.dynamiccluster.batch.gridengine.details import JobDetail
from saltext.dynamiccluster.batch.gridengine.jobs import JobRecord
from saltext.dynamiccluster.batch.gridengine.memory import (
    DETAIL_LIFE,
    DETAILS_AT_ONCE,
    VALUES_AT_ONCE,
    VALUES_LIFE,
    ConfigMemory,
    DetailMemory,
)
from saltext.dynamiccluster.batch.gridengine.tools import Tools
from saltext.dynamiccluster.settings.sge import SgeSettings

from .captured import listed
from .fake_gridengine import FakeGridEngine, FakeHost, FakeJob, asked


def make() -> tuple[FakeGridEngine, Tools]:
    cell = FakeGridEngine()
    return cell, Tools(SgeSettings(), cell)


def questions(cell: FakeGridEngine) -> list[list[str]]:
    return [line.split()[-1].split(",") for line in asked(cell.calls, "qstat -xml -j")]


def test_one_question_a_cycle_and_what_decides_comes_first() -> None:
    cell, tools = make()
    memory = DetailMemory(tools)
    ranked = [JobRecord(str(n), "qw", 0.5) for n in range(1, DETAILS_AT_ONCE + 1)]
    running = JobRecord("9001", "r", 0.5)
    new, array = JobRecord("9002", "qw", 0.0), JobRecord("9003", "qw", 0.5, tasks="1-9:1")
    records = [*ranked, running, new, array]
    cell.jobs = {record.id: FakeJob(record.id) for record in records}
    memory.update(listed(*records), 0)
    assert len(questions(cell)) == 1 and len(questions(cell)[0]) == DETAILS_AT_ONCE
    assert questions(cell)[0][:3] == ["9002", "9003", "9001"]
    known, _, _ = memory.update(listed(*records), 1)
    assert len(questions(cell)) == 2 and len(known) == len(records)
    memory.update(listed(*records), 2)
    assert len(questions(cell)) == 2


def test_what_decides_is_asked_again_and_the_rest_is_not() -> None:
    cell, tools = make()
    memory = DetailMemory(tools)
    records = [JobRecord("1", "qw", 0.0), JobRecord("2", "qw", 0.5)]
    memory.update(listed(*records), 0)
    memory.update(listed(*records), DETAIL_LIFE - 1)
    memory.update(listed(*records), DETAIL_LIFE)
    assert questions(cell) == [["1", "2"], ["1"]]


def test_array_is_asked_for_whichever_of_its_records_comes_last() -> None:
    cell, tools = make()
    records = [JobRecord("7", "qw", 0.5, tasks="3-9:1"), JobRecord("7", "r", 0.5, tasks="1")]
    DetailMemory(tools).update(listed(JobRecord("6", "r", 0.5), *records), 0)
    assert questions(cell) == [["7", "6"]]


def test_jobs_that_left_are_forgotten_and_jobs_that_end_meanwhile_are_not_asked_for_twice() -> None:
    cell, tools = make()
    memory = DetailMemory(tools)
    known, learnt, warning = memory.update(listed(JobRecord("1", "qw", 0.0)), 0)
    assert known == {"1": JobDetail()} and learnt == {"1"} and not warning
    assert not memory.update(listed(JobRecord("1", "qw", 0.0)), 1)[1]
    assert len(questions(cell)) == 1
    assert memory.update(listed(), 2) == ({}, frozenset(), "")


def test_configured_values_are_read_a_few_hosts_at_a_time() -> None:
    cell, tools = make()
    names = [f"n{n:02d}" for n in range(2 * VALUES_AT_ONCE)]
    cell.machines = {name: FakeHost(known=True, values={"gpu": "1"}) for name in names}
    memory = ConfigMemory(tools)
    assert len(memory.values(names, 0)) == VALUES_AT_ONCE
    assert len(memory.values(names, 1)) == 2 * VALUES_AT_ONCE
    memory.values(names, 2)
    assert len(asked(cell.calls, "-se")) == 2 * VALUES_AT_ONCE
    memory.values(names, VALUES_LIFE)
    assert len(asked(cell.calls, "-se")) == 3 * VALUES_AT_ONCE


def test_unchanged_cell_keeps_its_translator() -> None:
    cell, tools = make()
    memory = ConfigMemory(tools)
    first = memory.translator(0)
    assert memory.translator(61) is first
    cell.slots["all.q", "n1"] = 4
    memory.note_change("n1")
    assert memory.translator(62) is not first
