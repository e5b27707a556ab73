"""Put each deliberate fault into a copy of the tree and see that its tests catch it. Ends with 1 when one is not caught, or not within a minute."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .table import FAULTS, Fault

TREE = Path(__file__).resolve().parents[2]
_COPIED = ("src", "tests", "lab", "bench", "dynamiccluster", "_engines", "_runners", "_modules", "_beacons", "examples", "pyproject.toml", "setup.py", "pillar.example")
_MINUTE = 60.0  # seconds of run time (of the processor: others may be at work) within which a fault must be caught
_PATIENCE = 600.0


def main(words: Sequence[str] | None = None) -> int:
    """Try the faults, two at a time; return 1 when one was not caught."""
    parser = argparse.ArgumentParser(prog="./run mutate", description=__doc__)
    parser.add_argument("words", nargs="*", help="only faults that say all of these words")
    faults = choose(parser, parser.parse_args(words).words)
    with tempfile.TemporaryDirectory(prefix="mutate-") as directory:
        trees = [_copy_tree(Path(directory) / str(number)) for number in range(min(os.cpu_count() or 1, 2))]
        paths = sorted({path for fault in faults for path in fault.tests})
        status, _, output = _run_tests(trees[0], paths)
        if status:
            print(output[-3000:], f"mutate: without any fault the tests fail (status {status})", sep="\n")
            return 1
        with ThreadPoolExecutor(len(trees)) as pool:
            free = list(trees)
            missed = [fault for fault, caught in pool.map(lambda fault: _try(fault, free), faults) if not caught]
    print(f"{len(faults)} faults, {len(faults) - len(missed)} caught")
    return bool(missed)


def choose(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[Fault]:
    """Return the faults that say all the words; end the program when there are none, since their tests would then be all tests."""
    faults = [fault for fault in FAULTS if all(word in fault.what for word in words)]
    if not faults:
        parser.error(f"no fault says {' '.join(words)!r}; there are:\n" + "\n".join(f"  {fault.what}" for fault in FAULTS))
    return faults


def _try(fault: Fault, free: list[Path]) -> tuple[Fault, bool]:
    """Put the fault into a tree that is free, run its tests, mend the tree; return whether they failed in time."""
    tree = free.pop()
    file = tree / fault.path
    right = file.read_text(encoding="utf-8")
    try:
        file.write_text(put_in(fault, right), encoding="utf-8")
        status, seconds, output = _run_tests(tree, fault.tests)
    finally:
        file.write_text(right, encoding="utf-8")
        free.append(tree)
    caught = status == 1 and seconds <= _MINUTE
    print(f"{'caught' if caught else 'MISSED'} {seconds:5.1f} s  {fault.what}", flush=True)
    if status > 1:
        print(output[-1500:])
    return fault, caught


def put_in(fault: Fault, text: str) -> str:
    """Return the file's text with the fault in it. Raises ValueError when what it replaces is not there just once."""
    if text.count(fault.old) != 1:
        raise ValueError(f"{fault.path}: {fault.old!r} occurs {text.count(fault.old)} times, not once: correct the table")
    return text.replace(fault.old, fault.new)


def _copy_tree(tree: Path) -> Path:
    tree.mkdir()
    for name in _COPIED:
        if (TREE / name).is_dir():
            shutil.copytree(TREE / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(TREE / name, tree / name)
    return tree


def _run_tests(tree: Path, paths: Sequence[str]) -> tuple[int, float, str]:
    """Run the tests up to the first failure; return pytest's status, the processor's seconds, and what was said."""
    path = os.pathsep.join((str(tree / "src"), str(tree)))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:schemathesis", *paths]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=tree, env=environment, stdout=output, stderr=subprocess.STDOUT)
        watchdog = threading.Timer(_PATIENCE, process.kill)
        watchdog.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        watchdog.cancel()
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    return process.returncode, usage.ru_utime + usage.ru_stime, said


if __name__ == "__main__":
    sys.exit(main())
