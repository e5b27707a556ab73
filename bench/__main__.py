"""Measure what a cycle costs, each figure beside its floor, taken in the same run. See docs/performance.md."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .cases import APART, MODULES, Case, Sample, all_cases

Row = dict[str, Any]


def main(words: Sequence[str]) -> int:
    """Run the cases that are wanted and tell the results; return 1 when one misses its goal."""
    options = _parse(words)
    apart = [name for name in APART if getattr(options, name)]
    cases = all_cases(apart or MODULES)
    wanted = [case for case in cases.values() if not options.only or any(part in case.name for part in options.only)]
    if not wanted:
        raise SystemExit(f"bench: no row has {' or '.join(options.only)} in its name; there are {', '.join(cases)}")
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        take_in(options.input, folder)
        rows = [_measure(case, folder, 1 if apart else options.repeat, options.json) for case in wanted]
    if options.json:
        print(json.dumps(rows, indent=2))
    return 1 if any(row["met"] is False for row in rows) else 0


def take_in(given: Path | None, folder: Path) -> None:
    """Link each given file into the folder: what is made besides would else lie beside them, and be taken for given the next time."""
    if given is None:
        return
    if not given.is_dir():
        raise SystemExit(f"bench: --input {given} is no directory; docs/performance.md names the files that it may hold")
    for file in given.iterdir():
        (folder / file.name).symlink_to(file.resolve())


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print a list of objects instead of a table")
    parser.add_argument("--input", type=Path, metavar="DIR", help="raw outputs of real commands, in place of generated ones")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of each case; the fastest counts")
    parser.add_argument("--lab", action="store_true", help="only how long things take in a lab with a real Grid Engine and Salt (as root)")
    parser.add_argument("--nova", action="store_true", help="only what launches cost on a real Nova; takes many minutes")
    parser.add_argument("--only", action="append", default=[], metavar="PART", help="only cases with this in their names")
    return parser.parse_args(words)


def _measure(case: Case, folder: Path, repeat: int, quiet: bool) -> Row:
    """Run a case as often as is wanted; the least of each figure counts, of the memory the greatest."""
    if case.prepare is not None:
        _call("prepare", case, folder)
    samples = [json.loads(_call("run", case, folder)) for _ in range(max(repeat, 1))]
    least = Sample(min(one["cpu"] for one in samples), min(one["floor"] for one in samples), max(one["peak"] for one in samples), all(one["judged"] for one in samples))
    row = judge(case, least)
    if not quiet:
        _print(row, case)
    return row


def _call(step: str, case: Case, folder: Path) -> str:
    words = [sys.executable, "-m", "bench.child", step, case.name, str(folder.resolve())]
    done = subprocess.run(words, stdout=subprocess.PIPE, timeout=case.within, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"bench: {case.name} failed in `{' '.join(words[1:])}`")
    return done.stdout


def judge(case: Case, sample: Sample) -> Row:
    """Return a row. `met` is None where the goal means nothing: what was given is so little that what each cycle takes anyhow is most of it."""
    ratio = sample.cpu / sample.floor
    met = ratio <= case.goal and (case.most_mb is None or sample.peak <= case.most_mb)
    return {
        "case": case.name,
        "cpu_seconds": round(sample.cpu, 4),
        "floor_seconds": round(sample.floor, 4),
        "ratio": round(ratio, 3),
        "goal": round(case.goal, 3),
        "met": met if sample.judged else None,
        "peak_rss_mb": round(sample.peak, 1),
    }


def _print(row: Row, case: Case) -> None:
    memory = f"{row['peak_rss_mb']:5.0f} MB" + (f" of {case.most_mb:.0f}" if case.most_mb else "")
    verdict = {True: "met", False: "MISSED", None: "small"}[row["met"]]
    print(f"{verdict:6} {row['ratio']:6.2f} of {row['goal']:5.2f}  {row['cpu_seconds']:7.3f} {case.unit} / {row['floor_seconds']:6.3f} {case.unit}  {memory:15} {case.name}: {case.title}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
