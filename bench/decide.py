"""The decision alone, on demand and clusters of sizes that hurt. Each has a fixed piece of work for its floor: see floor.calibrate."""

from __future__ import annotations

import random
from pathlib import Path

from saltext.dynamiccluster.calm import undisturbed
from saltext.dynamiccluster.model import BatchView, Chunk, Host, Job, JobState, Offer, QueueSlots, Request, Reservation, Shape
from saltext.dynamiccluster.policy.placement import allocate
from saltext.dynamiccluster.policy.nodes import combine
from saltext.dynamiccluster.policy.scale_in import scale_in
from saltext.dynamiccluster.policy.world import World
from saltext.dynamiccluster.snapshot import Reading, Snapshot

from .cases import Case, Sample, Stopwatch, peak_mb
from .floor import allowed, calibrate
from .verdict import check, check_served, count_orders
from .worlds import RESOURCE, UNBOUND, Engine, make_record, make_settings, resource

SEED = 20
NOW = 1_795_400_000.0
KINDS = 400
LIMIT = 3600  # nodes; costs most where hardly less is allowed than is needed


def _jobs(count: int, requests: list[Request], chance: random.Random) -> tuple[Job, ...]:
    """Return pending jobs in the order of their submission, with the requests in turn and priorities that many share."""
    return tuple(
        Job(str(number), JobState.PENDING, requests[number % len(requests)], priority=chance.randrange(1, 100) / 100, created=NOW - 2 * count + number)
        for number in range(1, count + 1)
    )


def _requests(count: int, cores: tuple[int, ...], gpus: float, chance: random.Random) -> list[Request]:
    """Return so many different requests of one node, with all kinds of memory; `gpus`: how many of the bigger ones want one, as a share."""
    found: dict[Request, None] = {}
    while len(found) < count:
        size = chance.choice(cores)
        found[Request((Chunk(1, size, size * chance.randrange(256, 3900), int(size >= 8 and chance.random() < gpus)),))] = None
    return list(found)


# -- 20,000 jobs of 20,000 shapes, 400 kinds of node ------------------------------------------------------------------


def _all_different(count: int, most: int | None = None) -> tuple[Engine, BatchView]:
    """Return an engine without nodes that may choose among 400 kinds, and so many jobs of which no two are alike. `most`: nodes there may be.

    No two kinds have the same shape, and all are of one priority: so each of them is used, turn by turn. They have 16 to 192 cores, a job 1 to
    48 (16 on average): a third of the jobs are too great for the smallest kinds, and one in twenty-three wants a GPU, which a quarter of the
    kinds have. 20,000 jobs need 3,700 nodes.
    """
    chance = random.Random(SEED)
    pillar = {f"kind{number:03d}": resource(UNBOUND, prefix=f"k{number:03d}-") for number in range(KINDS)}
    engine = Engine((), NOW, make_settings(pillar, **({"limits": {"max_nodes": most}} if most else {})))
    shapes: dict[Shape, None] = {}
    while len(shapes) < KINDS:
        cores = chance.choice((16, 32, 48, 64, 96, 128, 128, 192))
        shapes[Shape(cores, cores * chance.randrange(4000, 8200), chance.choice((0, 0, 0, 4)))] = None
    engine.shapes = dict(zip(pillar, shapes, strict=True))
    return engine, BatchView(_jobs(count, _requests(count, (1, 1, 2, 4, 8, 12, 16, 24, 32, 48), 0.05, chance), chance), (), {Reservation(): Offer(frozenset({"all.q"}))})


def _decide(engine: Engine, view: BatchView) -> float:
    watch = Stopwatch()
    with watch.running():
        engine.decide(view, NOW, 1)
    return watch.seconds


def _run_all_different(folder: Path) -> Sample:
    engine, view = _all_different(20_000)
    spent, peak = _decide(engine, view), peak_mb()
    check(engine, view)
    if len(count_orders(engine)) < KINDS:
        raise SystemExit(f"only {len(count_orders(engine))} of {KINDS} kinds are used")
    return Sample(spent, calibrate(), peak)


