"""Execution daemons as the server sees them, and the ones that run jobs in thought only."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from lab.torque.records import Job

_SIGNALS = {"SIGKILL": 9, "KILL": 9, "SIGTERM": 15, "TERM": 15, "SIGINT": 2, "INT": 2, "SIGHUP": 1, "HUP": 1}
_KILLED = 271  # what qdel makes of a job: 256 + 15


def signal_number(text: str) -> int | None:
    """Return the number of a signal's name or number, None for an unknown one. NULL is 0: nothing is sent."""
    if text.isdigit():
        return int(text) if int(text) < 64 else None
    return 0 if text in ("NULL", "SIGNULL") else _SIGNALS.get(text)


class Mom(Protocol):
    """The execution daemon of one host."""

    facts: dict[str, str]

    def alive(self, now: float) -> bool:
        """Tell whether the daemon can be reached."""

    def start(self, job: Job, now: float) -> None:
        """Start the job; its session and its end are told to the listener."""

    def signal(self, job_id: str, number: int, now: float) -> None:
        """Send a signal to the job's processes."""

    def step(self, now: float) -> None:
        """Tell the listener what has happened meanwhile."""


class Listener(Protocol):
    """Who hears of jobs."""

    def job_session(self, job_id: str, session: int) -> None:
        """The job's processes run."""

    def job_ended(self, job_id: str, status: int) -> None:
        """The job's processes have ended."""


def seconds_of_script(script: str) -> float:
    """Return how long a job lasts in thought: the sum of what it sleeps."""
    return sum(float(found) for found in re.findall(r"\bsleep\s+(\d+(?:\.\d+)?)", script))


@dataclass
class VirtualMom:
    """A host in thought: powered at a moment, running jobs for as long as their scripts sleep."""

    listener: Listener
    since: float
    facts: dict[str, str] = field(default_factory=lambda: {"ncpus": "2", "physmem": "24684084kb", "availmem": "22129744kb", "totmem": "24684084kb", "loadave": "0.10"})
    powered: bool = True
    duration: Callable[[str], float] = seconds_of_script
    ends: dict[str, tuple[float, int]] = field(default_factory=dict)  # job id -> when and with which status
    _sessions: int = 1000

    def alive(self, now: float) -> bool:
        return self.powered and now >= self.since

    def start(self, job: Job, now: float) -> None:
        self._sessions += 1
        self.ends[job.id] = (now + self.duration(job.script), 0)
        self.listener.job_session(job.id, self._sessions)

    def signal(self, job_id: str, number: int, now: float) -> None:
        if number and job_id in self.ends:
            self.ends[job_id] = (now + 1, _KILLED if number == 15 else 256 + number)

    def step(self, now: float) -> None:
        if not self.powered:
            return
        for job_id, (when, status) in list(self.ends.items()):
            if when <= now:
                del self.ends[job_id]
                self.listener.job_ended(job_id, status)

    def running(self) -> list[str]:
        """Return the jobs whose processes are here, whatever the server thinks."""
        return sorted(self.ends) if self.powered else []
