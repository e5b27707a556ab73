"""What the adapter changes, against a cell in memory."""

from __future__ import annotations

import shlex

import pytest

from saltext.dynamiccluster.batch.commands import Completed
from saltext.dynamiccluster.batch.gridengine import GridEngine
from saltext.dynamiccluster.errors import BatchRefused, HostHasJobs, NameUnresolvable
from saltext.dynamiccluster.model import HoldBy, Reservation, Shape
from saltext.dynamiccluster.ports import Cleared, Joining
from saltext.dynamiccluster.settings.sge import COMMANDS, SgeSettings

from .fake_gridengine import FakeGridEngine, asked
from .gridengine_world import World


@pytest.fixture
def world() -> World:
    return World()


# -- joining


def test_join_before_the_daemon_starts(world: World) -> None:
    world.add("n1")
    host = world.host("n1")
    assert host.up is True and host.hold is HoldBy.US and not any(queue.usable for queue in host.queues)
    assert {queue.name: queue.slots for queue in host.queues} == {"all.q": 4, "long.q": 4}
    assert world.cell.machines["n1"].values["slots"] == "4"  # two queues do not fill the host twice


def test_join_marks_before_it_enters_and_disables_before_it_gives_slots(world: World) -> None:
    """A crash at any point leaves no host that takes jobs, and none that looks held by an administrator."""
    world.add("n0")
    world.cell.boot("n1")
    world.cell.calls.clear()
    world.engine.join(Joining("n1", "", Shape(4)))
    steps = [line for line in asked(world.cell.calls, r"-aattr|qmod|-rattr")]
    assert [step.split()[1] for step in steps] == ["-aattr", "-aattr", "-d", "-rattr", "-rattr"]
    assert "@dynamiccluster_held" in steps[0] and "@allhosts" in steps[1]


def test_join_again_changes_nothing(world: World) -> None:
    world.add("n1")
    before = world.host("n1")
    world.engine.join(Joining("n1", "10.0.0.1", Shape(4, 8000)))
    assert world.host("n1") == before


def test_g10_join_by_account_and_by_queue() -> None:
    world = World(Reservation(account="big"), Reservation(queue="long.q"))
    world.cell.groups["@big"] = []
    world.cell.queues["all.q"].append("@big")
    world.add("n1", Reservation(account="big"))
    world.add("n2", Reservation(queue="long.q"))
    assert world.cell.groups["@big"] == ["n1"] and "n2" in world.cell.queues["long.q"]
    assert [queue.name for queue in world.host("n1").queues] == ["all.q"]
    assert [queue.name for queue in world.host("n2").queues] == ["long.q"]


def test_g10_node_for_one_queue_of_its_host_group_has_no_slots_in_the_others() -> None:
    reservation = Reservation(account="big", queue="long.q")
    world = World(reservation)
    world.cell.groups["@big"] = []
    for queue in ("all.q", "long.q"):
        world.cell.queues[queue].append("@big")
    world.add("n1", reservation)
    assert {queue.name: queue.slots for queue in world.host("n1").queues} == {"all.q": 0, "long.q": 4}


def test_join_of_an_unresolvable_name_never_asks_the_qmaster(world: World) -> None:
    world.cell.calls.clear()
    with pytest.raises(NameUnresolvable, match="n9 does not resolve"):
        world.engine.join(Joining("n9", "", Shape(4)))
    assert not asked(world.cell.calls, "n9.*(hostgroup|@)|aattr")


def test_join_without_the_host_group_says_what_to_create() -> None:
    world = World(Reservation(account="nosuch"))
    world.cell.boot("n1")
    with pytest.raises(BatchRefused, match=r"host group @nosuch does not exist: create it"):
        world.engine.join(Joining("n1", "", Shape(4), Reservation(account="nosuch")))


def test_join_by_a_user_who_is_no_manager(world: World) -> None:
    world.cell.boot("n1")
    world.cell.user = "alice"
    with pytest.raises(BatchRefused, match="must be manager"):
        world.engine.join(Joining("n1", "", Shape(4)))


