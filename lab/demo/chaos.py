"""Trouble at random moments: the engine is killed, and a node loses its power while it works."""

from __future__ import annotations

import random
from dataclasses import dataclass

from lab.api import Lab
from lab.demo.burst import Run, Submitted, tasks_of
from lab.state import now

# The master starts an engine again within 10 s: killed any faster, it would hardly live, which shows nothing.
_BETWEEN_KILLS_S = (10.0, 30.0)


@dataclass
class Chaos:
    """What is still to be done to the lab, and what has been done. `victim` is the job whose node loses its power."""

    lab: Lab
    victim: Submitted
    dice: random.Random
    kills: int = 0
    cut: str = ""
    _next_kill: float = 0.0

    def __post_init__(self) -> None:
        self._next_kill = now() + self.dice.uniform(0, _BETWEEN_KILLS_S[0])

    def step(self, records: dict[str, Run]) -> list[str]:
        """Do what is due and say what was done. Called about once a second."""
        said = []
        if now() >= self._next_kill:
            self._next_kill = now() + self.dice.uniform(*_BETWEEN_KILLS_S)
            if self.lab.kill_engine():
                self.kills += 1
                said.append("chaos: the engine is killed (SIGKILL)")
        record = records.get(tasks_of(self.victim)[0], Run())
        if not self.cut and record.starts and not record.ended:
            self.cut = record.starts[-1][1]
            self.lab.poweroff(self.cut, "stopped")
            said.append(f"chaos: {self.cut} loses its power while it runs job {self.victim.job}")
        return said

    def faults(self, records: dict[str, Run]) -> list[str]:
        """Return what shows that the trouble did not happen as meant, or that the victim did not run again."""
        starts = records.get(tasks_of(self.victim)[0], Run()).starts
        faults = [] if self.kills else ["the engine was never killed"]
        if not self.cut:
            faults.append("no node lost its power")
        elif len(starts) < 2:
            faults.append(f"job {self.victim.job} did not run again after {self.cut} lost its power")
        return faults
