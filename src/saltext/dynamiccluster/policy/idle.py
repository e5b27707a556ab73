"""How long an idle node is worth its hours: as long as it is likely to be wanted sooner than its successor would be paid for."""

from __future__ import annotations

from statistics import median

from ..settings import Settings
from .memory import Memory

# Seconds between the classes of gaps.
EDGES = (15.0, 30.0, 45.0, 60.0, 90.0, 120.0, 150.0, 180.0, 240.0, 300.0, 420.0, 600.0, 900.0, 1200.0, 1800.0)
LEAST = 30.0  # seconds that a node is kept at least: a scheduler needs some for its next pass
ENOUGH = 10.0  # gaps from which on they are believed
_MIDDLES = tuple((low + high) / 2 for low, high in zip((0.0, *EDGES), EDGES, strict=False))


def idle_limits(settings: Settings, memory: Memory) -> dict[str, float]:
    """Return for each resource how many seconds a node of it may be idle: `max_idle_time`, or less (`idle_boots`, `idle_learns`).

    A node that is kept idle for as long as its successor takes to boot costs at most twice what the best foresight would; who knows how
    soon nodes were wanted again does better.
    """
    general = settings.dynamic_cluster
    boots: dict[str, list[float]] = {name: [] for name in settings.cloud}
    for record in memory.nodes.values() if general.idle_boots else ():
        if record.ready_at > record.asked_at and record.resource in boots:
            boots[record.resource].append(record.ready_at - record.asked_at)
    limits = dict.fromkeys(boots, general.max_idle_time)
    for name, found in boots.items():
        if found:
            gaps = memory.resource(name).gaps if general.idle_learns else ()
            limits[name] = choose_limit(gaps, general.idle_boots * median(found), general.max_idle_time)
    return limits


def choose_limit(gaps: tuple[float, ...], price: float, most: float) -> float:
    """Return the idle time, at most `most` seconds, that these gaps (weights by class) would have made cheapest.

    `price`: what a boot is worth in seconds of idling; it is the answer itself while too few gaps are known.
    """
    if sum(gaps) < ENOUGH:
        return min(price, most)
    return min((*(edge for edge in EDGES if LEAST <= edge < most), most), key=lambda limit: _expected(gaps, limit, price))


def _expected(gaps: tuple[float, ...], limit: float, price: float) -> float:
    """Return what all these gaps cost under an idle time: each one its length, or the idle time and a boot."""
    short = [weight * middle for weight, middle in zip(gaps, _MIDDLES, strict=False) if middle < limit]
    return sum(short) + sum(gaps[len(short) :]) * (limit + price)
