"""Makes OpenStack's environment and the seeded state, unless they are there: `python -m lab.nova.install`."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

from lab.nova import places, template
from lab.nova.daemons import DaemonFailed

_DONE = ".complete"


def main() -> int:
    """Install what is missing; return 1 after saying what failed."""
    try:
        ensure_environment()
        template.ensure()
    except (subprocess.CalledProcessError, FileNotFoundError, DaemonFailed) as error:
        print(f"lab.nova: {error}", file=sys.stderr)
        return 1
    return 0


def ensure_environment() -> Path:
    """Return the virtual environment, made if there is none. Raises CalledProcessError; pip's words are in .cache/nova-pip.log."""
    target = places.venv()
    places.CACHE.mkdir(exist_ok=True)
    with open(places.CACHE / "nova-venv.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / _DONE).exists():
            print(f"lab.nova: making {target} (once; about two minutes)", file=sys.stderr, flush=True)
            _make(target)
    return target


def _make(target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    python = getattr(sys, "_base_executable", sys.executable)
    with open(places.CACHE / "nova-pip.log", "ab") as log:
        for words in ([python, "-m", "venv", str(target)],
                      [str(target / "bin/pip"), "install", "--no-deps", "--requirement", str(places.HERE / "requirements.txt")]):
            subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    (target / _DONE).touch()


if __name__ == "__main__":
    sys.exit(main())
