"""`simulate`: a trace, or a generated workload, under the settings of a pillar, beside the policies that it is compared with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from ..settings import Settings, load
from .cluster import Boot
from .page import make_page
from .replay import Replay, Setting, compare, fitting
from .swf import TraceError, TraceJob, read_trace

CORES = 16
_CROWDED, _SANE = 0.95, 0.75  # of all cores: from where on queues grow without end, since no packing is perfect; what is sound
_KEY = "dynamiccluster"
_DAY = 86400.0


def read_settings(path: Path) -> Settings:
    """Return the settings in a pillar file, whose sections may be below the key `dynamiccluster`.

    Raises OSError, ConfigurationError, TraceError (it is no YAML mapping, or has no resource).
    """
    try:
        found = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TraceError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(found, Mapping):
        raise TraceError(f"{path}: a mapping is expected, as in pillar.example")
    settings = load(found.get(_KEY, found))
    if not settings.cloud:
        raise TraceError(f"{path}: no resource in its section cloud, so that there is nothing to simulate")
    return settings


def read_cores(value: object, settings: Settings) -> dict[str, int]:
    """Return the cores of a machine by resource from `16`, or from `small=8,large=32`. Raises TraceError."""
    names = list(settings.cloud)
    text = str(value).replace(" ", "")
    try:
        if "=" not in text:
            found = dict.fromkeys(names, int(text))
        else:
            found = {name: int(number) for name, number in (item.split("=") for item in text.split(","))}
    except ValueError:
        raise TraceError(f"cores={value}: a number, or name=number,... for each resource") from None
    if set(found) != set(names) or min(found.values()) < 1:
        raise TraceError(f"cores={value}: a number of at least 1 for each of {', '.join(names)}")
    return found


def read_boot(value: object, failing: object) -> Boot:
    """Return how machines boot from `120,240` (median and 95th percentile, seconds) and a share that fails. Raises TraceError."""
    try:
        median, _, p95 = str(value).partition(",")
        boot = Boot(float(median), float(p95 or median), float(str(failing)))
    except ValueError:
        raise TraceError(f"boot={value} failing={failing}: seconds (median,p95) and a share from 0 to 1") from None
    if not (0 < boot.median <= boot.p95 < math.inf) or not 0 <= boot.failing < 1:
        raise TraceError(f"boot={value} failing={failing}: seconds (median,p95) and a share from 0 to 1")
    return boot


def simulate(jobs: Sequence[TraceJob], setting: Setting) -> tuple[dict[str, Replay], int]:
    """Return the replay under each policy by its name, and how many jobs were left out since no cluster of these settings could run them."""
    found, left_out = fitting(jobs, setting)
    return compare(found, setting), left_out


def describe_load(jobs: Sequence[TraceJob], setting: Setting) -> str:
    """Return in a sentence that the machines do not suffice, and how many cores would; "" when they do, or when all jobs come within a day."""
    found, _ = fitting(jobs, setting)
    work = sum(job.cores * job.duration for job in found)
    span = max(job.submitted + job.duration for job in found) - min(job.submitted for job in found)
    cores = sum(cores for _, cores, _ in setting.machines())
    share = work / (cores * span)
    if share < _CROWDED or max(job.submitted for job in found) - min(job.submitted for job in found) < _DAY:
        return ""
    return (
        f"the jobs ask for {work / 3600:.0f} core-hours, {share:.0%} of what all {cores} cores could give from the first job to the end of the last one:"
        f" they wait longer and longer; {math.ceil(work / span / _SANE)} cores would be in use for {_SANE:.0%}"
    )


def simulate_trace(
    trace: Path,
    settings: Settings,
    *,
    cores: object = CORES,
    boot: object = "120,240",
    failing: object = 0.03,
    seed: int = 1,
    most: int | None = None,
    spread: bool = False,
    page: Path | None = None,
) -> dict[str, Any]:
    """Return {"jobs", "left_out", "not_run", "policies": a list of figures}, with "overloaded" if it is; write the plots to `page`.

    `left_out`: jobs larger than all machines; `not_run`: lines of the trace that are no jobs to run, by the reason.

    Raises TraceError, ConfigurationError, OSError.
    """
    setting = Setting(settings, read_cores(cores, settings), read_boot(boot, failing), seed, spread)
    not_run: Counter[str] = Counter()
    jobs = read_trace(trace, most, not_run)
    replays, left_out = simulate(jobs, setting)
    figures = [item.figures for item in replays.values()]
    if page is not None:
        page.write_text(make_page(trace.name, replays))
    told = {"jobs": figures[0].jobs, "left_out": left_out, "not_run": dict(not_run), "policies": [asdict(item) for item in figures]}
    warning = describe_load(jobs, setting)
    return {**told, "overloaded": warning} if warning else told
