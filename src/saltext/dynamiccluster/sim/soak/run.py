"""Run one scenario: trouble, then calm until everything has come to rest, then silence in which nothing may be done."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import hands, invariants
from .rough import LOG, RoughWorld
from .scenario import STRIDE, Scenario
from .switches import Fate

PATIENCE = 3 * 3600.0  # virtual seconds within which everything comes to rest after trouble
_SILENCE = 8  # steps in which nothing may be done then
_LONG = 60.0  # seconds between two looks while nothing goes on
_SHARED = Path("/dev/shm")
Law = Callable[[RoughWorld], Iterator[str]]


@dataclass(frozen=True)
class Violation:
    """`law`: the invariant's name. `text`: what was seen, when, and the state of the world."""

    law: str
    text: str


class Violated(Exception):
    """Ends a scenario."""

    def __init__(self, violation: Violation):
        self.violation = violation
        super().__init__(violation.text)


def run(scenario: Scenario, *, verbose: bool = False) -> Violation | None:
    """Run a scenario; return the first violation, None when all held."""
    directory = Path(tempfile.mkdtemp(prefix="soak-", dir=_SHARED if _SHARED.is_dir() else None))
    try:
        world = RoughWorld(scenario, directory)
        with _listening(world, verbose):
            try:
                _live_through(world)
            finally:
                world.close()
    except Violated as error:
        return error.violation
    except Exception as error:
        logging.getLogger(__name__).exception("the scenario broke")
        return Violation("nothing_breaks", f"{type(error).__name__}: {error}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return None


def _live_through(world: RoughWorld) -> None:
    fate = Fate(world)
    for _ in range(int(world.scenario.minutes * 60 / STRIDE)):
        fate.strike(STRIDE)
        _step(world)
    world.calm()
    _rest(world)
    for _ in range(_SILENCE):
        world.stride = _LONG
        _step(world)
        if world.effects:
            raise Violated(_tell(world, invariants.no_churn, f"with nothing to do: {world.effects}"))
    _hold_to(world, invariants.END)


def _rest(world: RoughWorld) -> None:
    """Let the world come to rest. Where nothing is done for a while, the time passes faster."""
    end, still = world.clock.now() + PATIENCE, 0
    found: list[str] = []
    while world.clock.now() < end:
        hands.tidy(world)
        _step(world)
        still = 0 if world.effects else still + 1
        world.stride = STRIDE if still < 6 else _LONG
        found = list(invariants.comes_to_rest(world)) if still > 1 else found
        if still > 4 and not found:
            return
    raise Violated(_tell(world, invariants.comes_to_rest, "; ".join(found)))


def _step(world: RoughWorld) -> None:
    world.live()
    _hold_to(world, invariants.STEP)


def _hold_to(world: RoughWorld, laws: tuple[Law, ...]) -> None:
    for law in laws:
        for text in law(world):
            raise Violated(_tell(world, law, text))


def _tell(world: RoughWorld, law: Law, text: str) -> Violation:
    return Violation(law.__name__, f"{text}\n{world.describe()}")


@contextmanager
def _listening(world: RoughWorld, verbose: bool) -> Iterator[None]:
    """Hand everything that the engine logs to the world, where it is searched for secrets."""
    handlers: list[logging.Handler] = [logging.StreamHandler(world.log)]
    if verbose:
        handlers.append(logging.StreamHandler())
    level, propagate = LOG.level, LOG.propagate
    LOG.propagate = False
    LOG.setLevel(logging.DEBUG)
    for handler in handlers:
        LOG.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            LOG.removeHandler(handler)
        LOG.setLevel(level)
        LOG.propagate = propagate
