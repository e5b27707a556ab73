"""What the adapter reads, against a cell in memory."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.batch.commands import Completed, ProcessRunner
from saltext.dynamiccluster.batch.gridengine import GridEngine
from saltext.dynamiccluster.batch.gridengine.adapter import read_description
from saltext.dynamiccluster.errors import BatchMalformed, BatchRefused, BatchUnreachable
from saltext.dynamiccluster.model import HoldBy, JobState
from saltext.dynamiccluster.settings.sge import SgeSettings

from .captured import text
from .fake_gridengine import FakeJob, asked
from .gridengine_world import World


@pytest.fixture
def world() -> World:
    return World()


# -- observing


def test_calls_of_a_cycle_are_constant(world: World) -> None:
    world.add("n1")
    for number in range(1, 40):
        world.cell.jobs[str(number)] = FakeJob(str(number))
    world.engine.observe()
    world.cell.calls.clear()
    world.engine.observe()
    assert [call[0] for call in world.cell.calls] == ["qstat", "qhost", "qconf"]


def test_details_are_asked_for_in_one_call_and_once(world: World) -> None:
    for number in range(1, 40):
        world.cell.jobs[str(number)] = FakeJob(str(number))
    for _ in range(3):
        world.engine.observe()
    assert len(asked(world.cell.calls, "qstat -xml -j")) == 1


def test_configuration_is_read_again_after_a_minute_and_after_our_own_change(world: World) -> None:
    world.engine.observe()
    world.engine.observe()
    assert len(asked(world.cell.calls, "qconf -sc")) == 1
    world.clock.advance(61)
    world.engine.observe()
    assert len(asked(world.cell.calls, "qconf -sc")) == 2
    world.add("n1")
    world.engine.observe()
    world.engine.observe()
    assert len(asked(world.cell.calls, "qconf -sc")) == 2 and len(asked(world.cell.calls, "qconf -sq")) == 3
    assert world.host("n1").groups == {"@allhosts"}


def test_defect_shipped_qstat_saw_only_roots_jobs(world: World) -> None:
    world.engine.observe()
    assert asked(world.cell.calls, r"qstat -xml -r -u \*")
    seed = World(qstat_command="/opt/sge/bin/lx-amd64/qstat -xml -r")
    seed.engine.observe()
    assert asked(seed.cell.calls, r"qstat -xml -r -u \*")


@pytest.mark.parametrize("trouble", ["down", "frozen"])
def test_s9_restart_while_qmaster_is_down(world: World, trouble: str) -> None:
    """Nothing is known while the qmaster does not answer: an error, and never an empty cluster."""
    world.add("n1")
    setattr(world.cell, trouble, True)
    for call in (world.engine.observe, lambda: world.engine.hold("n1", ""), lambda: world.engine.remove("n1"), lambda: world.engine.clear("n1"),
                 lambda: world.engine.vacate("n1"), lambda: world.engine.unhold("n1"), lambda: world.engine.job("1")):  # fmt: skip
        with pytest.raises(BatchUnreachable):
            call()
    setattr(world.cell, trouble, False)
    assert world.host("n1").hold is HoldBy.US


@pytest.mark.parametrize("command", ["qstat -xml -r", "qhost", "qconf -sq", "qconf -sc", "qconf -sp smp"])
def test_s9_half_an_answer_is_no_answer(world: World, command: str) -> None:
    world.cell.overrides[command] = (0, "<?xml version='1.0'?>\n<job_info>", "")
    with pytest.raises(BatchMalformed):
        world.engine.observe()


def test_s9_missing_program_is_no_empty_cluster_and_told_by_name(world: World) -> None:
    def run(argv: tuple[str, ...], *, timeout: float) -> Completed:
        return (ProcessRunner({}) if argv[0].startswith("/nonexistent") else world.cell)(argv, timeout=timeout)

    engine = GridEngine(SgeSettings(qstat_command="/nonexistent/qstat -xml -r"), (), run=run)
    with pytest.raises(BatchUnreachable, match="/nonexistent/qstat cannot be run"):
        engine.observe()


def test_details_that_cannot_be_read_are_a_warning(world: World) -> None:
    world.cell.jobs["1"] = FakeJob("1")
    world.cell.overrides["qstat -xml -j"] = (0, "what is this", "")
    view = world.engine.observe()
    assert "details of 1 jobs could not be read" in view.warnings[0]
    assert view.jobs[0].state is JobState.PENDING


def test_g3_no_parallel_environment_at_all(world: World) -> None:
    world.cell.overrides["qconf -spl"] = (1, "", "no parallel environment defined\n")
    world.cell.jobs["1"] = FakeJob("1", extra='<requested_pe name="smp">2</requested_pe>')
    view = world.engine.observe()
    assert view.jobs[0].request.impossible == "no parallel environment is called smp"


def test_g7_display_limit_does_not_limit_the_reading() -> None:
    world = World(queued_job_number_to_display=2)
    for number in range(1, 6):
        world.cell.jobs[str(number)] = FakeJob(str(number))
    assert len(world.engine.observe().jobs) == 5


def test_g13_host_deleted_by_hand_leaves_the_list(world: World) -> None:
    world.add("n1")
    assert world.host("n1")
    world.cell.groups["@allhosts"].remove("n1")
    world.cell.machines["n1"].known = False
    assert [host.name for host in world.engine.observe().hosts] == []


def test_restart_of_the_qmaster_makes_hosts_unknown_and_not_dead(world: World) -> None:
    world.add("n1")
    assert world.host("n1").up is True
    world.cell.down = True
    with pytest.raises(BatchUnreachable):
        world.engine.observe()
    world.cell.down = False
    world.cell.machines["n1"].executes = False
    assert world.host("n1").up is None
    world.clock.advance(61)
    assert world.host("n1").up is False
    world.cell.down = True  # and again: what was counted before says nothing of the qmaster that comes back
    with pytest.raises(BatchUnreachable):
        world.engine.observe()
    world.cell.down = False
    assert world.host("n1").up is None


def test_host_whose_name_no_longer_resolves_blinds_nothing(world: World) -> None:
    world.add("n1")
    world.cell.overrides["qconf -se n1"] = (1, "", 'can\'t resolve hostname "n1"\n')
    assert world.host("n1").hold is HoldBy.US


def test_custom_listing_runs_as_written() -> None:
    world = World(qstat_command="qstat -xml -r -u '*' -s prs", qhost_command="qhost -q -xml {0} {1}")
    world.engine.observe()
    assert asked(world.cell.calls, r"^qstat -xml -r -u \* -s prs$") and asked(world.cell.calls, "^qhost -q -xml$")


# -- details and resolution


def test_job_details_hide_what_may_be_secret(world: World) -> None:
    world.cell.jobs["5"] = FakeJob("5")
    assert world.engine.job("5") == {"job_number": "5", "scheduling info": "queue full\nand more"}
    assert world.engine.job("99") == {}
    with pytest.raises(BatchRefused, match="no job id"):
        world.engine.job("5; reboot")


def test_description_of_a_real_job() -> None:
    shown = read_description(text("qstat-j-53"))
    assert shown["job_name"] == "eqw_wd" and "env_list" not in shown and "error reason          1" in shown


def test_resolve(world: World) -> None:
    world.cell.boot("n1", "10.0.0.7")
    assert world.engine.resolve("n1") == "10.0.0.7" and world.engine.resolve("n2") == ""
