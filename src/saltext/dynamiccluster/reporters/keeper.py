"""A thread for each reporter: one that fails or hangs costs only its own numbers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from ..ports import Report, Reporter
from ..settings.plugins import GraphiteSettings, PluginSettings
from .custom import make_custom
from .graphite import Graphite

log = logging.getLogger(__name__)

_INTERVAL = 60.0
_LEAST = 1.0
_HANGING = 120.0  # seconds after which a report that has not ended is told of

Make = Callable[[], Reporter]


class Keeper:
    """Makes one reporter and hands it the newest report, as often as it wants one. Reports that it has no time for are dropped."""

    def __init__(self, name: str, make: Make, clock: Callable[[], float] = time.monotonic):
        self.name = name
        self._make, self._clock = make, clock
        self._newest: Report | None = None
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._busy_since: float | None = None
        self._error = ""
        self._thread = threading.Thread(target=self._serve, name=f"reporter-{name}", daemon=True)
        self._thread.start()

    def publish(self, report: Report) -> None:
        """Offer a report; never waits."""
        self._newest = report
        self._wake.set()

    def problem(self) -> str:
        """Return what is wrong with it, "" when nothing is."""
        since = self._busy_since
        if since is not None and self._clock() - since > _HANGING:
            return f"plugin {self.name}: has not answered for {self._clock() - since:.0f} s; its numbers are lost until it does"
        return f"plugin {self.name}: {self._error}" if self._error else ""

    def close(self, within: float = 0.5) -> None:
        """Have it end; one that hangs is left behind."""
        self._ended.set()
        self._wake.set()
        self._thread.join(within)

    # -- in its thread ----------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        reporter = self._make_it()
        while reporter is not None and not self._ended.is_set():
            self._wake.wait()
            self._wake.clear()
            report, self._newest = self._newest, None
            if report is None:
                continue
            self._attempt(lambda reporter=reporter, report=report: reporter.report(report))  # type: ignore[misc]
            self._ended.wait(_interval_of(reporter))
        if reporter is not None and callable(getattr(reporter, "close", None)):
            self._attempt(reporter.close)

    def _make_it(self) -> Reporter | None:
        """Return the reporter, trying again each minute: what it imports may be put in place meanwhile."""
        made: list[Reporter] = []
        while not self._ended.is_set():
            self._attempt(lambda: made.append(self._make()))
            if made:
                return made[0]
            self._ended.wait(_INTERVAL)
        return None

    def _attempt(self, work: Callable[[], None]) -> None:
        self._busy_since = self._clock()
        try:
            work()
        except BaseException as error:  # also SystemExit: somebody else's code must not end anything of ours
            self._complain(f"{type(error).__name__}: {error}"[:500])
        else:
            if self._error:
                log.info("plugin %s works again", self.name)
            self._error = ""
        finally:
            self._busy_since = None

    def _complain(self, text: str) -> None:
        if text != self._error:
            log.warning("plugin %s failed; it is tried again: %s", self.name, text)
        self._error = text


class Reporters:
    """The reporters of the settings in force."""

    def __init__(self) -> None:
        self._keepers: dict[str, tuple[PluginSettings, Keeper]] = {}

    def use(self, plugins: Mapping[str, PluginSettings]) -> None:
        """Keep just these: end those that are gone or have changed, make those that are new."""
        for name in [name for name, (settings, _) in self._keepers.items() if plugins.get(name) != settings]:
            self._keepers.pop(name)[1].close()
        for name, settings in plugins.items():
            if name not in self._keepers:
                self._keepers[name] = (settings, Keeper(name, maker(name, settings)))

    def publish(self, report: Report) -> None:
        for _, keeper in tuple(self._keepers.values()):
            keeper.publish(report)

    def problems(self) -> list[str]:
        found = (keeper.problem() for _, keeper in tuple(self._keepers.values()))
        return [problem for problem in found if problem]

    def close(self) -> None:
        self.use({})


def maker(name: str, settings: PluginSettings) -> Make:
    """Return what makes the reporter of these settings."""
    arguments = settings.arguments
    if isinstance(arguments, GraphiteSettings):
        return lambda: Graphite(arguments)
    return lambda: make_custom(name, settings.class_name, arguments)


def _interval_of(reporter: Reporter) -> float:
    try:
        return max(float(getattr(reporter, "interval", _INTERVAL)), _LEAST)
    except (TypeError, ValueError):
        return _INTERVAL
