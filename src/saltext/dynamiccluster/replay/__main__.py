"""`./run simulate`: replay a trace of the Standard Workload Format, or generated workloads, before any money is spent."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from ..settings import Settings, load
from .figures import Figures
from .page import make_page, make_table
from .replay import Replay, Setting
from .simulate import CORES, describe_load, read_boot, read_cores, read_settings, simulate
from .swf import TraceError, TraceJob, name_left_out, read_trace, write_trace
from .workloads import WORKLOADS


def main(words: Sequence[str] | None = None) -> int:
    """Print the figures; return the exit status."""
    wanted = _parse(words)
    try:
        settings = read_settings(wanted.settings) if wanted.settings else _example()
        cores, boot = read_cores(wanted.cores, settings), read_boot(wanted.boot, wanted.failing)
        _run(wanted, lambda seed: Setting(settings, cores, boot, seed, wanted.spread))
    except OSError as error:
        _say(f"{error.filename}: {(error.strerror or str(error)).lower()}" if error.filename else str(error))
        return 1
    except (TraceError, ConfigurationError) as error:
        _say(str(error))
        return 1
    return 0


def _say(text: str) -> None:
    print(f"simulate: {text}", file=sys.stderr)


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run simulate", description=__doc__)
    parser.add_argument("trace", nargs="?", type=Path, help="an .swf or .swf.gz; without one, workloads are generated")
    parser.add_argument("--settings", type=Path, help="a pillar file (see pillar.example); without one, 16 machines on demand")
    parser.add_argument("--cores", default=CORES, help="cores of a machine: 16, or small=8,large=32 by resource")
    parser.add_argument("--boot", default="120,240", help="seconds until a machine is configured: median,p95 of a log-normal distribution")
    parser.add_argument("--failing", default=0.03, help="share of machines that never come up")
    parser.add_argument("--spread", action="store_true", help="the scheduler prefers the emptiest machine, as one that sorts by load does")
    parser.add_argument("--jobs", type=int, help="only so many of the trace's jobs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1, help="repeat with so many seeds: mean and spread")
    parser.add_argument("--workload", choices=[*WORKLOADS, "all"], default="all", help="what is generated when no trace is given")
    parser.add_argument("--days", type=float, default=2.0, help="how long the generated workload goes on")
    parser.add_argument("--load", type=float, default=4.0, help="how dense it is: arrivals come so many times as fast")
    parser.add_argument("--write", type=Path, metavar="FILE.swf", help="write the generated workload as a trace too")
    parser.add_argument("--page", type=Path, metavar="FILE.html", help="write plots of each policy's course")
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    return parser.parse_args(words)


def _example() -> Settings:
    config = {"region_name": "us-east-1", "image_id": "ami-12345678", "instance_type": "c5.4xlarge", "instance_name_prefix": "node-"}
    return load({"cluster": {"type": "sge", "config": {}}, "cloud": {"cloud": {"type": "aws", "quantity": {"min": 0, "max": 16}, "config": config}}})


def _run(wanted: argparse.Namespace, setting: Callable[[int], Setting]) -> None:
    names = [wanted.trace.name] if wanted.trace else [*WORKLOADS] if wanted.workload == "all" else [wanted.workload]
    told = []
    for name in names:
        replays: dict[str, Replay] = {}
        found: dict[str, list[Figures]] = {}
        for seed in range(wanted.seed, wanted.seed + wanted.seeds):
            jobs, its = _jobs(wanted, name, seed), setting(seed)
            if warning := describe_load(jobs, its):
                _say(f"{name}: {warning}")
            replays, left_out = simulate(jobs, its)
            for policy, item in replays.items():
                found.setdefault(policy, []).append(item.figures)
            if left_out:
                _say(f"{left_out} jobs of {name} are larger than all machines that they may run on and are left out")
        told += [{"trace": name, **row} for row in (_sum_up(figures) for figures in found.values())]
        if not wanted.json:
            print(f"\n{name}" + (f", mean of {wanted.seeds} seeds" if wanted.seeds > 1 else ""))
            print(make_table([_mean(figures) for figures in found.values()]))
        if wanted.page:
            wanted.page.with_stem(wanted.page.stem + (f"-{name}" if len(names) > 1 else "")).write_text(make_page(name, replays))
    if wanted.json:
        print(json.dumps(told, indent=1))


def _jobs(wanted: argparse.Namespace, name: str, seed: int) -> list[TraceJob]:
    if wanted.trace:
        left_out: Counter[str] = Counter()
        jobs = read_trace(wanted.trace, wanted.jobs, left_out)
        if left_out:
            _say(f"{left_out.total()} lines of {name} are no jobs to run: {name_left_out(left_out)}")
        return jobs
    jobs = WORKLOADS[name](seed, wanted.days, load=wanted.load)
    if wanted.write:
        write_trace(wanted.write.with_stem(f"{wanted.write.stem}-{name}-{seed}"), jobs, f"{name}, seed {seed}, load {wanted.load:g}")
    return jobs


def _mean(found: Sequence[Figures]) -> Figures:
    """Return the mean of each figure over the seeds."""
    if len(found) == 1:
        return found[0]
    means: dict[str, Any] = {}
    for field in fields(Figures):
        values = [getattr(figures, field.name) for figures in found]
        numbers = [value for value in values if isinstance(value, (int, float))]
        mean = statistics.fmean(numbers) if numbers else values[0]
        means[field.name] = round(mean) if isinstance(values[0], int) else mean
    return Figures(**means)


def _sum_up(found: Sequence[Figures]) -> dict[str, object]:
    """Return the means, and of what matters most the spread (standard deviation) over the seeds."""
    spread = {}
    if len(found) > 1:
        for name in ("mean_wait", "p95_wait", "node_hours", "launches"):
            spread[f"{name}_spread"] = statistics.stdev(getattr(figures, name) for figures in found)
    return {**asdict(_mean(found)), **spread}


if __name__ == "__main__":
    sys.exit(main())
