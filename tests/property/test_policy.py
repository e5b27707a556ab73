"""What holds for every world: limits, stale readings, jobs' nodes, whole jobs, determinism, monotony."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from saltext.dynamiccluster.model import Chunk, HoldBy, Phase, QueueSlots, Request, ResourceFlag, Shape
from saltext.dynamiccluster.policy import reasons
from saltext.dynamiccluster.policy.demand import sort_demand
from saltext.dynamiccluster.policy.limits import budget_of, count_nodes, counts_for_minimum
from saltext.dynamiccluster.policy.memory import Backoff, ResourceMemory
from saltext.dynamiccluster.policy.nodes import combine
from saltext.dynamiccluster.policy.placement import allocate
from saltext.dynamiccluster.policy.plan import Outcome
from saltext.dynamiccluster.policy.scale_in import down_too_long, scale_in
from tests.examples import examples
from tests.worlds import NOW, host, job, record, resource, settings, smp, world

quick = hypothesis_settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])

CONFIGS = (
    settings({"a": resource(1, 4)}),
    settings({"a": resource(0, 3), "b": resource(0, 3)}),
    settings({"a": resource(2, 5), "b": resource(1, 4, priority=0)}, limits={"max_nodes": 6}, headroom=0.5, idle_boots=1),
    settings(
        {"a": resource(0, 5, price=1.0), "b": resource(1, 4, price=2.0)},
        limits={"max_launches_per_hour": 3, "max_cost_per_day": 9.0},
    ),
)
SHAPES = {"a": Shape(8, 16384), "b": Shape(4, 32768, 1)}

chunks = st.builds(
    Chunk,
    count=st.integers(1, 4),
    cores=st.integers(1, 9),
    memory_mb=st.sampled_from([0, 0, 1024, 3000]),
    gpus=st.sampled_from([0, 0, 0, 1]),
    distinct=st.booleans(),
)
requests = st.builds(
    Request,
    chunks=st.lists(chunks, min_size=1, max_size=2).map(tuple),
    exclusive=st.sampled_from([False, False, False, True]),
    node_memory_mb=st.sampled_from([0, 0, 2000]),
)
serial_requests = st.builds(lambda cores: smp(cores), st.integers(1, 8))


@st.composite
def job_lists(draw, requests=requests, most=8):
    one = st.tuples(requests, st.integers(1, 5), st.sampled_from([0.0, 0.2, 0.5, 0.9]), st.integers(0, 5000))
    wanted = draw(st.lists(one, max_size=most))
    return tuple(
        job(number, request, tasks=tasks, priority=priority, created=NOW - age)
        for number, (request, tasks, priority, age) in enumerate(wanted, 1)
    )


@st.composite
def machines(draw, resources):
    """Return records and hosts, in every state that a node may be in."""
    records, hosts = [], []
    for number in range(draw(st.integers(0, 5))):
        name, where = f"n{number}", draw(st.sampled_from(sorted(resources)))
        phase = draw(st.sampled_from(list(Phase)))
        used = draw(st.sampled_from([0, 0, 3, 8]))
        idle_for, down_for = draw(st.sampled_from([0, 60, 900, 5000])), draw(st.sampled_from([0, 0, 0, 900]))
        going = phase in (Phase.DRAINING, Phase.LEAVING, Phase.DESTROYING)
        leaving_for = draw(st.sampled_from([reasons.IDLE, reasons.DRAIN])) if going else ""
        records.append(
            record(
                name,
                phase,
                where,
                tried_at=draw(st.sampled_from([0.0, NOW - 60])) if phase is Phase.ASKED else NOW - 60,
                idle_since=NOW - idle_for if idle_for and phase is Phase.SERVING else 0.0,
                down_since=NOW - down_for if down_for and phase is Phase.SERVING else 0.0,
                leaving_for=leaving_for,
                held_for=draw(st.sampled_from(["", "", "", "maintenance"])),
                gone=draw(st.sampled_from([False, False, False, True])),
            )
        )
        if phase in (Phase.SERVING, Phase.DRAINING, Phase.CONFIGURING):
            hosts.append(
                host(
                    name,
                    used=used,
                    up=draw(st.sampled_from([True, True, True, False, None])),
                    hold=draw(st.sampled_from([HoldBy.NOBODY, HoldBy.NOBODY, *HoldBy])),
                )
            )
    hosts.extend(host(f"metal{number}", used=4) for number in range(draw(st.integers(0, 1))))
    return tuple(records), tuple(hosts)


@st.composite
def worlds(draw, jobs=None):
    config = draw(st.sampled_from(CONFIGS))
    records, hosts = draw(machines(config.cloud))
    memory = st.builds(
        ResourceMemory,
        flag=st.sampled_from([ResourceFlag.NORMAL, ResourceFlag.NORMAL, ResourceFlag.NORMAL, ResourceFlag.FROZEN, ResourceFlag.DRAINING]),
        wanted=st.sampled_from([0, 0, 2, 20]),
        backoff=st.sampled_from([None, None, Backoff(NOW + 60, "quota", "full"), Backoff(NOW - 1, "quota", "was full")]),
    )
    return world(
        jobs=draw(jobs if jobs is not None else job_lists()),
        hosts=hosts,
        records=records,
        config=config,
        shapes={name: SHAPES[name] for name in config.cloud},
        resources={name: draw(memory) for name in config.cloud},
        batch_error=draw(st.sampled_from(["", "", "", "", "timed out"])),
        cloud_errors={name: draw(st.sampled_from(["", "", "", "503"])) for name in config.cloud},
        auto=draw(st.sampled_from([None, None, True, False])),
        launches=(NOW - 60,),
        costs={int(NOW // 3600): 1.0},
    )


@quick
@given(worlds())
def test_orders_keep_every_limit(seen):
    found = allocate(seen)
    counts = count_nodes(seen)
    budget = budget_of(seen, counts)
    money = 0.0
    for name, settings_ in seen.settings.cloud.items():
        number = sum(order.resource == name for order in found.orders)
        money += number * (settings_.price or 0.0)
        assert number == 0 or counts[name].billed + number <= settings_.quantity.max
    assert len(found.orders) <= max(min(budget.nodes, budget.launches, math.inf), 0)
    assert money <= max(budget.money, 0)


@quick
@given(worlds())
def test_nothing_is_ordered_on_what_is_not_known_or_not_wanted(seen):
    found = allocate(seen)
    for order in found.orders:
        assert seen.snapshot.batch.fresh
        assert seen.snapshot.clouds[order.resource].fresh
        assert seen.flag(order.resource) is ResourceFlag.NORMAL
        backoff = seen.remembered(order.resource).backoff
        assert backoff is None or backoff.until <= seen.now
        assert seen.auto or order.manual


@quick
@given(worlds())
def test_every_waiting_job_has_a_fate_and_every_order_for_jobs_names_jobs_that_get_it(seen):
    found = allocate(seen)
    assert set(found.fates) == {item.id for item in seen.batch.jobs}
    for order in found.orders:
        assert all(found.fates[item.id].outcome is Outcome.ORDERED for item in order.jobs)
    assert found.needed <= seen.memory.nodes.keys()
    assert all(seen.memory.nodes[name].leaving_for == reasons.IDLE for name in found.unhold)


@quick
@given(worlds())
def test_a_fate_is_the_same_whether_asked_for_alone_or_counted_or_with_all_others(seen):
    alone, counted, plain = allocate(seen).fates, allocate(seen).fates.count(), dict(allocate(seen).fates)
    assert {item.id: alone.of(item) for item in seen.batch.jobs} == plain
    assert counted == Counter(plain.values())
    assert alone.of(seen.batch.jobs[0]._replace(id="unheard-of")) is None if seen.batch.jobs else not plain


@quick
@given(worlds())
def test_no_node_with_a_job_goes_and_none_that_a_job_counts_on(seen):
    found = allocate(seen)
    hosts = {node.record.name: node.host for node in seen.nodes if node.record}
    idle = scale_in(seen, found)
    for going in (*idle.going, *down_too_long(seen)):
        assert hosts[going.name] is None or not hosts[going.name].busy
        assert not seen.memory.nodes[going.name].held_for
        assert seen.flag(seen.memory.nodes[going.name].resource) is not ResourceFlag.FROZEN
        assert seen.snapshot.batch.fresh
    assert not {going.name for going in idle.going} & found.needed
    assert {going.name for going in idle.going} | idle.stays.keys() == seen.memory.nodes.keys()


@quick
@given(worlds())
def test_scale_in_keeps_the_minimum(seen):
    going = {one.name for one in scale_in(seen, allocate(seen)).going}
    counts = count_nodes(seen)
    kept = {node.record.name for node in seen.nodes if node.record and counts_for_minimum(seen, node)}
    for name, settings_ in seen.settings.cloud.items():
        gone = sum(seen.memory.nodes[one].resource == name for one in going & kept)
        assert not gone or counts[name].kept - gone >= settings_.quantity.min


@quick
@given(worlds(), st.randoms(use_true_random=False))
def test_same_input_gives_same_output_in_whatever_order_it_comes(seen, chance):
    def shuffled(items):
        items = list(items)
        chance.shuffle(items)
        return tuple(items)

    batch = seen.snapshot.batch
    view = replace(batch.value, jobs=shuffled(batch.value.jobs), hosts=shuffled(batch.value.hosts))
    memory = replace(seen.memory, nodes=dict(shuffled(seen.memory.nodes.items())), resources=dict(shuffled(seen.memory.resources.items())))
    snapshot = replace(seen.snapshot, batch=replace(batch, value=view), clouds=dict(shuffled(seen.snapshot.clouds.items())))
    other = replace(seen, snapshot=snapshot, memory=memory, nodes=combine(snapshot, seen.settings, memory, seen.now))
    assert allocate(other) == allocate(seen)
    assert scale_in(other, allocate(other)) == scale_in(seen, allocate(seen))


def orders_of(found):
    return sorted(order.resource for order in found.orders)


def with_job(seen, extra):
    batch = seen.snapshot.batch
    view = replace(batch.value, jobs=(*batch.value.jobs, extra))
    return replace(seen, snapshot=replace(seen.snapshot, batch=replace(batch, value=view)))


one_core = st.just(Request())


@quick
@given(worlds(job_lists(one_core)), st.integers(1, 40), st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_more_demand_never_means_fewer_launches_for_serial_jobs(seen, tasks, priority):
    """Whatever the limits, the nodes and the new jobs' priority."""
    more = allocate(with_job(seen, job(99, tasks=tasks, priority=priority)))
    assert len(more.orders) >= len(allocate(seen).orders)


