"""Runs a stack in a directory until killed, at the usual ports: `python -m lab.nova DIRECTORY`. The template must be there."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from lab.nova import template

PORTS = {"keystone": 5000, "nova": 8774, "placement": 8778, "glance": 9292, "neutron": 9696}


def main(directory: str) -> None:
    """Start, say so in the file `ready`, and stay."""
    path = Path(directory)
    daemons = template.instantiate(path, PORTS)
    (path / "ready").touch()
    try:
        signal.pause()
    finally:
        daemons.stop()


if __name__ == "__main__":
    main(sys.argv[1])