def _run_limited(folder: Path) -> Sample:
    """Measure the same where fewer nodes than are needed may be had: then they go by the order of the jobs."""
    engine, view = _all_different(20_000, LIMIT)
    spent, peak = _decide(engine, view), peak_mb()
    if count_orders(engine).total() != LIMIT:
        raise SystemExit(f"{count_orders(engine).total()} nodes are ordered instead of {LIMIT}")
    return Sample(spent, calibrate(), peak)


def _run_growth(folder: Path) -> Sample:
    """Measure what 20,000 such jobs take against 20 times what 1,000 do."""
    few, many = min(_decide_all(1000) for _ in range(3)), _decide_all(20_000)
    return Sample(many, 20 * few, peak_mb())


def _decide_all(count: int) -> float:
    engine, view = _all_different(count)
    spent = _decide(engine, view)
    check_served(engine, view)
    if not count_orders(engine):
        raise SystemExit("nothing was ordered")
    return spent


# -- 100,000 jobs of 300 shapes, 10,000 nodes -------------------------------------------------------------------------


def cluster(nodes: int, idle: int) -> tuple[Engine, tuple[Host, ...]]:
    """Return an engine with so many nodes, the last `idle` of which run nothing since twenty minutes, and their hosts."""
    names = [f"dc-{number:06d}" for number in range(nodes)]
    engine = Engine(names, NOW, make_settings({RESOURCE: resource(UNBOUND)}))
    records = {name: make_record(name, NOW, idle_for=1200.0 if number >= nodes - idle else 0.0) for number, name in enumerate(names)}
    engine.memory = engine.memory.with_nodes(records.values())
    hosts = tuple(_host(name, 0 if number >= nodes - idle else 4 + number % 13) for number, name in enumerate(names))
    return engine, hosts


def _host(name: str, used: int) -> Host:
    jobs = (f"r{name}",) if used else ()
    return Host(name, True, (QueueSlots("all.q", 16, used),), jobs, reported=Shape(16, 64_000), free_memory_mb=60_000 - 3000 * used)


def _run_many_alike(folder: Path) -> Sample:
    chance = random.Random(SEED)
    engine, hosts = cluster(10_000, 2000)
    requests = _requests(300, (1, 1, 1, 2, 4, 8, 16), 0.0, chance)
    view = BatchView(_jobs(100_000, requests, chance), hosts, {Reservation(): Offer(frozenset({"all.q"}))})
    spent, peak = _decide(engine, view), peak_mb()
    check(engine, view)
    return Sample(spent, calibrate(), peak)


# -- scale-in -----------------------------------------------------------------------------------------------------------


def _run_scale_in(folder: Path) -> Sample:
    engine, hosts = cluster(10_000, 5000)
    view = BatchView((), hosts, {Reservation(): Offer(frozenset({"all.q"}))})
    snapshot = Snapshot(Reading(view, NOW - 1, 1), engine.clouds(NOW, 1))
    world = World(snapshot, engine.settings, engine.memory, NOW, combine(snapshot, engine.settings, engine.memory, NOW))
    watch = Stopwatch()
    with undisturbed(), watch.running():  # as in a decision
        found = scale_in(world, allocate(world))
    if len(found.going) != 5000:
        raise SystemExit(f"{len(found.going)} nodes go instead of 5000")
    return Sample(watch.seconds, calibrate(), peak_mb())


CASES = (
    Case("decide-all-different", "20,000 jobs of 20,000 shapes, 400 kinds of node", allowed(5.0), _run_all_different),
    Case("decide-all-different-limited", "the same, and max_nodes allows only 3,600 of the nodes that they need", allowed(5.0), _run_limited),
    Case("decide-growth", "20,000 such jobs, against 20 times what 1,000 jobs cost", 1.5, _run_growth),
    Case("decide-many-alike", "100,000 jobs of 300 shapes, 10,000 nodes", allowed(0.5), _run_many_alike),
    Case("scale-in", "10,000 nodes, half of them idle for too long", allowed(0.2), _run_scale_in),
)
