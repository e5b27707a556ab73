from __future__ import annotations

import pytest
from saltext.dynamiccluster.batch.commands import Completed
from saltext.dynamiccluster.errors import BatchRefused, BatchUnreachable

from .world import World


def two_jobs(**settings) -> World:
    world = World(**settings)
    world.fake.add("wn1")
    world.fake.run_job("wn1", "7", rerunnable=True)
    world.fake.run_job("wn1", "8")
    return world


def test_t8_s23_vacate_ends_all_jobs_of_the_node():
    world = two_jobs()
    assert world.batch.vacate("wn1") == ("7.tqm.tq.test", "8.tqm.tq.test")
    assert {job.state for job in world.fake.jobs.values()} == {"C"}
    assert world.batch.vacate("wn1") == ()


def test_a_living_job_is_ended_in_order_and_not_only_forgotten():
    world = two_jobs()
    world.batch.vacate("wn1")
    assert world.fake.called("qdel") == [("qdel", "7.tqm.tq.test"), ("qdel", "8.tqm.tq.test")]


def test_jobs_of_a_silent_node_are_purged():
    world = two_jobs()
    world.fake.power_off("wn1")
    world.batch.vacate("wn1")
    assert world.fake.called("qdel", "-p") and not world.fake.jobs


def test_a_daemon_that_died_a_moment_ago():
    world = two_jobs()
    world.fake.overrides["qdel 7"] = Completed(224, b"", b"qdel: Server could not connect to MOM 7.tqm.tq.test\n")
    world.batch.vacate("wn1")
    assert "7" not in world.fake.jobs


def test_the_sites_own_command_to_delete_is_preceded_by_a_signal():
    world = two_jobs(delete_job_command="/usr/bin/qdel -m vacated -p {0}")
    world.fake.overrides["qdel -m"] = Completed(0)
    world.batch.vacate("wn1")
    assert [call[0] for call in world.fake.calls[1:3]] == ["qsig", "qdel"]
    assert world.fake.calls[1] == ("qsig", "-s", "KILL", "7.tqm.tq.test")


@pytest.mark.parametrize(
    ("status", "text"),
    [(153, b""), (170, b"qdel: Request invalid for state of job MSG=invalid state for job - EXITING 7.tqm.tq.test\n")],
)
def test_jobs_that_ended_meanwhile_are_fine(status, text):
    world = two_jobs()
    world.fake.overrides["qdel"] = Completed(status, b"", text)
    assert world.batch.vacate("wn1")


def test_a_refusal_is_told():
    world = two_jobs()
    world.fake.overrides["qdel"] = Completed(159, b"", b"qdel: Unauthorized Request  MSG=operation not permitted 7.tqm.tq.test\n")
    with pytest.raises(BatchRefused, match="Unauthorized"):
        world.batch.vacate("wn1")


def test_s23_rerunnable_jobs_of_a_lost_machine_are_requeued_and_the_others_purged():
    world = two_jobs()
    world.fake.power_off("wn1")
    cleared = world.batch.clear("wn1")
    assert (cleared.requeued, cleared.lost) == (("7.tqm.tq.test",), ("8.tqm.tq.test",))
    assert world.fake.jobs["7"].state == "Q" and "8" not in world.fake.jobs
    assert world.batch.clear("wn1") == type(cleared)()


def test_a_job_that_is_not_rerunnable_after_all_is_lost():
    world = two_jobs()
    world.fake.power_off("wn1")
    world.fake.overrides["qrerun"] = Completed(170, b"", b"qrerun: Job is not rerunnable 7\n")
    assert world.batch.clear("wn1").lost == ("7.tqm.tq.test", "8.tqm.tq.test")


def test_jobs_left_on_a_node_that_somebody_deleted_are_cleared():
    world = two_jobs()
    del world.fake.nodes["wn1"]
    assert world.batch.clear("wn1").lost == ("8.tqm.tq.test",)
    assert world.batch.clear("wn1").lost == ()


def test_jobs_that_stay_are_told():
    world = two_jobs()
    world.fake.power_off("wn1")
    world.fake.overrides["qrerun"] = Completed(0)
    with pytest.raises(BatchRefused, match="7.tqm.tq.test still on wn1"):
        world.batch.clear("wn1")


def test_nothing_is_cleared_while_the_server_is_down():
    world = two_jobs()
    world.fake.down = True
    for call in (world.batch.clear, world.batch.vacate):
        with pytest.raises(BatchUnreachable):
            call("wn1")


def test_a_node_that_is_not_there_has_no_jobs():
    assert World().batch.vacate("wn9") == ()