def test_join_is_read_back(world: World) -> None:
    world.cell.boot("n1")
    world.cell.overrides["qconf -rattr"] = (0, 'root@head modified "all.q" in cluster queue list\n', "")
    with pytest.raises(BatchRefused, match="did not get 4 slots"):
        world.engine.join(Joining("n1", "", Shape(4)))


@pytest.mark.parametrize("name", ["n1; rm -rf /", "$(reboot)", "-de", "n1 n2", "", "a" * 300])
def test_hostile_names_are_refused(world: World, name: str) -> None:
    world.cell.boot(name)
    world.cell.calls.clear()
    with pytest.raises(BatchRefused):
        world.engine.join(Joining(name, "", Shape(4)))
    assert not world.cell.calls


# -- holding


def test_s18_an_administrators_hold_stays_theirs(world: World) -> None:
    world.add("n1")
    world.engine.unhold("n1")
    world.cell.machines["n1"].disabled = {"all.q", "long.q"}
    world.engine.hold("n1", "to go")
    assert world.host("n1").hold is HoldBy.ADMINISTRATOR


def test_s23_hold_and_unhold(world: World) -> None:
    world.add("n1")
    for expected, change in ((HoldBy.NOBODY, world.engine.unhold), (HoldBy.NOBODY, world.engine.unhold),
                             (HoldBy.US, lambda name: world.engine.hold(name, "")), (HoldBy.US, lambda name: world.engine.hold(name, ""))):  # fmt: skip
        change("n1")
        assert world.host("n1").hold is expected
    assert world.cell.groups["@dynamiccluster_held"] == ["n1"]


def test_s18_host_that_we_released_and_an_administrator_disables_is_theirs(world: World) -> None:
    world.add("n1")
    world.engine.unhold("n1")
    world.cell.machines["n1"].disabled = {"all.q", "long.q"}
    assert world.host("n1").hold is HoldBy.ADMINISTRATOR


def test_hold_of_an_unknown_host_is_refused(world: World) -> None:
    with pytest.raises(BatchRefused, match="n9 is no execution host"):
        world.engine.hold("n9", "")


# -- removing


def test_s16_s17_remove_leaves_nothing_behind(world: World) -> None:
    world.add("n1")
    world.engine.remove("n1")
    assert world.engine.observe().hosts == ()
    assert not world.cell.machines["n1"].known and not world.cell.slots
    assert all("n1" not in members for members in (*world.cell.groups.values(), *world.cell.queues.values()))
    world.engine.remove("n1")  # again


def test_s17_node_that_never_became_ready_is_removed(world: World) -> None:
    world.cell.boot("n1")
    world.engine.join(Joining("n1", "", Shape(4)))  # its daemon never starts
    world.engine.remove("n1")
    assert world.engine.observe().hosts == ()


def test_s32_remove_node1_where_node10_to_node19_exist(world: World) -> None:
    names = ["node1", *(f"node{number}" for number in range(10, 20))]
    for name in names:
        world.add(name)
    world.engine.remove("node1")
    assert [host.name for host in world.engine.observe().hosts] == sorted(names[1:])
    assert {host for _, host in world.cell.slots} == set(names[1:])


@pytest.mark.parametrize("gone", [False, True])
def test_host_with_jobs_is_not_removed(world: World, gone: bool) -> None:
    world.add("n1")
    world.cell.run_job("n1", "7.1")
    with pytest.raises(HostHasJobs, match="n1 still lists job 7.1"):
        world.engine.remove("n1", gone=gone)
    assert "n1" in world.cell.groups["@allhosts"]


def test_job_that_starts_at_the_last_moment_keeps_its_host(world: World) -> None:
    """The host is disabled before its jobs are looked at, even if it was held before."""
    world.add("n1")
    world.engine.unhold("n1")
    world.cell.calls.clear()
    world.engine.remove("n1")
    commands = [call[:2] for call in world.cell.calls]
    assert commands.index(("qmod", "-d")) < commands.index(("qconf", "-ke"))
    assert ("qhost", "-F") in commands[commands.index(("qmod", "-d")) : commands.index(("qconf", "-ke"))]