@quick
@given(worlds(job_lists(requests)), requests, st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_jobs_that_nothing_can_serve_change_nothing(seen, request_, priority):
    """Neither do jobs that are no demand: held ones, or ones without a task to start."""
    found = allocate(seen)
    hopeless = replace(request_, chunks=(Chunk(1, 999),))
    assert orders_of(allocate(with_job(seen, job(99, hopeless, priority=priority)))) == orders_of(found)
    assert orders_of(allocate(with_job(seen, job(99, request_, tasks=0)))) == orders_of(found)


powers = st.sampled_from([1, 2, 4, 8]).map(smp)


@quick
@given(job_lists(powers, most=12), powers, st.integers(1, 9), st.integers(0, 3))
def test_more_demand_never_means_fewer_launches_when_sizes_divide_each_other(jobs, extra, tasks, hosts):
    """Jobs of one node whose sizes divide each other and the node's: packing is perfect, so that more never needs less."""
    known = {"hosts": tuple(host(f"n{number}") for number in range(hosts)), "config": settings({"a": resource(0, 100)})}
    fewer = allocate(world(jobs=jobs, **known))
    more = allocate(world(jobs=(*jobs, job(99, extra, tasks=tasks, priority=0.0)), **known))
    assert len(more.orders) >= len(fewer.orders)


def first_fit_decreasing(sizes: list[int], bin_: int) -> int:
    free: list[int] = []
    for size in sorted(sizes, reverse=True):
        fitting = next((index for index, room in enumerate(free) if room >= size), None)
        if fitting is None:
            free.append(bin_ - size)
        else:
            free[fitting] -= size
    return len(free)


@quick
@given(job_lists(serial_requests, most=12))
def test_orders_are_what_first_fit_decreasing_needs(jobs):
    found = allocate(world(jobs=jobs, config=settings({"a": resource(0, 100)})))
    sizes = [item.request.total_cores for item in jobs for _ in range(item.tasks)]
    assert len(found.orders) == first_fit_decreasing(sizes, 8)


sized = st.builds(lambda cores, memory: smp(cores, memory_mb=memory), st.integers(1, 16), st.integers(0, 60).map(lambda part: part * 1000))


@quick
@given(st.lists(sized, min_size=1, max_size=300), st.integers(0, 3))
def test_all_demand_that_fits_is_served_with_hardly_more_nodes_than_first_fit_decreasing_takes(wanted, hosts):
    """With amounts of two kinds, and enough shapes to fill many shelves."""
    big = Shape(16, 60_000)
    existing = tuple(host(f"n{number}", 16, reported=big) for number in range(hosts))
    jobs = tuple(job(number, request, priority=number % 7 / 10) for number, request in enumerate(wanted, 1))
    found = allocate(world(jobs=jobs, hosts=existing, config=settings({"a": resource(0, 1000)}), shapes={"a": big}))
    assert all(fate.outcome in (Outcome.ORDERED, Outcome.RUNS) for fate in found.fates.values())
    reference = first_fit_decreasing_of_two([(one.total_cores, one.chunks[0].memory_mb) for one in wanted], (16, 60_000))
    assert len(found.orders) <= math.ceil(1.05 * reference)


def first_fit_decreasing_of_two(sizes: list[tuple[int, int]], bin_: tuple[int, int]) -> int:
    free: list[tuple[int, int]] = []
    for cores, memory in sorted(sizes, reverse=True):
        place = next((place for place, room in enumerate(free) if room[0] >= cores and room[1] >= memory), None)
        if place is None:
            free.append((bin_[0] - cores, bin_[1] - memory))
        else:
            free[place] = (free[place][0] - cores, free[place][1] - memory)
    return len(free)


@quick
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, -0.5]), st.integers(0, 3), st.integers(1, 400)), max_size=40, unique_by=lambda one: one[2]))
def test_jobs_are_served_by_priority_then_age_then_number(rows):
    jobs = [job(number, priority=priority, created=NOW - age) for priority, age, number in rows]
    by_all = sorted(jobs, key=lambda one: (one.priority == 0, -one.priority, one.created, len(one.id), one.id))
    assert sort_demand(jobs) == by_all


