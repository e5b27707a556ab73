"""The ready check by highstate: ask each minion once, hear the answers on the event bus, ask again where none comes.

What counts as success stands in docs/highstate.md and in returns.py. Nothing is ever polled.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

import salt.client
import salt.utils.jid

from ..model import CheckResult, Verdict
from ..ports import Target
from .returns import Outcome, Return, read_return

log = logging.getLogger(__name__)

ATTEMPTS = 3  # a first highstate often fails on something that passes: a mirror, a file server that lags
_RETRY = 15.0  # seconds after a failed or busy answer
_SILENCE = (60.0, 120.0, 300.0)  # seconds without an answer before it is asked again
_COALESCE = 0.2


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a minion is. Times are Unix seconds, 0 = never. `due`: when it is to be asked (again), None = not at all."""

    since: float = 0.0
    due: float | None = None
    started_at: float = 0.0
    asked_at: float = 0.0
    asked: int = 0
    failures: int = 0
    last_jid: str = ""
    ok: bool = False
    detail: str = ""


class Publisher:
    """Sends `state.apply` to minions, the job's id chosen beforehand so that no answer can come before it is known."""

    def __init__(self, opts: Mapping[str, Any], cluster: str):
        self._opts = opts
        self._cluster = cluster

    def __call__(self, names: list[str]) -> str:
        """Ask all of them at once; return the job's id. Raises what LocalClient raises."""
        jid = salt.utils.jid.gen_jid(self._opts)
        metadata = {"dynamiccluster": self._cluster}
        # A client of its own for each call: they come from several threads, and its connections belong to one.
        with salt.client.LocalClient(mopts=dict(self._opts)) as client:
            # Not run_job(): that one prints when no minion is there yet.
            client.pub(names, "state.apply", [], tgt_type="list", jid=jid, listen=False, timeout=10, metadata=metadata)
        return jid


class Highstate:
    """A ports.Check. `defer(function)` runs a call in a thread; `publish(names)` asks minions and returns the job's id.

    `news` is called when an answer came, so that a decision need not wait for the next round.
    """

    def __init__(
        self,
        publish: Callable[[list[str]], str],
        defer: Callable[..., object],
        now: Callable[[], float] = time.time,
        *,
        utc_jid: bool = False,
        attempts: int = ATTEMPTS,
        news: Callable[[], None] = lambda: None,
    ):
        self._publish = publish
        self._defer = defer
        self._now = now
        self._utc_jid = utc_jid
        self._attempts = attempts
        self._news = news
        self._minions: dict[str, Progress] = {}
        self._lock = threading.Lock()
        self._flushing = False

    # -- asked by the control loop (in threads) ------------------------------------------------------------------

    def expect(self, name: str) -> None:
        """Listen for a minion that does not exist yet. Whatever was known under this name is forgotten."""
        with self._lock:
            self._minions.setdefault(name, Progress(since=self._now()))

    def configure(self, names: Iterable[str]) -> None:
        """Ask these minions for their highstate, unless they were asked already; again is harmless."""
        now = self._now()
        with self._lock:
            for name in names:
                known = self._minions.setdefault(name, Progress(since=now))
                if not known.ok and not known.asked and known.due is None:
                    self._minions[name] = replace(known, due=now)
        self._wake()

    def forget(self, name: str) -> None:
        with self._lock:
            self._minions.pop(name, None)

    def check(self, target: Target) -> CheckResult:
        """Say what is known; asks again where an answer is overdue. Never waits."""
        with self._lock:
            known = self._minions.setdefault(target.name, Progress(since=target.since))
        self._wake()
        if known.ok:
            return CheckResult(Verdict.READY, f"highstate {known.last_jid} succeeded")
        if known.failures >= self._attempts:
            return CheckResult(Verdict.FAILED, f"the highstate failed {known.failures} times, last {known.last_jid}: {known.detail}")
        return CheckResult(Verdict.WAITING, self._describe(known))

    # -- told by the event bus (on the loop) ------------------------------------------------------------------------

    def on_start(self, minion_id: str) -> None:
        """A minion has started: ask it now if it is to be configured, whatever it was asked before."""
        with self._lock:
            known = self._minions.get(minion_id)
            if known is None:
                return
            wanted = not known.ok and (known.due is not None or known.asked)
            self._minions[minion_id] = replace(known, started_at=self._now(), due=self._now() if wanted else known.due)
        self._wake()

    def on_return(self, data: Mapping[str, Any]) -> None:
        """A job has returned: take it in if it is this minion's highstate, whoever asked for it."""
        with self._lock:
            name = data.get("id")
            known = self._minions.get(name) if isinstance(name, str) else None
            if known is None:
                return
            seen = read_return(data)
            if seen.outcome is not Outcome.NOT_ONE and jid_time(seen.jid, utc=self._utc_jid) >= known.since - 1:
                self._minions[data["id"]] = self._take_in(known, seen)
        self._news()

    def _take_in(self, known: Progress, seen: Return) -> Progress:
        if seen.outcome is Outcome.OK:
            return replace(known, ok=True, due=None, last_jid=seen.jid, detail="")
        if known.ok:
            return known  # configured once is configured: a later failure is the administrator's business
        again = self._now() + _RETRY
        if seen.outcome is Outcome.BUSY:
            return replace(known, due=again if known.asked else known.due, detail="another state run is under way")
        failures = known.failures + 1
        due = again if known.asked and failures < self._attempts else None
        return replace(known, failures=failures, due=due, last_jid=seen.jid, detail=seen.detail)

    # -- asking (in a thread) ---------------------------------------------------------------------------------------

    def _wake(self) -> None:
        now = self._now()
        with self._lock:
            if self._flushing or not any(self._is_due(known, now) for known in self._minions.values()):
                return
            self._flushing = True
        self._defer(self._flush)

    def _flush(self) -> None:
        try:
            time.sleep(_COALESCE)
            names = self._mark_asked()
            if names:
                self._publish(names)
        except Exception as error:  # Salt raises many kinds: the silence is noticed and they are asked again
            log.warning("asking for the highstate failed, trying again: %s: %s", type(error).__name__, error)
        finally:
            with self._lock:
                self._flushing = False

    def _mark_asked(self) -> list[str]:
        now = self._now()
        with self._lock:
            names = [name for name, known in self._minions.items() if self._is_due(known, now)]
            for name in names:
                known = self._minions[name]
                silence = _SILENCE[min(known.asked, len(_SILENCE) - 1)]
                self._minions[name] = replace(known, asked=known.asked + 1, asked_at=now, due=now + silence)
        return names

    def _is_due(self, known: Progress, now: float) -> bool:
        return known.due is not None and known.due <= now and not known.ok and known.failures < self._attempts

    def _describe(self, known: Progress) -> str:
        if known.failures:
            return f"the highstate failed {known.failures} of {self._attempts} times, asked again: {known.detail}"
        if not known.asked:
            return "its minion has started" if known.started_at else "its minion has not started yet"
        waited = f"highstate asked {known.asked} times, last {self._now() - known.asked_at:.0f} s ago, no answer yet"
        return f"{waited} ({known.detail})" if known.detail else waited


def jid_time(jid: str, *, utc: bool = False) -> float:
    """Return the Unix time in a job's id, 0.0 when it is none."""
    try:
        moment = datetime.strptime(jid[:20], "%Y%m%d%H%M%S%f")
    except ValueError:
        return 0.0
    return (moment.replace(tzinfo=timezone.utc) if utc else moment.astimezone()).timestamp()
