"""Make a failing scenario smaller as long as it breaks the same law: fewer switches, fewer jobs, shorter."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from .run import Violation
from .scenario import Scenario

Run = Callable[[Scenario], Violation | None]


def shrink(scenario: Scenario, law: str, run: Run, seconds: float = 60.0) -> Scenario:
    """Return the smallest scenario found within so many seconds that still breaks the law."""
    end = time.monotonic() + seconds
    smaller = True
    while smaller:
        smaller = False
        for candidate in _candidates(scenario):
            if time.monotonic() > end:
                return scenario
            found = run(candidate)
            if found is not None and found.law == law:
                scenario, smaller = candidate, True
                break
    return scenario


def _candidates(scenario: Scenario) -> Iterator[Scenario]:
    """Yield smaller scenarios, the much smaller ones first."""
    names, size = scenario.switches, max(len(scenario.switches) // 2, 1)
    while True:
        for start in range(0, len(names), size):
            yield replace(scenario, switches=names[:start] + names[start + size :])
        if size == 1:
            break
        size //= 2
    if scenario.minutes > 1:
        yield replace(scenario, minutes=scenario.minutes // 2)
        yield replace(scenario, minutes=scenario.minutes - 1)
    if scenario.jobs:
        yield replace(scenario, jobs=scenario.jobs // 2)
        yield replace(scenario, jobs=scenario.jobs - 1)
