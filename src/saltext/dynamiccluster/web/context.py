"""What the handlers share: the newest snapshot, who may do what, and the way to the engine."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from ..settings.general import AdminServer
from .access import Authority, Doors, Identities
from .desk import Obey
from .hub import Hub
from .prepared import Prepared
from .series import Series
from .sessions import Sessions, Throttle
from .traffic import Traffic

_REMEMBERED = 1.0  # seconds for which the engine's answer to a question is given again
_CATCH_UP = 3.0  # seconds after a change for which its user's reads wait for the document that shows it
_LOOK = 0.02


@dataclass
class Context:
    """One server's parts. `prepared` is None until the first snapshot; `obey` reaches the engine's Desk."""

    settings: AdminServer
    obey: Obey
    authority: Authority
    identities: Identities
    sessions: Sessions
    throttle: Throttle
    doors: Doors
    hub: Hub
    series: Series
    traffic: Traffic
    executor: Executor
    clock: Callable[[], float]
    secure: bool = False
    prepared: Prepared | None = None
    _asked: dict[str, tuple[float, asyncio.Future[Mapping[str, Any]]]] = field(default_factory=dict)
    _changed: dict[str, tuple[float, float]] = field(default_factory=dict)  # by user: the engine's time, and until when to wait

    @property
    def cookie(self) -> str:
        """Return the cookie's name. With TLS the browser itself makes sure that no other host or path set it."""
        return "__Host-dynamiccluster_session" if self.secure else "dynamiccluster_session"

    async def ask(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the engine's answer to a question. Who asks the same within a second gets the same answer."""
        key, now = f"{name} {json.dumps(arguments, sort_keys=True)}", time.monotonic()
        self._asked = {asked: item for asked, item in self._asked.items() if now - item[0] < _REMEMBERED or not item[1].done()}
        if key not in self._asked:
            question = {"name": name, "arguments": dict(arguments), "by": ""}
            self._asked[key] = (now, asyncio.ensure_future(self.obey(question)))
        return await asyncio.shield(self._asked[key][1])

    def note_change(self, user: str, at: float) -> None:
        """Take note that the engine did, at its time `at`, what this user wanted: what was asked before no longer holds."""
        self._asked = {}
        self._changed[user] = at, time.monotonic() + _CATCH_UP

    async def catch_up(self, user: str) -> None:
        """Wait, not for long, until what is shown was decided after this user's last change."""
        while (changed := self._changed.get(user)) is not None:
            at, until = changed
            if (self.prepared is not None and self.prepared.planned_at >= at) or time.monotonic() > until:
                self._changed.pop(user)
                return
            await asyncio.sleep(_LOOK)
