"""The decision as a whole: when it grows, that it does so once, and that its order of things is its own."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from saltext.dynamiccluster.model import Chunk, HoldBy, InstanceState, Job, JobState, Phase, Request
from saltext.dynamiccluster.policy import reasons
from saltext.dynamiccluster.policy.plan import Act, Outcome
from tests.lives import START, Life, acts, host, instance, record, settings


def job(number: int, cores: int = 4, **more: object) -> Job:
    return Job(str(number), JobState.PENDING, Request((Chunk(cores=cores),)), created=START, **more)


def jobs(count: int, first: int = 1) -> tuple[Job, ...]:
    return tuple(job(number) for number in range(first, first + count))


def carry_out_orders(life: Life, plan) -> int:
    """Do what the act loop does with orders: one record each, phase ASKED, tried at once."""
    orders = [action for action in plan.actions if action.act is Act.ORDER]
    for number, order in enumerate(orders, len(life.memory.nodes)):
        new = record(Phase.ASKED, f"burst-{number}", asked_at=life.now, tried_at=life.now, cause=order.reason)
        life.memory = life.memory.with_node(new)
    return len(orders)


def test_s1_polls_every_10_s_grow_every_60_s():
    life = Life(settings=settings(maximum=100, auto_provision_interval=60))
    grown = []
    for poll in range(12):  # more jobs come with each poll
        grown.append(carry_out_orders(life, life.see(10, jobs=jobs(poll + 1))))
    assert [bool(count) for count in grown].count(True) == 2
    assert sum(grown) <= 12


def test_s2_one_order_for_one_demand_while_its_launch_hangs():
    wide = Job("1", JobState.PENDING, Request((Chunk(4, 4, distinct=True),)), created=START)
    life = Life(settings=settings(maximum=8, auto_provision_interval=1), jobs=(wide,))
    assert [carry_out_orders(life, life.see(20)) for _ in range(4)] == [0, 4, 0, 0]


def test_s3_minimum_is_ordered_once_while_its_launches_hang():
    life = Life(settings=settings(minimum=2))
    assert [carry_out_orders(life, life.see(10)) for _ in range(3)] == [2, 0, 0]


def test_growth_waits_for_a_quiet_queue_but_not_for_ever():
    life = Life(settings=settings(maximum=100, batch_window={"quiet": 3, "most": 10}), jobs=jobs(1))
    life.see(1)
    grown = [carry_out_orders(life, life.see(2, jobs=jobs(count))) for count in range(2, 9)]
    assert sum(bool(count) for count in grown) == 1
    assert grown.index(max(grown)) == 4  # 10 s after the queue began to change


def test_quiet_queue_grows_after_the_window():
    life = Life(settings=settings(batch_window=3), jobs=jobs(1))
    assert [carry_out_orders(life, life.see(2)) for _ in range(3)] == [0, 0, 1]


def test_s8_four_nodes_that_are_gone_are_all_forgotten_in_one_pass():
    names = [f"burst-{letter}" for letter in "abcd"]
    life = Life.of(
        *(record(Phase.DESTROYING, name, leaving_for=reasons.IDLE) for name in names),
        instances=tuple(instance(name, InstanceState.INEXISTENT) for name in names),
    )
    assert sorted(action.node for action in life.see().actions if action.act is Act.FORGET) == names


def test_defect_idle_node_that_a_new_job_wants_is_let_in_again_and_nothing_is_launched():
    held = host(hold=HoldBy.US)
    life = Life.of(record(Phase.DRAINING, leaving_for=reasons.IDLE), instances=(instance(),), hosts=(held,))
    plan = life.see(jobs=jobs(1))
    assert acts(plan) == [Act.UNHOLD]
    assert [action.act for action in plan.actions] == [Act.UNHOLD]
    assert plan.fates["1"].outcome is not Outcome.ORDERED


def test_dry_run_changes_nothing_and_says_the_same_again():
    life = Life(settings=settings(minimum=1), jobs=jobs(3))
    memory = life.memory
    first = life.see(10)
    life.memory, life.now, life.serial = memory, life.now - 10, life.serial - 1
    assert life.see(10) == first


PHASES = st.sampled_from([Phase.ASKED, Phase.BOOTING, Phase.JOINING, Phase.CONFIGURING, Phase.SERVING, Phase.DRAINING, Phase.LEAVING])
HOSTS = st.sampled_from([None, host(), host(used=1), host(hold=HoldBy.US), host(used=2, hold=HoldBy.US), host(up=False), host(up=False, used=1), host(up=None)])
INSTANCES = st.sampled_from([None, *(instance(state=state) for state in InstanceState)])


@given(PHASES, st.lists(st.tuples(HOSTS, INSTANCES, st.booleans(), st.booleans()), min_size=1, max_size=8), st.sampled_from(["", reasons.IDLE, reasons.REMOVE]))
def test_no_reading_whatever_lets_a_node_with_jobs_go(phase, readings, leaving_for):
    """Rule 2: as long as the last good reading lists jobs on a machine that may run, it is neither removed nor ended."""
    life = Life.of(record(phase, leaving_for=leaving_for), settings=settings(max_idle_time=1, max_down_time=1, max_launch_time=600))
    for seen_host, seen_instance, batch_fails, cloud_fails in readings:
        plan = life.see(
            100,
            hosts=(seen_host,) if seen_host else (),
            instances=(seen_instance,) if seen_instance else (),
            batch_error="down" if batch_fails else "",
            cloud_error="down" if cloud_fails else "",
        )
        harmful = {Act.REMOVE, Act.DESTROY, Act.CLEAR, Act.VACATE} & set(acts(plan))
        runs = seen_instance is None or seen_instance.state is not InstanceState.INEXISTENT
        busy = seen_host is not None and seen_host.busy
        if busy and runs and not life.memory.nodes.get("burst-a", record(Phase.ASKED)).gone:
            assert not harmful
        if batch_fails and phase in (Phase.SERVING, Phase.DRAINING, Phase.LEAVING):
            assert not {Act.REMOVE, Act.CLEAR} & set(acts(plan))


@given(PHASES, HOSTS, INSTANCES)
def test_restart_changes_no_decision(phase, seen_host, seen_instance):
    """The same readings and the same memory lead to the same plan, however often the engine was started anew in between."""
    life = Life.of(record(phase), hosts=(seen_host,) if seen_host else (), instances=(seen_instance,) if seen_instance else ())
    first = life.see()
    again = Life.of(record(phase), hosts=life.hosts, instances=life.instances)
    again.memory = replace(again.memory)
    assert again.see() == first
