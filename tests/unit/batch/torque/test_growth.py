from __future__ import annotations

import pytest
from saltext.dynamiccluster.batch.commands import Completed
from saltext.dynamiccluster.batch.torque.growth import is_affected
from saltext.dynamiccluster.model import Reservation

from .fake_torque import FakeJob
from .world import World

RESTART = "/usr/sbin/service pbs_server restart"
OVER_NODES = "<nodes>2:ppn=2</nodes><nodect>2</nodect>"


def grown(**settings) -> World:
    world = World(**settings)
    world.fake.jobs["84"] = FakeJob("84")
    world.fake.deferred = {"84"}
    world.serve("wn1")
    return world


def test_t6_deferred_jobs_are_released_when_the_cluster_has_grown():
    world = grown()
    assert world.warnings() == ""
    assert world.fake.deferred == set()
    world.batch.observe()
    assert len(world.fake.called("releasehold")) == 1


def test_nothing_is_released_before_maui_has_seen_the_node():
    world = grown()
    world.fake.seen["wn1"] = "Down"
    world.batch.observe()
    assert world.fake.deferred == {"84"}
    world.fake.poll()
    world.batch.observe()
    assert world.fake.deferred == set()


def test_t4_a_checknode_that_fails_costs_nothing_but_patience():
    world = grown()
    world.fake.overrides["checknode"] = Completed(1, b"", b"ERROR:    'checknode' failed\nERROR:  cannot locate node 'wn1'\n\n")
    view = world.batch.observe()
    assert view.health == {"torque": True, "maui": True} and view.hosts[0].up is True and view.warnings == ()
    assert world.fake.deferred == {"84"}


def test_an_administrators_hold_in_maui_stays():
    world = grown()
    world.fake.jobs["85"] = FakeJob("85")
    world.fake.held = {"85"}
    world.batch.observe()
    assert world.fake.held == {"85"} and world.fake.deferred == set()


def test_elements_of_arrays_are_released_by_their_exact_names():
    world = grown()
    world.fake.jobs["90[1]"] = FakeJob("90[1]")
    world.fake.deferred = {"90[1]"}
    world.fake.held = {"901"}
    world.batch.observe()
    assert world.fake.deferred == set() and world.fake.held == {"901"}


def test_jobs_that_maui_would_start_need_nothing():
    world = grown()
    world.fake.priorities = {"84": "2"}
    world.batch.observe()
    assert not world.fake.called("showq")


def test_an_adapter_that_let_no_node_in_changes_nothing():
    world = grown()
    reader = World()
    reader.fake = world.fake
    reader.batch._tools._run = world.fake  # the same server, seen by a report
    reader.batch.observe()
    assert world.fake.deferred == {"84"}


def test_a_release_that_is_refused_is_told():
    world = grown()
    world.fake.overrides["releasehold"] = Completed(1, b"", b"ERROR:    not authorized\n")
    assert "DEFERTIME 0" in world.warnings()


def over_nodes(**settings) -> World:
    world = World(**settings)
    for name in ("wn1", "wn2"):
        world.serve(name)
    world.fake.jobs["2"] = FakeJob("2", resources=OVER_NODES)
    return world


def test_a_restart_that_is_needed_and_not_configured_is_told():
    world = over_nodes()
    assert "restart_server_command" in world.warnings()
    assert not world.fake.called("service")


@pytest.mark.parametrize("change", [{"version": "6.1.3"}, {"jobs": {"2": FakeJob("2")}}, {"version": ""}])
def test_no_restart_is_needed(change):
    world = over_nodes(restart_server_command=RESTART)
    for name, value in change.items():
        setattr(world.fake, name, value)
    assert world.warnings() == "" and not world.fake.called("service")


def test_the_server_is_restarted_once_when_no_job_runs():
    world = over_nodes(restart_server_command=RESTART)
    assert world.warnings() == ""
    assert world.fake.called("service") == [("service", "pbs_server", "restart")]
    world.now += 5000
    assert world.warnings() == "" and len(world.fake.called("service")) == 1


def test_a_running_job_forbids_the_restart():
    world = over_nodes(restart_server_command=RESTART)
    world.fake.run_job("wn1", "3")
    assert "as soon as no job runs (1 do)" in world.warnings() and not world.fake.called("service")
    del world.fake.jobs["3"]
    world.batch.observe()
    assert world.fake.called("service")


def test_a_job_that_is_only_said_to_run_does_not_forbid_it():
    world = over_nodes(restart_server_command=RESTART)
    world.fake.jobs["2"] = FakeJob("2", "R", "wn1+wn2", resources=OVER_NODES, more="<session_id>0</session_id><start_count>3</start_count>")
    assert world.warnings() == "" and world.fake.called("service")


def test_a_restart_that_did_not_help_is_not_repeated_at_once():
    world = over_nodes(restart_server_command=RESTART)
    world.batch.observe()
    world.serve("wn3")
    world.now += 20
    assert "did not help yet" in world.warnings() and len(world.fake.called("service")) == 1
    world.now += 600
    world.batch.observe()
    assert len(world.fake.called("service")) == 2


def test_a_restart_that_fails_is_told():
    world = over_nodes(restart_server_command=RESTART)
    world.fake.overrides["service"] = Completed(5, b"", b"Failed to restart\n")
    assert "restart_server_command failed: status 5" in world.warnings()


def test_a_server_that_was_down_knows_all_nodes_again():
    world = over_nodes()
    world.fake.down = True
    with pytest.raises(Exception, match="does not answer"):
        world.batch.observe()
    world.fake.down = False
    assert world.warnings() == ""


def test_a_job_over_several_nodes_that_runs_proves_its_nodes():
    world = over_nodes()
    world.fake.jobs["3"] = FakeJob(
        "3", "R", "wn1+wn2", resources=OVER_NODES, more="<session_id>4711</session_id><start_count>1</start_count>"
    )
    assert world.warnings() == ""


def test_a_silence_that_is_no_stopped_server_proves_nothing():
    world = over_nodes()
    world.fake.frozen = True
    with pytest.raises(Exception, match="within"):
        world.batch.observe()
    world.fake.frozen = False
    assert "restart_server_command" in world.warnings()


@pytest.mark.parametrize(("version", "affected"), [("4.2.10", True), ("5.1.0", True), ("6.1.3", False), ("", False)])
def test_versions(version, affected):
    assert is_affected(version) is affected


def test_a_node_of_a_reservation_counts_too():
    world = World(Reservation(property="cloud"))
    for name in ("wn1", "wn2"):
        world.serve(name, Reservation(property="cloud"))
    world.fake.jobs["2"] = FakeJob("2", resources=OVER_NODES)
    assert "jobs over several nodes" in world.warnings()


def test_a_job_that_started_a_moment_ago_forbids_the_restart():
    world = over_nodes(restart_server_command=RESTART)
    run = world.fake

    def starts_late(argv, *, timeout):
        done = run(argv, timeout=timeout)
        if argv[0].endswith("showres"):  # after qstat, before the decision
            world.fake.run_job("wn1", "3")
        return done

    world.batch._tools._run = starts_late
    assert "has just started" in world.warnings() and not world.fake.called("service")


def test_joining_again_is_no_new_node():
    world = over_nodes(restart_server_command=RESTART)
    world.batch.observe()
    world.join("wn1")
    world.batch.unhold("wn1")
    world.now += 5000
    assert world.warnings() == "" and len(world.fake.called("service")) == 1
