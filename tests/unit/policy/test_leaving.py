"""The way out of a node: held, seen empty twice, taken out of the batch system, ended, forgotten; and what is called back."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.model import HoldBy, InstanceState, NodeState, Phase, ResourceFlag
from saltext.dynamiccluster.policy import reasons
from saltext.dynamiccluster.policy.memory import ResourceMemory
from saltext.dynamiccluster.policy.plan import Act
from tests.lives import START, Life, acts, host, instance, only, record, settings
from tests.worlds import job

HELD = HoldBy.US


def test_node_is_removed_after_two_readings_that_show_it_held_and_empty():
    life = Life.of(record(Phase.SERVING, leaving_for=reasons.REMOVE), instances=(instance(),), hosts=(host(),))
    life.see()
    assert acts(life.see()) == [Act.HOLD]
    assert acts(life.see(hosts=(host(hold=HELD),))) == []
    assert acts(life.see()) == [Act.REMOVE]
    life.see(hosts=())
    assert acts(life.see()) == [Act.DESTROY]
    assert acts(life.see(instances=(instance(state=InstanceState.DELETING),))) == []
    assert acts(life.see(instances=(instance(state=InstanceState.INEXISTENT),))) == [Act.FORGET]


def test_same_reading_seen_twice_counts_once():
    life = Life.of(record(Phase.DRAINING, leaving_for=reasons.REMOVE), instances=(instance(),), hosts=(host(hold=HELD),))
    life.see()
    life.serial -= 1
    assert acts(life.see()) == []
    assert life.node().empty_seen == 1


def test_job_that_slips_onto_an_idle_node_keeps_it():
    life = Life.of(record(Phase.DRAINING, leaving_for=reasons.IDLE), instances=(instance(),), hosts=(host(used=1, hold=HELD),))
    assert acts(life.see()) == [Act.UNHOLD]
    assert (life.node().phase, life.node().leaving_for) == (Phase.SERVING, "")


def test_s18_idle_node_that_is_wanted_again_keeps_an_administrators_hold():
    disabled = host(used=1, hold=HoldBy.ADMINISTRATOR)
    life = Life.of(record(Phase.DRAINING, leaving_for=reasons.IDLE), instances=(instance(),), hosts=(disabled,))
    assert acts(life.see()) == []
    assert (life.node().phase, life.node().leaving_for) == (Phase.SERVING, "")


def test_job_that_slips_in_while_the_node_is_taken_out_is_waited_for():
    life = Life.of(record(Phase.LEAVING, leaving_for=reasons.REMOVE), instances=(instance(),), hosts=(host(used=1, hold=HELD),))
    assert acts(life.see()) == []
    assert life.node().phase is Phase.DRAINING
    for _ in range(4):
        assert acts(life.see()) == []


def test_reading_older_than_our_last_change_says_nothing_of_the_node():
    life = Life.of(record(Phase.LEAVING, leaving_for=reasons.REMOVE, batch_acted_at=START + 100), instances=(instance(),), hosts=())
    assert acts(life.see(50)) == []
    assert life.node().phase is Phase.LEAVING
    life.see(100)
    assert life.node().phase is Phase.DESTROYING


def test_destroy_is_repeated_when_it_did_not_take_but_only_after_a_newer_listing():
    life = Life.of(record(Phase.DESTROYING, leaving_for=reasons.REMOVE, cloud_acted_at=START + 100), instances=(instance(),))
    assert acts(life.see(50)) == []
    assert acts(life.see(100)) == [Act.DESTROY]


def test_instance_missing_from_a_listing_is_not_gone_until_the_cloud_says_so():
    life = Life.of(record(Phase.SERVING), hosts=(host(),), instances=())
    life.see(1000)
    assert life.node().gone is False
    life.see(gone=frozenset({"i-burst-a"}))
    assert life.node().gone is True


def test_new_instance_that_the_cloud_does_not_know_yet_gets_its_grace():
    life = Life.of(record(Phase.BOOTING, seen_at=0.0, asked_at=START), gone=frozenset({"i-burst-a"}))
    life.see(100)
    assert life.node().gone is False
    life.see(200)
    assert life.node().gone is True


@pytest.mark.parametrize("phase", [Phase.BOOTING, Phase.CONFIGURING, Phase.SERVING])
def test_young_machine_that_one_server_of_the_cloud_does_not_know_is_not_gone(phase):
    booting = phase is Phase.BOOTING
    life = Life.of(record(phase, active_at=0.0 if booting else START - 30), hosts=(host(used=2),))
    life.see(instances=(instance(state=InstanceState.STARTING if booting else InstanceState.ACTIVE),))
    life.see(instances=(), gone=frozenset({"i-burst-a"}))
    assert life.node().gone is False and life.node().phase is phase
    life.see(200)
    assert life.node().gone is True


@pytest.mark.parametrize("took, gone", [(0.0, False), (START, True)])
def test_machine_that_the_cloud_does_not_know_is_gone_at_once_only_if_it_took_our_word_to_end_it(took, gone):
    """A call that failed may not have got through, and a young machine be unknown to one of the cloud's servers: forgotten, it would live without a key."""
    life = Life.of(record(Phase.DESTROYING, leaving_for=reasons.REMOVE, cloud_acted_at=START, ending_at=took), instances=(instance(),))
    life.see()
    plan = life.see(instances=(), gone=frozenset({"i-burst-a"}))
    assert life.node().gone is gone and acts(plan) == [Act.FORGET if gone else Act.DESTROY]
    life.see(200)
    assert life.node().gone is True