def test_silent_refusal_to_remove_is_noticed(world: World) -> None:
    world.add("n1")
    world.cell.overrides["qconf -dattr hostgroup hostlist n1 @allhosts"] = (0, 'root@head modified "@allhosts" in host group list\n', "")
    world.cell.overrides["qconf -de"] = (0, 'root@head removed "n1" from execution host list\n', "")
    with pytest.raises(BatchRefused, match="is still in @allhosts, the execution hosts"):
        world.engine.remove("n1")


def test_custom_templates_run_as_written() -> None:
    world = World(remove_node_command="/usr/bin/qconf -de {0}", qmod_command="/usr/bin/qmod {0} *@{1}", unset_slots_command="qconf -purge queue slots,load_thresholds {0}@{1}")
    world.add("n1")
    world.engine.remove("n1")
    assert asked(world.cell.calls, "^qconf -purge queue slots,load_thresholds all.q@n1$")


def test_templates_wrapped_in_ssh() -> None:
    """Everything goes the same way, the questions that have no template of their own included."""
    cell, wrapped = FakeGridEngine(), "ssh -o BatchMode=yes head /usr/bin/"

    def over_ssh(argv: tuple[str, ...], *, timeout: float) -> Completed:
        assert argv[:4] == ("ssh", "-o", "BatchMode=yes", "head")
        return cell(tuple(shlex.split(" ".join(argv[4:]))), timeout=timeout)  # what the remote shell makes of it

    settings = {key: f"ssh -o BatchMode=yes head {spec.default_text.split(' | ')[0]}" for key, spec in COMMANDS.items()}
    assert settings["qstat_command"].startswith(wrapped)
    engine = GridEngine(SgeSettings(**settings), [Reservation()], run=over_ssh)
    cell.boot("n1", "10.0.0.5")
    assert engine.resolve("n1") == "10.0.0.5"
    engine.join(Joining("n1", "10.0.0.5", Shape(4)))
    cell.start_execd("n1")
    engine.unhold("n1")
    assert [host.hold for host in engine.observe().hosts] == [HoldBy.NOBODY]
    engine.remove("n1")
    assert engine.observe().hosts == ()


# -- jobs of a host


def test_s23_vacate(world: World) -> None:
    world.add("n1")
    for job_id in ("1", "2.3"):
        world.cell.run_job("n1", job_id)
    assert world.engine.vacate("n1") == ("1", "2.3")
    assert asked(world.cell.calls, r"^qdel 1$") and asked(world.cell.calls, r"^qdel 2\.3$")
    assert world.host("n1").jobs == ()
    assert world.engine.vacate("n1") == () == world.engine.vacate("n9")


def test_s23_vacate_of_a_silent_host_forces(world: World) -> None:
    world.add("n1")
    world.cell.run_job("n1", "1")
    assert world.host("n1").jobs == ("1",)
    world.cell.power_off("n1")
    world.engine.vacate("n1")
    assert asked(world.cell.calls, "^qdel -f 1$") and not world.cell.jobs


def test_s23_instance_lost_while_running_jobs(world: World) -> None:
    world.add("n1")
    world.cell.run_job("n1", "1", rerunnable=True)
    world.cell.run_job("n1", "2")
    assert world.host("n1").jobs == ("1", "2")
    world.cell.power_off("n1")
    assert world.engine.clear("n1") == Cleared(("1",), ("2",))
    assert world.cell.jobs["1"].state == "Rq" and "2" not in world.cell.jobs
    world.engine.remove("n1", gone=True)
    assert world.engine.observe().hosts == ()
    assert world.engine.clear("n1") == Cleared()


def test_defect_crashed_node_with_jobs_is_removed_cleanly(world: World) -> None:
    world.add("n1")
    world.cell.run_job("n1", "2")
    world.host("n1")
    world.cell.power_off("n1")
    with pytest.raises(HostHasJobs):
        world.engine.remove("n1", gone=True)
    world.engine.clear("n1")
    world.engine.remove("n1", gone=True)
    assert not world.cell.jobs and not world.cell.machines["n1"].known


def test_jobs_that_could_not_be_cleared_are_told(world: World) -> None:
    world.add("n1")
    world.cell.run_job("n1", "2")
    world.cell.overrides["qdel -f"] = (0, "root forced the deletion of job 2\n", "")
    with pytest.raises(BatchRefused, match="still lists 2"):
        world.engine.clear("n1")
