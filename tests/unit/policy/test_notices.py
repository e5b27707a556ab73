"""What a cloud announces about a machine: who goes for it, what is requeued, what an administrator's word changes."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.errors import CommandRefused
from saltext.dynamiccluster.model import HoldBy, InstanceState, JobState, Notice, NoticeKind, Phase, ResourceFlag
from saltext.dynamiccluster.policy import reasons
from saltext.dynamiccluster.policy.commands import obey
from saltext.dynamiccluster.policy.lifecycle import LIFT
from saltext.dynamiccluster.policy.memory import ResourceMemory
from saltext.dynamiccluster.policy.notices import hear, is_interrupted
from saltext.dynamiccluster.policy.plan import Act
from saltext.dynamiccluster.snapshot import Command
from tests.lives import Life, acts, host, instance, only, record, settings
from tests.worlds import job

HELD = HoldBy.US
MILD = (NoticeKind.REBALANCE, NoticeKind.RETIREMENT, NoticeKind.IMPAIRED)


def notice(kind: NoticeKind = NoticeKind.INTERRUPTION, **more) -> Notice:
    return Notice(kind, "terminate at 12:00", **more)


def running(job_id: str, rerunnable: bool):
    return job(job_id, state=JobState.RUNNING, tasks=0, rerunnable=rerunnable, hosts=("burst-a",))


def noticed(kind: NoticeKind = NoticeKind.INTERRUPTION, phase: Phase = Phase.SERVING, **more) -> Life:
    seen = {"instances": (instance(),), "hosts": (host(),), **more}
    return Life.of(record(phase, notice=notice(kind)), **seen)


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_node_is_held_and_leaves_once_it_is_empty(kind):
    told = {"impaired": "system check fails"} if kind is NoticeKind.IMPAIRED else {}
    life = noticed(kind, instances=(instance(**told),))
    life.see()
    assert life.node().phase is Phase.DRAINING and "terminate at 12:00" in life.node().leaving_for
    assert acts(life.see()) == [Act.HOLD]
    assert acts(life.see(hosts=(host(hold=HELD),))) == []
    assert acts(life.see()) == [Act.REMOVE]


def test_interrupted_node_has_what_may_run_again_requeued_only_once_it_is_held():
    life = noticed(hosts=(host(used=2),), jobs=(running("1", True), running("2", False)))
    life.see()
    assert acts(life.see()) == [Act.HOLD]  # requeued before, a job could come straight back
    plan = life.see(hosts=(host(used=2, hold=HELD),))
    assert acts(plan) == [Act.REQUEUE] and reasons.INTERRUPTED in only(plan, Act.REQUEUE).reason
    assert acts(life.see(jobs=(running("2", False),))) == []


def test_job_that_takes_long_to_leave_is_asked_again_after_a_while_only():
    life = noticed(phase=Phase.DRAINING, hosts=(host(used=1, hold=HELD),), jobs=(running("1", True),))
    assert acts(life.see()) == [Act.REQUEUE]
    life.change(requeued_at=life.now)
    assert [acts(life.see(6)) for _ in range(4)] == [[], [], [], [Act.REQUEUE]]


def test_task_of_an_array_counts_as_its_job():
    held = host(jobs=("7.2",), hold=HELD)
    life = noticed(phase=Phase.DRAINING, hosts=(held,), jobs=(running("7", True),))
    assert acts(life.see()) == [Act.REQUEUE]


@pytest.mark.parametrize("kind", MILD)
def test_nothing_is_requeued_for_what_can_wait(kind):
    life = noticed(kind, Phase.DRAINING, hosts=(host(used=1, hold=HELD),), jobs=(running("1", True),), instances=(instance(impaired="x"),))
    for _ in range(3):
        assert acts(life.see()) == []


def test_nothing_is_requeued_on_a_stale_reading_or_a_host_that_does_not_answer():
    life = noticed(phase=Phase.DRAINING, hosts=(host(used=1, hold=HELD),), jobs=(running("1", True),))
    assert acts(life.see(batch_error="timed out")) == []
    assert acts(life.see(batch_error="", hosts=(host(used=1, hold=HELD, up=False),))) == []


def test_jobs_that_cannot_run_again_are_left_until_the_machine_is_gone():
    life = noticed(phase=Phase.DRAINING, hosts=(host(used=1, hold=HELD),), jobs=(running("1", False),))
    for _ in range(20):
        assert acts(life.see()) == []
    plan = life.see(instances=(instance(state=InstanceState.INEXISTENT),))
    assert acts(plan) == [Act.CLEAR, Act.REMOVE]


def test_node_that_goes_as_idle_and_is_interrupted_is_not_called_back():
    life = Life.of(record(Phase.DRAINING, leaving_for=reasons.IDLE, notice=notice()), instances=(instance(),), hosts=(host(used=1, hold=HELD),))
    life.jobs = (running("1", True), job("9"))
    plan = life.see()
    assert acts(plan) == [Act.REQUEUE] and life.node().phase is Phase.DRAINING
    assert reasons.INTERRUPTED in life.node().leaving_for


def test_another_machine_is_ordered_to_keep_the_minimum_in_the_same_decision():
    life = noticed(settings=settings(minimum=1))
    assert only(life.see(), Act.ORDER).resource == "burst"


def test_no_machine_is_ordered_above_the_maximum():
    life = noticed(settings=settings(minimum=1, maximum=1))
    for _ in range(3):
        assert Act.ORDER not in [action.act for action in life.see().actions]


@pytest.mark.parametrize("phase", [Phase.BOOTING, Phase.JOINING, Phase.CONFIGURING])
def test_machine_that_is_taken_back_on_its_way_is_given_up_and_is_no_failure_of_the_resource(phase):
    hosts = (host(hold=HELD),) if phase is Phase.CONFIGURING else ()
    life = noticed(phase=phase, hosts=hosts)
    life.see()
    assert life.node().phase in (Phase.DRAINING, Phase.DESTROYING)
    assert life.memory.resource("burst").failures == 0


# -- an administrator's word ----------------------------------------------------------------------------------------


def frozen(kind: NoticeKind, **more) -> Life:
    life = noticed(kind, **more)
    life.memory = life.memory.with_resource("burst", ResourceMemory(flag=ResourceFlag.FROZEN))
    return life


@pytest.mark.parametrize("kind", MILD)
def test_frozen_means_frozen_for_what_can_wait(kind):
    life = frozen(kind)
    for _ in range(4):
        assert acts(life.see()) == []
    assert life.node().phase is Phase.SERVING


def test_interrupted_node_of_a_frozen_resource_saves_its_jobs_and_is_left_to_the_cloud():
    life = frozen(NoticeKind.INTERRUPTION, hosts=(host(used=1, hold=HELD),), jobs=(running("1", True),))
    life.see()
    assert acts(life.see()) == [Act.REQUEUE]
    life.hosts, life.jobs = (host(hold=HELD),), ()
    for _ in range(4):
        assert acts(life.see()) == []
    assert acts(life.see(instances=(instance(state=InstanceState.INEXISTENT),))) == [Act.REMOVE]


@pytest.mark.parametrize("kind", MILD)
def test_node_that_an_administrator_holds_stays_for_what_can_wait(kind):
    life = noticed(kind, instances=(instance(impaired="x"),))
    life.change(held_for="held by an administrator")
    life.see()
    assert (life.node().phase, life.node().leaving_for) == (Phase.SERVING, "")
    other = noticed(kind, hosts=(host(hold=HoldBy.ADMINISTRATOR),), instances=(instance(impaired="x"),))
    other.see()
    assert (other.node().phase, other.node().leaving_for) == (Phase.SERVING, "")


@pytest.mark.parametrize("kind", MILD)
def test_node_whose_hold_is_to_be_lifted_is_no_held_node(kind):
    """Nor does it stay where a clock that was set back hides for long that nobody holds it any more."""
    life = noticed(kind, instances=(instance(impaired="x" if kind is NoticeKind.IMPAIRED else ""),))
    life.change(held_for=LIFT, batch_acted_at=life.now + 3600)
    life.see()
    assert life.node().leaving_for.endswith("terminate at 12:00")


def test_without_the_automatic_mode_a_recommendation_is_not_followed():
    life = noticed(NoticeKind.REBALANCE, settings=settings(auto_mode=False))
    life.see()
    assert life.node().phase is Phase.SERVING
    assert noticed(settings=settings(auto_mode=False)).see().memory.nodes["burst-a"].phase is Phase.DRAINING


def unhold(life: Life) -> None:
    life.memory, _ = obey(Command("unhold", {"node": "burst-a"}, "root"), life.snapshot(), life.settings, life.memory, life.now)


@pytest.mark.parametrize("kind", [NoticeKind.REBALANCE, NoticeKind.RETIREMENT])
def test_administrator_may_keep_a_node_in_service_until_it_gets_worse(kind):
    life = noticed(kind)
    life.see()
    life.see(hosts=(host(hold=HELD),))
    unhold(life)
    assert acts(life.see()) == [Act.UNHOLD]
    told = {"notice": "retirement"} if kind is NoticeKind.RETIREMENT else {}
    life.see(hosts=(host(),), instances=(instance(**told),))
    life.see()
    assert (life.node().phase, life.node().leaving_for) == (Phase.SERVING, "")
    life.change(notice=hear(life.node().notice, notice()))
    life.see()
    assert life.node().phase is Phase.DRAINING


def test_nobody_can_keep_a_node_that_is_interrupted():
    life = noticed()
    life.see()
    with pytest.raises(CommandRefused, match="takes the machine back"):
        unhold(life)


# -- what is heard ----------------------------------------------------------------------------------------------------


def test_same_notice_again_is_no_news_and_a_milder_one_neither():
    known = notice(heard_at=5.0)
    assert hear(known, notice(heard_at=9.0)) is known
    assert hear(known, notice(NoticeKind.REBALANCE)) is known
    assert hear(notice(NoticeKind.REBALANCE), known) is known
    assert hear(None, known) is known


def test_listing_tells_of_retirement_and_of_failed_checks():
    life = Life.of(record(Phase.SERVING), instances=(instance(notice="retired on 1 May"),), hosts=(host(),))
    life.see()
    assert life.node().notice.kind is NoticeKind.RETIREMENT and "retired on 1 May" in life.node().leaving_for
    other = Life.of(record(Phase.SERVING), instances=(instance(impaired="system check"),), hosts=(host(),))
    other.see()
    assert other.node().notice.kind is NoticeKind.IMPAIRED


def test_node_whose_checks_pass_again_is_called_back():
    life = Life.of(record(Phase.SERVING), instances=(instance(impaired="system check"),), hosts=(host(used=1),))
    life.see()
    assert acts(life.see()) == [Act.HOLD]
    life.see(hosts=(host(used=1, hold=HELD),))
    assert acts(life.see(instances=(instance(),))) == [Act.UNHOLD]
    assert (life.node().phase, life.node().leaving_for, life.node().notice) == (Phase.SERVING, "", None)


def test_listing_that_failed_says_nothing():
    life = Life.of(record(Phase.SERVING), instances=(instance(impaired="system check"),), hosts=(host(),), cloud_error="503")
    life.see()
    assert life.node().notice is None and not is_interrupted(life.node())
