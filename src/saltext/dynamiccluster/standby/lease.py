"""The right to act for a cluster: taken for a term, kept by signs of life from a thread of its own, checked before each side effect.

Whoever acts stops by its own clock after three quarters of the lease without a sign of life that went through; the others wait for the
whole of it by theirs. So no two clocks need to agree, and an engine that was frozen finds its time over before it does anything.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..errors import NotActing
from .place import Changes, Claim, Place, PlaceUnreachable

log = logging.getLogger(__name__)

_OWN_SHARE = 0.75  # of the lease: how long its holder may rely on its last sign of life
_SIGNS = 6  # in one lease
_COMPLETE = "complete"  # row that is written last when a term takes over what the one before it knew
_LOOK_BACK = 50  # terms that may have ended before they had taken anything over
_LOCKED, _UNLOCKED = "with the lock", "without the lock"


def _monotonic() -> float:
    """Return seconds that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Taken:
    """What the right to act came with: what the last engine knew. `lost`: the place has forgotten it."""

    term: int
    rows: Mapping[str, str]
    lost: bool = False


class Lease:
    """One engine's end. `holder` names this engine for people and is the same after a restart on the same master.

    `known_term`: the highest term that this master has seen. `on_lost` is called once, from any thread.
    """

    def __init__(
        self,
        place: Place,
        holder: str,
        seconds: float,
        *,
        known_term: int = 0,
        on_lost: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = _monotonic,
    ):
        self.holder, self.seconds = holder, seconds
        self.known_term = known_term
        self.acting = ""  # who acts, as far as is known
        self.trouble = ""
        self.lost = ""
        self._place, self._clock, self._on_lost = place, clock, on_lost
        self._term, self._until, self._signs = 0, 0.0, 0
        self._locked = False
        self._seen: tuple[Claim | None, str] | None = None
        self._seen_since = 0.0
        self._end = threading.Event()
        self._losing = threading.Lock()
        self._thread: threading.Thread | None = None

    # -- before ---------------------------------------------------------------------------------------------------------

    def try_take(self) -> Taken | None:
        """Take the right to act if nobody has it, its holder is surely dead, or was silent for the lease. Raises PlaceUnreachable."""
        began = self._clock()
        claim = self._place.current()
        sign = self._place.sign(claim.term) if claim else ""
        self._watch(claim, sign, began)
        self._locked = self._place.try_lock()
        if not self._may_claim(claim, sign, began) or not self._claim(claim):
            self._release_lock()
            return None
        self._until = began + _OWN_SHARE * self.seconds
        return self._take_over(claim)

    def _watch(self, claim: Claim | None, sign: str, now: float) -> None:
        self.acting = claim.holder if claim else ""
        self.known_term = max(self.known_term, claim.term if claim else 0)
        if (claim, sign) != self._seen:
            self._seen, self._seen_since = (claim, sign), now

    def _may_claim(self, claim: Claim | None, sign: str, now: float) -> bool:
        if now - self._seen_since >= self.seconds:
            return True
        if claim is not None and claim.holder == self.holder:  # this master's engine, which is no more: there is only one at a time
            return True
        return self._locked and (claim is None or sign.endswith(f" {_LOCKED}"))  # it would not have let go of it alive

    def _claim(self, claim: Claim | None) -> bool:
        term = max(claim.term if claim else 0, self.known_term) + 1
        if not self._place.claim(Claim(term, self.holder)):
            return False
        self._term, self.acting = term, self.holder
        return True

    def _take_over(self, before: Claim | None) -> Taken:
        """Carry what the last complete term knew into ours, before anything is done in it."""
        forgotten = self.known_term > (before.term if before else 0)
        rows = self._last_rows(before)
        self._place.write(self._term, {**rows, _COMPLETE: "1"})
        self._place.beat(self._term, self._sign())
        self._place.forget_before(self._term)
        self.known_term = self._term
        return Taken(self._term, rows, lost=forgotten and not rows)

    def _last_rows(self, before: Claim | None) -> dict[str, str]:
        newest = before.term if before else 0
        for term in range(newest, max(newest - _LOOK_BACK, 0), -1):
            rows = self._place.rows(term)
            if rows.pop(_COMPLETE, None):
                return rows
        return {}

    def _release_lock(self) -> None:
        if self._locked:
            self._place.unlock()
        self._locked = False

    # -- while it acts ----------------------------------------------------------------------------------------------------

    def keep(self) -> None:
        """Leave signs of life from now on, until `close`."""
        self._thread = threading.Thread(target=self._keep, name="dynamiccluster-lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Return if this engine still acts; called before each side effect. Raises NotActing."""
        self.check_time()
        try:
            claim = self._place.current()
        except PlaceUnreachable:
            return  # nobody else may act before the lease is over, which its time tells
        self._compare(claim)
        self.check_time()

    def check_time(self) -> None:
        """Like `check`, by the clock alone."""
        if not self.lost and self._clock() >= self._until:
            self._lose(f"no sign of life went through for {_OWN_SHARE * self.seconds:.0f} s" + (f": {self.trouble}" if self.trouble else ""))
        if self.lost:
            raise NotActing(self.lost)

    def write(self, changes: Changes) -> None:
        """Write rows of our term. Raises NotActing, PlaceUnreachable."""
        self.check_time()
        self._place.write(self._term, changes)

    def close(self) -> None:
        """End the signs of life and let the other engine act at once."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(timeout=1.0)
        self._until = 0.0
        self._place.close()

    def _keep(self) -> None:
        while not self._end.wait(self.seconds / _SIGNS) and not self.lost:
            try:
                self._renew()
            except PlaceUnreachable as error:
                if not self.trouble:
                    log.error("%s; without it this engine stops to act when its lease ends", error)
                self.trouble = str(error)
            except NotActing:
                return
            except Exception:
                log.exception("leaving a sign of life failed in an unforeseen way")

    def _renew(self) -> None:
        self.check_time()  # what was silent for too long stays so: the other one may have begun
        began = self._clock()
        self._place.beat(self._term, self._sign())
        self._compare(self._place.current())
        self._until, self.trouble = began + _OWN_SHARE * self.seconds, ""
        self._place.keep_lock()
        self._locked = self._locked or self._place.try_lock()

    def _sign(self) -> str:
        self._signs += 1
        return f"{self._signs} {_LOCKED if self._locked else _UNLOCKED}"

    def _compare(self, claim: Claim | None) -> None:
        if claim == Claim(self._term, self.holder):
            return
        self._lose(f"{claim.holder} acts now" if claim else "the shared place has forgotten who acts")
        raise NotActing(self.lost)

    def _lose(self, why: str) -> None:
        with self._losing:
            if self.lost:
                return
            self.lost = why
        log.error("this engine does not act any more: %s", why)
        self._on_lost()


class Held:
    """The right to act with what came with it: what the journal of the one who acts needs (control.shared.SharedRows)."""

    def __init__(self, lease: Lease, taken: Taken):
        self.rows, self.lost = taken.rows, taken.lost
        self.lease = lease
        self.write, self.check = lease.write, lease.check
