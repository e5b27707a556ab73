"""Everything that the engine tells besides events: admin server, reporters, logging. None of it may ever stop the engine."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ..control.core import Core
from ..control.parts import Parts
from ..reporters.keeper import Reporters
from ..reporters.report import make_report
from ..settings import Settings
from ..settings.general import AdminServer
from ..settings.shown import public
from .line import Line
from .logs import Logs

log = logging.getLogger(__name__)

Obey = Callable[[dict[str, Any]], Awaitable[Mapping[str, Any]]]
_AGAIN = 5.0


class Outlets:
    """Made once the line to the bus is open. `publish` may be called from any thread."""

    def __init__(
        self, opts: Mapping[str, Any], settings: Settings, line: Line, obey: Obey, directory: Path, secrets: Callable[[], Iterable[str]]
    ):
        self._logs = Logs(secrets)
        self._reporters = Reporters()
        self._desk: Any = None
        self._web: Any = None
        self._trouble = ""
        self._failed = ""
        self.use(settings)
        try:
            self._desk, self._web = make_web(opts, settings.dynamic_cluster.admin_server, obey, directory)
        except ImportError as error:
            self._trouble = f"the admin server is not running: {error}; salt-pip install tornado prometheus-client, then restart the salt-master"
            log.error("%s", self._trouble)
            return
        line.listen(line.is_news, self._desk.hear)

    def use(self, settings: Settings) -> None:
        """Go on with other settings. (The admin server takes its own from what is published.)"""
        self._logs.use(settings.logging)
        self._reporters.use(settings.plugins)

    def meter(self, parts: Parts) -> Parts:
        """Return the parts with adapters that count their calls."""
        if self._desk is None:
            return parts
        from ..web.metrics import Metered

        numbers = self._desk.numbers
        clouds = {name: Metered(cloud, partial(numbers.cloud_call, name)) for name, cloud in parts.clouds.items()}
        return replace(parts, batch=Metered(parts.batch, numbers.batch_call), clouds=clouds)

    def loop_part(self, part: str, seconds: float) -> None:
        """Take note of how long a part of the loop took."""
        if self._desk is not None:
            self._desk.numbers.loop_part(part, seconds)

    def publish(self, document: Mapping[str, Any], core: Core) -> None:
        """Hand a document for readers to whoever wants one. Never raises."""
        for name, take in (("admin server", self._show), ("reporters", self._report)):
            try:
                take(document, core)
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                if self._failed != text:
                    log.exception("the %s could not take a snapshot", name)
                self._failed = text

    def stand_by(self, document: Mapping[str, Any], settings: Settings) -> None:
        """Have the admin server tell what an engine that stands by knows. Never raises."""
        try:
            if self._desk is not None:
                self._desk.show(document, public(settings), settings.dynamic_cluster.admin_server)
        except Exception:
            log.exception("the admin server could not take a document")

    def problems(self) -> list[str]:
        web = self._web.problems() if self._web is not None else []
        return [text for text in (self._trouble, *web, *self._reporters.problems(), self._logs.problem) if text]

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`."""
        try:
            while not stop.is_set():
                await self._serve(stop)
        finally:
            self._reporters.close()

    async def _serve(self, stop: asyncio.Event) -> None:
        if self._web is None:
            await stop.wait()
            return
        try:
            await self._web.run(stop)
        except Exception:  # a bug in the server is no reason to leave jobs waiting
            log.exception("the admin server failed in an unforeseen way; it is started again")
            await asyncio.sleep(_AGAIN)

    def _show(self, document: Mapping[str, Any], core: Core) -> None:
        if self._desk is not None:
            self._desk.publish(document, core)

    def _report(self, document: Mapping[str, Any], core: Core) -> None:
        self._reporters.publish(make_report(document))


def make_web(opts: Mapping[str, Any], admin: AdminServer, obey: Obey, directory: Path) -> tuple[Any, Any]:
    """Return the engine's desk and the admin server. Raises ImportError where Tornado or prometheus-client is missing."""
    import tornado.web  # noqa: F401  # only the server's process needs it, but the engine can say what is missing

    from ..web.apart import Apart
    from ..web.desk import Desk
    from ..web.wire import Recipe, plain

    desk = Desk(obey, time.time)
    recipe = Recipe("saltext.dynamiccluster.salt.access:make_authority", plain(opts), directory, admin)
    desk.server = Apart(recipe, desk.answer)
    return desk, desk.server
