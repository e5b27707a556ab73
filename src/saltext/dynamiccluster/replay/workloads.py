"""Seeded generators of workloads for comparisons: the Lublin-Feitelson model, bursts of arrays, and jobs over several nodes."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

from .swf import TraceJob

# U. Lublin, D. Feitelson: The workload on parallel supercomputers, JPDC 63(11), 2003; the parameters for jobs of all types.
_SERIAL, _POWER_OF_TWO = 0.244, 0.576
_SIZE_LOW, _SIZE_MIDDLE, _SIZE_SHARE = 0.8, 4.5, 0.86  # log2 of cores: a uniform distribution in two stages
_RUN_SHORT, _RUN_LONG = (4.2, 0.94), (312.0, 0.03)  # shape and scale of ln(seconds): a mixture of two gamma distributions
_RUN_MIX = (-0.0054, 0.78)  # the short one's share, a line over the cores
_ARRIVAL = (10.2303 * 1.0225, 0.4871)  # ln(seconds) between arrivals in the busiest hours
_DAY = (8.1737, 3.9631)  # how a day's arrivals are spread over its half hours, the first one at 5:30
_LONGEST, _RAREST = 12.0, 13.0  # ln(seconds)
_BUCKETS, _FIRST_BUCKET, _BUCKET = 48, 11, 1800.0

HOUR, DAY = 3600.0, 86400.0


def lublin(seed: int, days: float, *, most_cores: int = 64, load: float = 1.0) -> list[TraceJob]:
    """Return jobs as the Lublin-Feitelson model makes them; `load` divides the time between arrivals."""
    chance = random.Random(seed)
    jobs = []
    for number, when in enumerate(_arrivals(chance, days * DAY, load), 1):
        cores = _cores(chance, math.log2(most_cores))
        jobs.append(TraceJob(str(number), when, _duration(chance, cores), cores))
    return jobs


def _arrivals(chance: random.Random, end: float, load: float) -> Iterator[float]:
    weights = _day_weights()
    now = credit = 0.0
    while True:
        gap = _bounded(lambda: chance.gammavariate(*_ARRIVAL), _RAREST)
        credit = math.exp(gap) / load
        while credit > 0:  # a quiet half hour lasts as long and lets fewer arrivals through
            bucket = int(now // _BUCKET)
            left = (bucket + 1) * _BUCKET - now
            step = min(left, credit / weights[bucket % _BUCKETS])
            now, credit = now + step, credit - step * weights[bucket % _BUCKETS]
            if step < left:
                break
        if now >= end:
            return
        yield now


def _day_weights() -> list[float]:
    """Return how busy each half hour of the day is; their mean is 1."""
    shape, scale = _DAY
    found = [0.0] * _BUCKETS
    for place in range(_FIRST_BUCKET, _FIRST_BUCKET + _BUCKETS):
        found[(place - 1) % _BUCKETS] = place ** (shape - 1) * math.exp(-place / scale)
    mean = sum(found) / _BUCKETS
    return [value / mean for value in found]


def _cores(chance: random.Random, highest: float) -> int:
    kind = chance.random()
    if kind <= _SERIAL:
        return 1
    middle = min(_SIZE_MIDDLE, highest - 1.5)
    low, high = (_SIZE_LOW, middle) if chance.random() <= _SIZE_SHARE else (middle, highest)
    size = chance.uniform(low, high)
    return round(2 ** (round(size) if kind <= _SERIAL + _POWER_OF_TWO else size))


def _duration(chance: random.Random, cores: int) -> float:
    slope, start = _RUN_MIX
    share = min(max(slope * cores + start, 0.0), 1.0)
    kind = _RUN_SHORT if chance.random() <= share else _RUN_LONG
    return math.exp(_bounded(lambda: chance.gammavariate(*kind), _LONGEST))


def _bounded(draw: Callable[[], float], most: float) -> float:
    while True:
        value = draw()
        if value <= most:
            return value


def bursts(seed: int, days: float, *, most_cores: int = 64, load: float = 1.0) -> list[TraceJob]:
    """Return arrays of like serial jobs that come at once, a few times a day, with little in between."""
    chance = random.Random(seed)
    found: list[tuple[float, float, int]] = []
    now = 0.0
    while (now := now + chance.expovariate(load * 6 / DAY)) < days * DAY:
        typical = chance.lognormvariate(math.log(900), 0.6)
        for _ in range(int(chance.lognormvariate(math.log(most_cores * 2), 0.7)) + 1):
            found.append((now, typical * chance.lognormvariate(0, 0.15), 1))
    now = 0.0
    while (now := now + chance.expovariate(load * 12 / DAY)) < days * DAY:
        found.append((now, chance.lognormvariate(math.log(600), 1.0), chance.choice((1, 2, 4))))
    return _number(found)


def mixed(seed: int, days: float, *, most_cores: int = 64, load: float = 1.0) -> list[TraceJob]:
    """Return parallel jobs over several nodes between many small ones, more of both by day."""
    chance = random.Random(seed)
    found: list[tuple[float, float, int]] = []
    now = 0.0
    while (now := now + chance.expovariate(load * 240 / DAY)) < days * DAY:
        busy = 0.25 + 0.75 * max(math.sin(2 * math.pi * (now % DAY - 8 * HOUR) / DAY), 0.0)
        if chance.random() > busy:
            continue
        if chance.random() < 0.15:
            wide = [cores for cores in (16, 32, 48, 64) if cores <= most_cores]
            found.append((now, chance.lognormvariate(math.log(2400), 0.7), chance.choice(wide)))
        else:
            found.append((now, chance.lognormvariate(math.log(1200), 1.0), chance.choice((1, 1, 2, 4, 8))))
    return _number(found)


def _number(found: list[tuple[float, float, int]]) -> list[TraceJob]:
    return [TraceJob(str(number), when, max(duration, 1.0), cores) for number, (when, duration, cores) in enumerate(sorted(found), 1)]


WORKLOADS: dict[str, Callable[..., list[TraceJob]]] = {"lublin": lublin, "bursts": bursts, "mixed": mixed}
