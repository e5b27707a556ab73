"""Simulated minions: each machine's minion shows its token, gets its key accepted, runs its highstate, starts the execution daemon."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..model import CheckResult, Verdict
from ..ports import Target
from .batch import SimBatch
from .clock import VirtualClock

RETRY = 10.0  # seconds between two tries of a minion whose key is not accepted
PATIENCE = 60.0  # seconds without an answer after which a highstate is asked for again
MARK = "token="  # how the simulated user-data carries the one-time token


@dataclass
class SimMinion:
    """One minion. `state`: "waiting" for its key, "accepted", "configured" or "failed"."""

    name: str
    token: str
    state: str = "waiting"
    alive: bool = True


class SimMinions:
    """Implements ports.Minions and ports.Check.

    `fail_next` so many next highstates fail for good, `silent_next` never return, `idle_next` succeed and start no daemon. `deaf`: what
    minions say on the bus is lost; it is asked for again after PATIENCE.
    """

    def __init__(self, clock: VirtualClock, batch: SimBatch, *, highstate: float = 20.0):
        self.clock, self.batch = clock, batch
        self.highstate = highstate
        self.expected: dict[str, str] = {}
        self.keys: set[str] = set()
        self.refused: list[str] = []  # names that came with a wrong token
        self.minions: dict[str, SimMinion] = {}
        self.fail_next = self.silent_next = self.idle_next = 0
        self.deaf = False
        self._asked_at: dict[str, float] = {}
        self._asked: set[str] = set()
        self._heard: set[str] = set()  # whose highstate the engine has heard of

    def lose_engine(self) -> None:
        """The engine is gone, and with it all that it had heard; what minions say meanwhile nobody hears."""
        self.expected.clear()
        self._asked.clear()
        self._heard.clear()
        self._asked_at.clear()

    # -- machines -------------------------------------------------------------------------------------------------------

    def boot(self, name: str, user_data: str) -> None:
        """The machine runs: its minion starts and knocks at the master's door."""
        token = user_data.partition(MARK)[2].split()[0] if MARK in user_data else ""
        minion = self.minions[name] = SimMinion(name, token)
        self._knock(minion)

    def power_off(self, name: str) -> None:
        """The machine is gone, and its minion with it."""
        minion = self.minions.pop(name, None)
        if minion is not None:
            minion.alive = False

    def _knock(self, minion: SimMinion) -> None:
        if not minion.alive:
            return
        if minion.token and not self.deaf and self.expected.get(minion.name) == minion.token:
            del self.expected[minion.name]  # the token is spent
            self.keys.add(minion.name)
        if minion.name not in self.keys:
            self.refused.append(minion.name)
            self.clock.call_later(RETRY, lambda: self._knock(minion))
            return
        minion.state = "accepted"
        if minion.name in self._asked:
            self._run(minion)

    def _run(self, minion: SimMinion) -> None:
        self.clock.call_later(self.highstate, lambda: self._finish(minion))

    def _finish(self, minion: SimMinion) -> None:
        if not minion.alive or minion.state == "failed":
            return
        if self.silent_next:
            self.silent_next -= 1
        elif self.fail_next:
            self.fail_next -= 1
            minion.state = "failed"
        elif self._configures(minion):
            minion.state = "configured"
            if not self.deaf:
                self._heard.add(minion.name)
        else:
            self.clock.call_later(RETRY, lambda: self._finish(minion))  # registered too late: the daemon is started again

    def _configures(self, minion: SimMinion) -> bool:
        if self.idle_next:
            self.idle_next -= 1
            return True
        return self.batch.start_daemon(minion.name)

    # -- ports.Minions ----------------------------------------------------------------------------------------------------

    def expect(self, name: str, token: str, resource: str) -> None:
        if name not in self.keys:
            self.expected[name] = token

    def configure(self, names: Iterable[str]) -> None:
        """Have minions run their highstate, at once or as soon as their key is accepted."""
        for name in names:
            self._asked.add(name)
            self._asked_at[name] = self.clock.now()
            minion = self.minions.get(name)
            if minion is not None and minion.state in ("accepted", "configured"):
                self._run(minion)

    def forget(self, name: str) -> None:
        self.keys.discard(name)
        self.expected.pop(name, None)
        self._asked.discard(name)
        self._heard.discard(name)
        self._asked_at.pop(name, None)

    # -- ports.Check --------------------------------------------------------------------------------------------------------

    def check(self, target: Target) -> CheckResult:
        minion = self.minions.get(target.name)
        if minion is not None and minion.state == "failed":
            return CheckResult(Verdict.FAILED, "simulated: a state failed")
        ready = target.name in self._heard
        if not ready and self.clock.now() - self._asked_at.get(target.name, self.clock.now()) >= PATIENCE:
            self.configure([target.name])
        return CheckResult(Verdict.READY if ready else Verdict.WAITING, "" if ready else "its highstate is awaited")
