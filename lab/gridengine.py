"""The lab's Grid Engine cell: made fresh on the head, with a parallel environment of each allocation rule."""

from __future__ import annotations

from pathlib import Path

from lab.inside import head_argv, node_argv, run
from lab.state import State

_FILES = Path(__file__).resolve().parent / "files" / "gridengine"


def set_up(state: State) -> None:
    """Make the cell and start its qmaster; raise CommandFailed with the output of the step that failed."""
    run(head_argv(state), ["bash", str(_FILES / "set-up.sh"), str(_FILES)], timeout=60)


def start_execd(state: State, node: str) -> None:
    """Start the execution daemon of a node that is registered already."""
    # The daemon keeps the standard output it was given: without redirection the caller would wait for its end.
    run(node_argv(state, node), "sge_execd >/dev/null 2>&1 </dev/null", timeout=30)