@pytest.mark.parametrize("ready_at, phase", [(0.0, Phase.CONFIGURING), (START - 20, Phase.SERVING)])
def test_node_called_back_from_its_way_out_serves_only_if_it_did_before(ready_at, phase):
    going = record(Phase.DRAINING, leaving_for=reasons.DRAIN, ready_at=ready_at)
    life = Life.of(going, hosts=(host(hold=HoldBy.US, up=True if ready_at else None),), instances=(instance(),))
    life.memory = life.memory.with_resource("burst", ResourceMemory(flag=ResourceFlag.FROZEN))
    plan = life.see()
    assert life.node().phase is phase and not life.node().leaving_for
    assert (Act.UNHOLD in acts(plan)) == bool(ready_at)


def test_s23_jobs_of_a_machine_that_is_gone_are_cleared_before_its_host_goes():
    life = Life.of(record(Phase.SERVING), hosts=(host(used=2, up=False),), gone=frozenset({"i-burst-a"}))
    life.see(250)
    assert acts(life.see()) == [Act.CLEAR, Act.REMOVE]
    assert acts(life.see(hosts=())) == []
    assert acts(life.see()) == [Act.FORGET]


@pytest.mark.parametrize("jump", [600, -600])
def test_clock_that_jumps_makes_no_young_machine_old(jump):
    """It is missing in an answer of one of the cloud's servers, and looked for since a moment only, whatever the time of day."""
    life = Life.of(record(Phase.SERVING), hosts=(host(used=2),), instances=(instance(),))
    life.see()
    life.jump(jump)
    assert acts(life.see(instances=(), gone=frozenset({"i-burst-a"}))) == []
    assert life.node().gone is False


def test_time_in_which_no_engine_looked_counts_for_no_grace():
    life = Life.of(record(Phase.SERVING), hosts=(host(used=2, up=False),), instances=(instance(),))
    life.see(300)
    life.restart(away=600)
    life.see(instances=(), gone=frozenset({"i-burst-a"}))
    assert life.node().gone is False
    life.see(200)
    assert life.node().gone is True


def test_machine_that_is_listed_after_all_is_not_gone():
    """Its jobs are waited for, it goes in the usual way."""
    wrong = record(Phase.LEAVING, gone=True, leaving_for=reasons.GONE)
    life = Life.of(wrong, hosts=(host(used=1, up=False),), instances=(instance(),))
    assert acts(life.see()) == []
    assert life.node().gone is False and life.node().phase is Phase.DRAINING


def test_machine_that_the_cloud_ended_is_gone_at_once():
    life = Life.of(record(Phase.SERVING), hosts=(host(),), instances=(instance(state=InstanceState.INEXISTENT),))
    life.see()
    assert life.node().gone is True


@pytest.mark.parametrize("up", [True, None])
def test_jobs_of_a_machine_that_the_cloud_does_not_know_are_left_alone_until_its_daemon_is_down(up):
    life = Life.of(record(Phase.SERVING), hosts=(host(used=2, up=up),), gone=frozenset({"i-burst-a"}))
    life.see(250)
    assert acts(life.see()) == []
    assert acts(life.see(hosts=(host(used=2, up=False),))) == [Act.CLEAR, Act.REMOVE]


def test_jobs_of_a_machine_that_the_cloud_has_ended_are_cleared_before_its_daemon_is_missed():
    life = Life.of(record(Phase.SERVING), hosts=(host(used=2),), instances=(instance(state=InstanceState.INEXISTENT),))
    life.see()
    assert acts(life.see()) == [Act.CLEAR, Act.REMOVE]


def test_stopped_machine_is_cleared_and_then_ended():
    stopped = instance(state=InstanceState.ERROR, stopped=True)
    life = Life.of(record(Phase.SERVING), hosts=(host(used=1, up=False),), instances=(stopped,))
    life.see()
    assert acts(life.see()) == [Act.CLEAR, Act.REMOVE]
    life.see(hosts=())
    assert acts(life.see()) == [Act.DESTROY]


