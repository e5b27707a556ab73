"""`./run test`: all tests, or with --fast those that need neither root nor daemons and do not go through every case there is. Other words go to pytest."""

from __future__ import annotations

import os
import sys

from lab import checks, secondtry
from lab.layout import CHECKOUT

_FAST = ("unit", "property", "contract")
_ALL = (*_FAST, "faults", "integration", "browser", "end_to_end")
_MOST = 3
# An eighth of Hypothesis's examples; the plugin that only integration tests need is not loaded.
_BRIEFLY = ("-m", "not root and not integration and not thorough", "--hypothesis-profile", "few", "-p", "no:schemathesis")


def main(words: list[str]) -> int:
    """Become pytest, or run it; return its exit status, or 1 when this machine cannot run what was asked for."""
    fast = "--fast" in words
    words = [word for word in words if word != "--fast"]
    faults = [] if fast else checks.missing()
    if faults:
        print("run: this machine cannot run all tests:", *faults, "./run test --fast runs the others.", sep="\n  - ", file=sys.stderr)
        return 1
    # A path or a node id among the words says what to run; without one, everything of the kind asked for.
    named = any(os.path.exists(CHECKOUT / word.partition("::")[0]) for word in words if not word.startswith("-"))
    places = [] if named else [f"tests/{part}" for part in (_FAST if fast else _ALL) if (CHECKOUT / "tests" / part).is_dir()]
    # Side by side. Files stay whole, as their tests share daemons; few at a time, as the daemons' deadlines mind a crowded machine,
    # yet one more than there are processors, as daemons are mostly waited for.
    workers = "auto" if fast else str(min((os.cpu_count() or 1) + 1, _MOST))
    chosen = [*(_BRIEFLY if fast else ()), *(("-n", workers, "--dist", "loadfile") if fast or not named else ())]
    os.chdir(CHECKOUT)
    # A log that is followed shows the dots when they come.
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    pytest = [sys.executable, "-m", "pytest", "-q"]
    command = [*pytest, *chosen, *places, *words]
    if fast or named:
        os.execv(sys.executable, command)
    return secondtry.run(command, pytest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
