"""What tells whether a plan is worth its row: it must not pass one that gives up, orders nothing, or orders too much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.decide import NOW
from bench.verdict import FirstFit, check, count_orders
from bench.worlds import RESOURCE, Engine, make_settings, resource
from saltext.dynamiccluster.model import BatchView, Chunk, Host, Job, JobState, Offer, QueueSlots, Request, Reservation, Shape
from saltext.dynamiccluster.policy.plan import Act, Action


def view(*needs: tuple[int, int], hosts: tuple[Host, ...] = ()) -> BatchView:
    """Return jobs that need so many cores and so much memory."""
    jobs = tuple(Job(str(number), JobState.PENDING, Request((Chunk(1, *need),)), priority=0.5, created=NOW - 60) for number, need in enumerate(needs, 1))
    return BatchView(jobs, hosts, {Reservation(): Offer(frozenset({"all.q"}))})


def decided(seen: BatchView, most: int = 100, restless: float = 60.0) -> Engine:
    engine = Engine((), NOW, make_settings({RESOURCE: resource(most)}), restless=restless)
    engine.decide(seen, NOW, 1)
    return engine


MANY = ((12, 1000),) * 5 + ((4, 1000),) * 5 + ((1, 60_000),) * 2


def test_a_good_plan_passes() -> None:
    engine = decided(view(*MANY))
    check(engine, view(*MANY))
    assert count_orders(engine).total() == 7


@pytest.mark.parametrize(("most", "restless", "told"), [(3, 60.0, "jobs are served"), (100, 0.0, "0 nodes are ordered, and these cannot hold")])
def test_a_plan_that_leaves_jobs_out_or_orders_nothing_fails(most: int, restless: float, told: str) -> None:
    with pytest.raises(SystemExit, match=told):
        check(decided(view(*MANY), most, restless), view(*MANY))


def test_a_plan_of_too_many_nodes_fails() -> None:
    engine = decided(view(*MANY))
    assert engine.plan is not None
    engine.plan = replace(engine.plan, actions=(*engine.plan.actions, *[Action(Act.ORDER, RESOURCE)] * 2))
    with pytest.raises(SystemExit, match="9 nodes are ordered, and first-fit-decreasing needs 7"):
        check(engine, view(*MANY))


@pytest.mark.parametrize(
    ("needs", "nodes"),
    [(((16, 0),) * 3, 3), (((9, 0),) * 3 + ((7, 0),) * 3, 3), (((6, 0),) * 4 + ((5, 0),) * 4, 4), (((1, 40_000),) * 3, 3), (((1, 1),) * 200, 13)],
)
def test_first_fit_decreasing(needs: tuple[tuple[int, int], ...], nodes: int) -> None:
    assert FirstFit(view(*needs), {RESOURCE: Shape(16, 64_000)}).count() == nodes


def test_first_fit_uses_what_exists_and_the_kinds_in_turn() -> None:
    busy = Host("n1", True, (QueueSlots("all.q", 16, 12),), ("9",), reported=Shape(16, 64_000), free_memory_mb=5000)
    assert FirstFit(view((4, 5000), hosts=(busy,)), {RESOURCE: Shape(16, 64_000)}).count() == 0
    assert FirstFit(view((4, 5001), hosts=(busy,)), {RESOURCE: Shape(16, 64_000)}).count() == 1
    # the bigger job fits on b alone, the turn is then a's
    assert FirstFit(view((20, 0), (16, 0), (16, 0)), {"a": Shape(16, 1000), "b": Shape(32, 1000)}).count() == 3
