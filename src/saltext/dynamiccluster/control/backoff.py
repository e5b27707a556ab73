"""How long to wait after a failure: by its kind, longer each time, never in step with others (jitter)."""

from __future__ import annotations

import random
import threading
from collections.abc import Hashable
from dataclasses import dataclass, replace

from ..errors import CloudError, Refusal
from ..policy.memory import SPOT, Backoff, Memory, ResourceMemory


@dataclass(frozen=True, slots=True)
class Wait:
    """Seconds: `first` doubles up to `most` with each failure in a row; up to `jitter` of it is added at random."""

    first: float
    most: float
    jitter: float = 0.25

    def seconds(self, step: int, chance: random.Random) -> float:
        return min(self.first * 2.0 ** min(step - 1, 30), self.most) * (1 + self.jitter * chance.random())


WAITS = {
    Refusal.THROTTLED: Wait(5.0, 48.0),
    Refusal.QUOTA: Wait(600.0, 600.0, 0.0),  # earlier when something of the resource is freed
    Refusal.NO_CAPACITY: Wait(300.0, 1800.0),
    Refusal.BAD_REQUEST: Wait(600.0, 600.0),  # earlier when the settings change
    Refusal.UNAUTHORISED: Wait(600.0, 600.0),
    Refusal.UNREACHABLE: Wait(10.0, 240.0),
    Refusal.FAILED: Wait(10.0, 240.0),
}
SPOT_WAIT = Wait(15.0, 120.0)
NODE_WAIT = Wait(10.0, 240.0)  # a change to one node that failed
BATCH_READ = Wait(5.0, 60.0)
CLOUD_READ = Wait(10.0, 240.0)
_LONGEST_ASKED = 3600.0  # seconds; no cloud may ask for more
# Another type, place or bid may be had where the one before was not.
_MENDED_BY_SETTINGS = frozenset({Refusal.BAD_REQUEST.value, Refusal.UNAUTHORISED.value, Refusal.NO_CAPACITY.value, SPOT})
_PASSING = frozenset({SPOT, Refusal.THROTTLED.value, Refusal.UNREACHABLE.value, Refusal.FAILED.value})


def back_off(
    known: ResourceMemory, error: CloudError, now: float, chance: random.Random, spot_patience: float = 0.0
) -> ResourceMemory:
    """Return the resource's memory after a failed launch. Launches that failed side by side count as one failure.

    Spot machines that cannot be had are tried again for `spot_patience` seconds, while the demand waits for them; then they count as missing.
    """
    old = known.backoff
    kind, since = _judge(old, error, now, spot_patience)
    if old is not None and old.kind == kind and old.until > now:
        return known
    step = old.step + 1 if old is not None and old.kind == kind else 1
    if kind == SPOT:
        left = max(since + spot_patience - now, 1.0)
        until, reason = now + min(SPOT_WAIT.seconds(step, chance), left), f"spot is tried for {left:.0f} s more: {explain(error)}"
    else:
        until = now + max(WAITS[error.kind].seconds(step, chance), min(error.retry_after, _LONGEST_ASKED))
        over = f"no spot machine for {spot_patience:.0f} s: " if spot_patience and error.kind is Refusal.NO_CAPACITY else ""
        reason = over + explain(error)
    return replace(known, backoff=Backoff(until, kind, reason, since, step))


def _judge(old: Backoff | None, error: CloudError, now: float, spot_patience: float) -> tuple[str, float]:
    """Return the kind of the back-off, and since when the resource has been in trouble."""
    kind, since = error.kind.value, old.since if old is not None else now
    if error.kind is not Refusal.NO_CAPACITY or not spot_patience or (old is not None and old.kind == kind):
        return kind, since
    if old is not None and old.kind not in _PASSING:
        since = now  # what kept it from launching until now says nothing of spot machines
    return (SPOT if now < since + spot_patience else kind), since


def explain(error: CloudError) -> str:
    """Return the failure in one line, with the setting at fault when it is known."""
    return f"{error} (look at the setting {error.setting})" if error.setting and error.setting not in str(error) else str(error)


def lift_quota(memory: Memory, resource: str) -> Memory:
    """Return the memory with the resource's quota back-off ended: something of it was freed, one launch may try."""
    known = memory.resource(resource)
    if known.backoff is None or known.backoff.kind != Refusal.QUOTA.value:
        return memory
    return memory.with_resource(resource, replace(known, backoff=replace(known.backoff, until=0.0)))


def lift_for_settings(memory: Memory, resources: frozenset[str]) -> Memory:
    """Return the memory with back-offs ended that other settings could mend, for resources whose settings changed."""
    for name in resources & frozenset(memory.resources):
        known = replace(memory.resource(name), offerings={}, shape=None)  # the next reading of a node brings its shape back
        memory = memory.with_resource(name, known)
        if known.backoff is not None and known.backoff.kind in _MENDED_BY_SETTINGS:
            memory = memory.with_resource(name, replace(known, backoff=replace(known.backoff, until=0.0)))
    return memory


class Retries:
    """When what failed may be tried again, by key. A success forgets the key. Any thread may call it."""

    def __init__(self, wait: Wait, chance: random.Random):
        self._wait, self._chance, self._lock = wait, chance, threading.Lock()
        self._until: dict[Hashable, tuple[float, int]] = {}

    def ready(self, key: Hashable, now: float) -> bool:
        return now >= self._until.get(key, (0.0, 0))[0]

    def failed(self, key: Hashable, now: float) -> float:
        """Count a failure; return the seconds to wait."""
        with self._lock:
            step = self._until.get(key, (0.0, 0))[1] + 1
            wait = self._wait.seconds(step, self._chance)
            self._until[key] = (now + wait, step)
            return wait

    def succeeded(self, key: Hashable) -> None:
        with self._lock:
            self._until.pop(key, None)

    def keep_only(self, nodes: frozenset[str]) -> None:
        """Forget keys (node, ...) of nodes that are no more."""
        with self._lock:
            self._until = {key: value for key, value in self._until.items() if not isinstance(key, tuple) or key[0] in nodes}
