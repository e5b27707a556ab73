"""What the viewer sees: a live table on a terminal, a line for each thing that happens elsewhere."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping
from typing import Any

_HOME, _CLEAR_REST, _HIDE, _SHOW = "\x1b[H", "\x1b[J", "\x1b[?25l", "\x1b[?25h"
_JOB_ROWS = 16


class Screen:
    """Where the demo writes. On a terminal the table stays and the latest lines stand below it."""

    def __init__(self, live: bool) -> None:
        self.live = live
        self._lines: list[str] = []
        if live:
            sys.stdout.write(_HIDE + "\x1b[2J")

    def say(self, text: str) -> None:
        """Tell one thing that happened."""
        self._lines.append(text)
        if not self.live:
            print(text, flush=True)

    def draw(self, title: str, document: Mapping[str, Any]) -> None:
        """Show the engine's view of nodes and jobs; nothing without a terminal."""
        if not self.live:
            return
        size = shutil.get_terminal_size()
        rows = [title, "", *table(document)]
        room = max(3, size.lines - len(rows) - 2)
        rows += ["", *self._lines[-room:]]
        text = "\n".join(row[: size.columns - 1] + "\x1b[K" for row in rows[: size.lines - 1])
        sys.stdout.write(_HOME + text + "\n" + _CLEAR_REST)
        sys.stdout.flush()

    def close(self) -> None:
        """Give the terminal back."""
        if self.live:
            sys.stdout.write(_SHOW)
            sys.stdout.flush()
        self.live = False


def table(document: Mapping[str, Any]) -> list[str]:
    """Return the rows of nodes, then of jobs, each with the reason that the engine gives."""
    nodes = [node for node in document.get("nodes", ()) if node["resource"]]
    rows = [f"{'NODE':14}{'STATE':11}{'RESOURCE':10}{'JOBS':16}WHY"]
    rows += [f"{node['name']:14}{node['state_name']:11}{node['resource']:10}{','.join(node['jobs'])[:15]:16}{node['stays'] or node['reason']}" for node in nodes]
    rows += ["", f"{'JOB':7}{'NAME':16}{'STATE':10}{'CORES':7}WHY"]
    jobs = document.get("jobs", ())
    rows += [f"{job['jobid']:7}{job['name'][:15]:16}{job['state']:10}{job['requested_cores']:<7}{_why(job)}" for job in jobs[:_JOB_ROWS]]
    if len(jobs) > _JOB_ROWS:
        rows.append(f"... and {len(jobs) - _JOB_ROWS} more")
    return rows


def _why(job: Mapping[str, Any]) -> str:
    return (job.get("fate") or {}).get("reason", "") or ("on " + ", ".join(job["hosts"]) if job["hosts"] else "")


def lines_of(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return one line for each event of the engine: what happened to what, and why."""
    lines = []
    for event in events:
        _, _, kind, *rest = event["tag"].split("/")
        name, what = (rest[0], rest[1]) if len(rest) > 1 else ("", rest[0])
        reason = event["data"].get("reason", "")
        lines.append(f"{kind} {name} {what}".replace("  ", " ") + (f": {reason}" if reason else ""))
    return lines
