"""A second try for the few tests that fail beside others in a long run with real daemons.

A machine that stands still for a minute, as hired ones do, breaks one promise or another among thousands that are about time. So a test that
failed is tried once more, alone, with nothing else on the machine, and named in the end: it is not forgotten. What fails for an example
that was drawn (tests/property) has found a fault, and has no second try.
"""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

_MOST = 3
_SOME_FAILED = 1  # pytest's exit status; others say that it could not run them all
_DRAWN = "tests/property/"


def run(first: Sequence[str], alone: Sequence[str]) -> int:
    """Run the command `first`, a pytest; with `alone` what failed, if that is little. Return the exit status that holds for both."""
    with tempfile.TemporaryDirectory(prefix="dynamiccluster-tests-") as kept:
        status = _run([*first, "-o", f"cache_dir={kept}"])
        failed = read_failed(Path(kept)) if status == _SOME_FAILED else []
        if not is_little(failed):
            return status
        print("run: failed beside others, tried once more alone:", *failed, sep="\n  - ", flush=True)
        status = _run([*alone, "-p", "no:cacheprovider", *failed])
        if status == 0:
            print("run: passed only alone, at the second try:", *failed, sep="\n  - ", flush=True)
        return status


def is_little(failed: Sequence[str]) -> bool:
    """Tell whether these tests may have a second try."""
    return 0 < len(failed) <= _MOST and not any(name.startswith(_DRAWN) for name in failed)


def read_failed(kept: Path) -> list[str]:
    """Return the ids of the tests that failed in the run with this cache, [] when that cannot be told."""
    try:
        found = json.loads((kept / "v/cache/lastfailed").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return sorted(found) if isinstance(found, dict) else []


def _run(command: Sequence[str]) -> int:
    """Run a command to its end; who ends this process by SIGTERM or Ctrl-C ends that one."""
    with subprocess.Popen(command) as process:
        before = {number: signal.signal(number, lambda number, _: process.send_signal(number)) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            return process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
