"""The stand-in as a lab's batch system: its server on the head, its pbs_mom on the nodes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab import inside
from lab.layout import ADDRESS, CHECKOUT, PLACEHOLDER
from lab.state import State

MOM = "/usr/local/sbin/pbs_mom"  # where a node's image has it
_COMMANDS = CHECKOUT / "lab" / "torque" / "bin"
# ours may lie in root's home, where ordinary users, who submit jobs, cannot run it
_SYSTEM = Path("/usr/bin/python3")
_PYTHON = str(_SYSTEM) if _SYSTEM.exists() else sys.executable
_SET_UP = Path(__file__).resolve().parent.parent / "files" / "torque" / "set-up.sh"
# shorter than the real ones where waiting shows nothing
_DELAYS = {"poll": 2, "down_after": 8, "keep_completed": 30, "stuck": 8}


def set_up(state: State, version: str, wait_for: Callable[..., object]) -> None:
    """Install the commands on the head and start the server there; return when it answers."""
    inside.run(inside.head_argv(state), ["bash", str(_SET_UP), _PYTHON, str(_COMMANDS)])
    delays = [word for name, seconds in _DELAYS.items() for word in ("--set", f"{name}={seconds}")]
    command = ["env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "lab.torque.daemon", "--socket", "/run/torque-standin/socket",
               "--moms", f"{ADDRESS}:15001", "--version", version, "--name", "head", *delays]
    inside.spawn(inside.head_argv(state), command, state.logs / "pbs_server.log")
    wait_for(lambda: inside.run(inside.head_argv(state), "qstat", check=False).returncode == 0, within=20, what="the Torque stand-in")


def start_mom(state: State, node: str) -> None:
    """Start the execution daemon of a node that is configured by nobody."""
    inside.run(inside.node_argv(state, node), f"mkdir -p /var/spool/torque/mom_priv && echo {ADDRESS} >/var/spool/torque/server_name && {MOM}", timeout=30)


def mom_program() -> str:
    """Return the text of the program that starts the stand-in's pbs_mom on a node."""
    return f'#!/bin/sh\nexec {_PYTHON} {_COMMANDS}/pbs_mom "$@"\n'


def settings() -> dict[str, Any]:
    """Return the engine's `cluster` setting."""
    return {"type": "torque", "config": {"restart_server_command": "/usr/bin/torque-standin restart server"}}


def head_pillar() -> dict[str, Any]:
    """Return the head's pillar: jobs of two nodes of any size can be submitted while there is none."""
    return {"batch": "torque", "torque": {"placeholders": [{"name": PLACEHOLDER, "np": 64, "count": 2}]}}


def worker_pillar() -> dict[str, Any]:
    """Return the workers' pillar."""
    return {"batch": "torque", "torque": {"mom": MOM}}
