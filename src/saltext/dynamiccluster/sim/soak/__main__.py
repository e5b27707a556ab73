"""`./run soak`: many random scenarios, and the smallest one that breaks a law as a command that replays it."""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from .run import Violation, run
from .scenario import Scenario, throw
from .shrink import shrink
from .switches import SWITCHES

_PROGRESS = 15.0  # seconds between two lines about how far it has come


def main(words: Sequence[str] | None = None) -> int:
    """Run what the words say; return 0 when every law held, 1 when one was broken, 2 for wrong words."""
    options = _parse(words)
    if options.list:
        print(*(f"{name:18} {switch.meaning}" for name, switch in SWITCHES.items()), sep="\n")
        return 0
    if options.replay is not None:
        return _replay(_cut(throw(options.replay, options.switches), options))
    scenarios = [_cut(throw(seed, options.switches), options) for seed in range(options.seed, options.seed + options.seeds)]
    return _soak(scenarios, options.processes)


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run soak", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many scenarios (1000)")
    parser.add_argument("--seed", type=int, default=0, help="the first one's seed (0)")
    parser.add_argument("--switches", type=_read_switches, default=tuple(SWITCHES), help="which troubles, with commas between; all, none")
    parser.add_argument("--jobs", type=int, help="so many jobs instead of a random number")
    parser.add_argument("--minutes", type=int, help="so many virtual minutes of trouble instead of a random number")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count(), help="how many at a time (one for each core)")
    parser.add_argument("--replay", type=int, metavar="SEED", help="one scenario alone, with the engine's log")
    parser.add_argument("--list", action="store_true", help="list the switches")
    return parser.parse_args(words)


def _read_switches(text: str) -> tuple[str, ...]:
    names = tuple(SWITCHES) if text == "all" else tuple(name for name in text.split(",") if name and name != "none")
    unknown = sorted(set(names) - set(SWITCHES))
    if unknown:
        raise argparse.ArgumentTypeError(f"no switch {', '.join(unknown)}; --list shows them")
    return names


def _cut(scenario: Scenario, options: argparse.Namespace) -> Scenario:
    jobs = scenario.jobs if options.jobs is None else options.jobs
    return replace(scenario, jobs=jobs, minutes=scenario.minutes if options.minutes is None else options.minutes)


def _replay(scenario: Scenario) -> int:
    violation = run(scenario, verbose=True)
    print("every law held" if violation is None else f"BROKEN {violation.law}: {violation.text}")
    return violation is not None


def _soak(scenarios: list[Scenario], processes: int) -> int:
    began = time.monotonic()
    broken = list(_watch(_run_all(scenarios, processes), len(scenarios)))
    seconds = time.monotonic() - began
    print(f"{len(scenarios)} scenarios in {seconds:.0f} s ({60 * len(scenarios) / max(seconds, 0.001):.0f} a minute), {len(broken)} broke a law")
    if not broken:
        return 0
    for law, count in Counter(violation.law for _, violation in broken).most_common():
        print(f"  {law}: {count}")
    scenario, violation = min(broken, key=lambda item: (item[0].minutes * (1 + item[0].jobs), item[0].seed))
    print("making the smallest one smaller ...", flush=True)
    small = shrink(scenario, violation.law, run)
    found = run(small) or violation
    print(f"BROKEN {found.law}: {found.text}\nreplay it: {small.command}")
    return 1


def _run_all(scenarios: list[Scenario], processes: int) -> Iterator[tuple[Scenario, Violation | None]]:
    if processes <= 1 or len(scenarios) < 2:
        yield from map(_run_one, scenarios)
        return
    with multiprocessing.get_context("fork").Pool(processes, initializer=gc.disable) as pool:
        yield from pool.imap_unordered(_run_one, scenarios, chunksize=4)


def _run_one(scenario: Scenario) -> tuple[Scenario, Violation | None]:
    found = run(scenario)
    gc.collect()
    return scenario, found


def _watch(results: Iterable[tuple[Scenario, Violation | None]], total: int) -> Iterator[tuple[Scenario, Violation]]:
    """Yield what broke a law, at once told in one line; say now and then how far it has come."""
    told = time.monotonic()
    for number, (scenario, violation) in enumerate(results, 1):
        if violation is not None:
            print(f"BROKEN {violation.law}: {violation.text.splitlines()[0][:200]}\n  {scenario.command}", flush=True)
            yield scenario, violation
        if time.monotonic() - told > _PROGRESS:
            told = time.monotonic()
            print(f"{number} of {total}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
