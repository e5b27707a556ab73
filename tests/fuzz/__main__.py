"""`./run fuzz [TARGET] [--seconds N]`: feed the targets with inputs that reach new code, led by atheris; what breaks one is kept.

Begins with the saved corpus. An input that raises, hangs for ten seconds or takes 1 GiB ends the target; it lies then in .cache/fuzz
and its content is shown, to be added to tests/fuzz/corpus once it is understood.
"""

from __future__ import annotations

import argparse
import io
import logging
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path

try:
    import atheris
except ImportError as error:
    sys.exit(f"fuzz: atheris cannot be imported ({error}): it needs CPython 3.11 on x86-64. ./run test replays the saved corpus all the same.")

with redirect_stderr(io.StringIO()), atheris.instrument_imports(include=["saltext.dynamiccluster"], enable_loader_override=False):
    from .corpus import FOLDER
    from .targets import TARGETS

_FOUND = Path(".cache/fuzz").absolute()
_LIMITS = ("-timeout=10", "-rss_limit_mb=1024", "-max_len=20000")


def main(words: Sequence[str]) -> int:
    """Fuzz one target, or each for its share of the time, in a process of its own; return 1 when one was broken."""
    parser = argparse.ArgumentParser(prog="./run fuzz", description=__doc__)
    parser.add_argument("target", nargs="?", choices=sorted(TARGETS), help="one of them alone")
    parser.add_argument("--seconds", type=int, default=120, help="for all together (120)")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.child:
        return _fuzz(options.target, options.seconds)
    names = [options.target] if options.target else list(TARGETS)
    share = str(max(options.seconds // len(names), 1))
    command = [sys.executable, "-m", "tests.fuzz", "--child", "--seconds", share]
    broken = [name for name in names if subprocess.run([*command, name], check=False).returncode]
    print(f"{len(names)} targets, broken: {', '.join(broken) or 'none'}")
    return bool(broken)


def _fuzz(name: str, seconds: int) -> int:
    """Fuzz one target in this process, which libFuzzer ends."""
    logging.disable(logging.CRITICAL)  # what is said of each spoiled input would be most of the work
    found = _FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    print(f"fuzz: {name} for {seconds} s", flush=True)
    arguments = [sys.argv[0], *_LIMITS, f"-max_total_time={seconds}", f"-artifact_prefix={found}/", "-verbosity=0", "-print_final_stats=1"]
    atheris.Setup([*arguments, str(found), str(FOLDER / name)], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