def test_defect_down_node_without_jobs_is_removed_then_destroyed():
    life = Life.of(record(Phase.SERVING), settings=settings(max_down_time=480), hosts=(host(up=False),), instances=(instance(),))
    life.see()
    life.see(480)
    assert life.node().leaving_for == reasons.DOWN
    assert acts(life.see()) == [Act.HOLD]
    life.see(hosts=(host(up=False, hold=HELD),))
    assert acts(life.see()) == [Act.REMOVE]
    life.see(hosts=())
    assert acts(life.see()) == [Act.DESTROY]


def test_g13_node_whose_host_was_deleted_by_hand_is_ended_after_max_down_time():
    life = Life.of(record(Phase.SERVING), settings=settings(max_down_time=480), hosts=(host(),), instances=(instance(),))
    life.see()
    life.see(hosts=())
    assert life.see(100).nodes[0].state is NodeState.ERROR
    life.see(400)
    assert life.node().leaving_for == reasons.DOWN
    assert [act for _ in range(5) for act in acts(life.see())][:1] == [Act.DESTROY]


def test_down_node_that_lists_jobs_is_kept_unless_the_setting_says_otherwise():
    life = Life.of(record(Phase.SERVING), settings=settings(max_down_time=480), hosts=(host(up=False, used=1),), instances=(instance(),))
    for _ in range(4):
        assert Act.DESTROY not in acts(life.see(480))
    life.settings = settings(max_down_time=480, destroy_down_nodes_with_jobs=True)
    life.see()
    assert acts(life.see()) == [Act.DESTROY]


@pytest.mark.parametrize("hold", HoldBy)
def test_s27_leaving_node_still_listed_by_the_batch_system_stays_deleting(hold):
    life = Life.of(record(Phase.LEAVING, leaving_for=reasons.IDLE), hosts=(host(hold=hold),), instances=(instance(),))
    plan = life.see()
    assert plan.nodes[0].state is NodeState.DELETING
    life.see(jobs=(job(),))
    assert only(life.see(), Act.ORDER)  # it is no supply either


def test_s16_draining_resource_takes_every_node_out_in_order():
    life = Life.of(record(Phase.SERVING), hosts=(host(),), instances=(instance(),))
    life.memory = life.memory.with_resource("burst", ResourceMemory(flag=ResourceFlag.DRAINING))
    seen = []
    life.see()
    for hosts in ((host(),), (host(hold=HELD),), (host(hold=HELD),), (), ()):
        seen += acts(life.see(hosts=hosts))
    assert seen == [Act.HOLD, Act.REMOVE, Act.DESTROY]


@pytest.mark.parametrize("up", [True, False, None])
def test_s16_node_that_is_still_being_configured_leaves_the_batch_system_before_the_cloud(up):
    life = Life.of(record(Phase.CONFIGURING), hosts=(host(hold=HELD, up=up),), instances=(instance(),))
    life.memory = life.memory.with_resource("burst", ResourceMemory(flag=ResourceFlag.DRAINING))
    assert acts(life.see()) == []
    assert life.node().phase is Phase.DRAINING
    seen = []
    for hosts in ((host(hold=HELD, up=up),), (host(hold=HELD, up=up),), (), ()):
        seen += acts(life.see(hosts=hosts))
    assert seen == [Act.REMOVE, Act.DESTROY]


def test_s16_launch_in_flight_is_drained_on_arrival():
    life = Life.of(record(Phase.ASKED))
    life.memory = life.memory.with_resource("burst", ResourceMemory(flag=ResourceFlag.DRAINING))
    life.see(instances=(instance(state=InstanceState.PENDING),))
    assert life.node().phase is Phase.DESTROYING
    assert acts(life.see()) == [Act.DESTROY]


def test_drained_resource_says_so_once_its_last_node_is_gone():
    life = Life()
    life.memory = life.memory.with_resource("burst", ResourceMemory(flag=ResourceFlag.DRAINING))
    life.see(cloud_error="no answer")
    assert life.memory.resource("burst").flag is ResourceFlag.DRAINING
    life.see(cloud_error="", instances=(instance(state=InstanceState.INEXISTENT),))  # listed for an hour after its end
    assert life.memory.resource("burst").flag is ResourceFlag.DRAINED


@pytest.mark.parametrize("allowed", [False, True])
def test_node_that_goes_as_down_is_ended_with_its_jobs_only_where_the_setting_says_so(allowed):
    going = record(Phase.DRAINING, leaving_for=reasons.DOWN)
    life = Life.of(going, settings=settings(destroy_down_nodes_with_jobs=allowed), instances=(instance(),))
    assert (Act.DESTROY in acts(life.see(hosts=(host(used=2, up=False),)))) == allowed