@quick
@given(job_lists(powers, most=12), st.integers(0, 4))
def test_orders_never_exceed_what_all_demand_needs_without_existing_nodes(jobs, hosts):
    found = allocate(world(jobs=jobs, hosts=tuple(host(f"n{number}") for number in range(hosts)), config=settings({"a": resource(0, 100)})))
    sizes = [item.request.total_cores for item in jobs for _ in range(item.tasks)]
    assert len(found.orders) <= first_fit_decreasing(sizes, 8)


@quick
@given(st.integers(1, 8), st.integers(1, 8), st.booleans(), st.integers(0, 8), st.integers(0, 4), st.integers(0, 8))
def test_job_of_several_nodes_is_ordered_whole_or_not_at_all(count, cores, distinct, maximum, hosts, used):
    """Either all its pieces have room on what exists and what is ordered, or nothing is ordered."""
    request = Request(chunks=(Chunk(count, cores, distinct=distinct),))
    existing = tuple(host(f"n{number}", queues=(QueueSlots("all.q", 8, used),), jobs=("1",) if used else ()) for number in range(hosts))
    found = allocate(world(jobs=(job(1, request),), hosts=existing, config=settings({"a": resource(0, maximum)})))
    each = (lambda free: min(free // cores, 1)) if distinct else (lambda free: free // cores)
    room = hosts * each(8 - used)
    if found.fates["1"].outcome in (Outcome.RUNS, Outcome.ORDERED):
        assert room + len(found.orders) * each(8) >= count
        assert not found.orders or room + (len(found.orders) - 1) * each(8) < count
    else:
        assert not found.orders
        assert room + maximum * each(8) < count
