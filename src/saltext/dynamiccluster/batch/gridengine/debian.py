"""Debian's Grid Engine commands are links to a shell script that works out the architecture, about 0.1 s each time, and then runs the
real one. A join is a dozen commands, so the script's work is done once here.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

WRAPPER = "gridengine-wrapper"
PROGRAMS = Path("/usr/lib/gridengine")
DEFAULTS = Path("/etc/default/gridengine")
_VARIABLES = {"SGE_ROOT": "/var/lib/gridengine", "SGE_CELL": "default"}
_ASK = '. "$0" >/dev/null; printf "%s\\n%s\\n" "$SGE_ROOT" "$SGE_CELL"'
_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Shortcut:
    """From a wrapped command to the program behind it. `variables`: what the wrapper would set."""

    variables: Mapping[str, str]
    programs: Path = PROGRAMS

    def __call__(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return the words with the program itself in front; as they are for anything but a link to the wrapper."""
        path = Path(argv[0])
        if not path.is_absolute() or path.resolve().name != WRAPPER:
            return argv
        program = self.programs / path.name
        return (str(program), *argv[1:]) if os.access(program, os.X_OK) else argv


def read_variables(defaults: Path = DEFAULTS, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return where the cell is, in the wrapper's order: the environment, the file (a shell script), Debian's own values."""
    from_file = _read_file(defaults) if not all(environment.get(name) for name in _VARIABLES) else {}
    return {name: environment.get(name) or from_file.get(name) or value for name, value in _VARIABLES.items()}


def _read_file(defaults: Path) -> dict[str, str]:
    if not os.access(defaults, os.R_OK):
        return {}
    try:
        done = subprocess.run(["/bin/sh", "-c", _ASK, str(defaults)], capture_output=True, text=True, timeout=_TIMEOUT, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return dict(zip(_VARIABLES, done.stdout.splitlines(), strict=False))
