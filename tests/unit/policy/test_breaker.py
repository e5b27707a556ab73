"""A resource whose machines keep failing to become nodes is not fed for ever."""

from __future__ import annotations

from dataclasses import replace

from saltext.dynamiccluster.model import Chunk, InstanceState, Job, JobState, Phase, Request
from saltext.dynamiccluster.policy import reasons
from saltext.dynamiccluster.policy.memory import BREAKER, Backoff, ResourceMemory
from saltext.dynamiccluster.policy.plan import Act
from tests.lives import START, Life, host, instance, record, settings

NAMES = ("burst-a", "burst-b", "burst-c")
JOBS = tuple(Job(str(number), JobState.PENDING, Request((Chunk(cores=4),)), created=START) for number in range(6))


def broken(names: tuple[str, ...] = NAMES, **more: object) -> Life:
    """Return a life in which machines of these names have just ended in error while they booted."""
    life = Life.of(*(record(Phase.BOOTING, name) for name in names), settings=settings(maximum=20), **more)
    life.see(instances=tuple(instance(name, InstanceState.ERROR) for name in names))
    return life


def orders(life: Life, seconds: float) -> int:
    return sum(action.act is Act.ORDER for action in life.see(seconds).actions)


def test_three_machines_that_never_became_nodes_break_the_circuit():
    life = broken(NAMES[:2])
    assert life.memory.resource("burst").backoff is None
    life = broken()
    backoff = life.memory.resource("burst").backoff
    assert (backoff.kind, backoff.until) == (BREAKER, life.now + 60)
    assert "3 machines in a row never became nodes" in backoff.reason


def test_configured_machines_whose_daemons_never_report_break_the_circuit_too():
    old = [record(Phase.CONFIGURING, name, asked_at=START - 9999, ready_at=START - 60) for name in NAMES]
    life = Life.of(*old, hosts=tuple(host(name, up=None) for name in NAMES))
    life.see(instances=tuple(instance(name) for name in NAMES))
    assert life.memory.resource("burst").failures == 3 and not any(item.ready_at for item in life.memory.nodes.values())


def test_one_machine_tries_after_the_wait_and_a_node_closes_the_matter():
    life = broken(jobs=JOBS)
    assert orders(life, 30) == 0
    life.memory, life.instances = replace(life.memory, nodes={}), ()
    assert orders(life, 40) == 1
    life.memory = life.memory.with_node(record(Phase.CONFIGURING, "burst-d", asked_at=life.now))
    plan = life.see(70, instances=(instance("burst-d"),))
    assert not any(action.act is Act.ORDER for action in plan.actions)
    assert "one machine tries" in plan.blocked["burst"]
    life.memory = life.memory.with_node(replace(record(Phase.SERVING, "burst-d"), ready_at=life.now))
    life.see(1, hosts=(host("burst-d", used=4),))
    known = life.memory.resource("burst")
    assert (known.failures, known.backoff) == (0, None)
    assert orders(life, 70) == 6


def test_job_of_several_nodes_has_one_machine_try_too():
    wide = (Job("1", JobState.PENDING, Request((Chunk(2, 4, distinct=True),)), created=START),)
    life = broken(jobs=wide)
    life.memory, life.instances = replace(life.memory, nodes={}), ()
    assert orders(life, 70) == 1
    life.memory = life.memory.with_node(record(Phase.CONFIGURING, "burst-d", asked_at=life.now))
    assert orders(life, 70) == 0
    life.memory = life.memory.with_node(replace(record(Phase.SERVING, "burst-d"), ready_at=life.now))
    life.see(1, hosts=(host("burst-d"),), instances=(instance("burst-d"),))
    assert life.memory.resource("burst").backoff is None and orders(life, 70) == 1


def test_each_further_failure_doubles_the_wait():
    life = broken()
    life.memory = replace(life.memory, nodes={"burst-d": record(Phase.BOOTING, "burst-d")})
    life.see(100, instances=(instance("burst-d", InstanceState.ERROR),))
    assert life.memory.resource("burst").backoff.until == life.now + 120


def test_what_an_administrator_ends_is_no_failure():
    life = Life.of(*(record(Phase.BOOTING, name, leaving_for=f"{reasons.REMOVE} (alice)") for name in NAMES))
    life.see()
    assert life.memory.resource("burst").failures == 0


def test_refusal_of_another_kind_stays_when_nodes_work_again():
    life = Life.of(record(Phase.SERVING, ready_at=START))
    quota = Backoff(START + 600, "quota", "the quota is used up")
    life.memory = life.memory.with_resource("burst", ResourceMemory(failures=1, failed_at=START - 60, backoff=quota))
    life.see(hosts=(host(),), instances=(instance(),))
    assert life.memory.resource("burst").failures == 0
    assert life.memory.resource("burst").backoff == quota
