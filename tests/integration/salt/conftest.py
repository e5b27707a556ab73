"""One real master for all tests of this directory; each test starts the minions that it needs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("salt")

from saltext.dynamiccluster.salt.highstate import Highstate, Publisher  # noqa: E402
from saltext.dynamiccluster.salt.keys import Keys  # noqa: E402
from saltext.dynamiccluster.salt.line import Line  # noqa: E402
from saltext.dynamiccluster.salt.minions import SaltMinions  # noqa: E402

from .clusters import await_running, good_pillar, serving  # noqa: E402
from .daemons import CHECKOUT, Master, Minion, eventually  # noqa: E402

REACTOR = CHECKOUT / "examples" / "reactor"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    daemon = Master(tmp_path_factory.mktemp("m"))
    daemon.start()
    try:
        daemon.wait_until_up()
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    """A master with the engine and the reactor of the examples; each test leaves it running, in the state in which it found it."""
    reactor = yaml.safe_load((REACTOR / "master.conf").read_text().replace("/srv/reactor", str(REACTOR)))
    with serving(tmp_path_factory.mktemp("e"), good_pillar(), **reactor) as daemon:
        await_running(daemon)
        yield daemon


class Engine:
    """The engine's Salt side on a loop in a thread: real bus, real keys, real highstates."""

    def __init__(self, master: Master, cluster: str):
        self.opts = master.opts()
        self.cluster = cluster
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.replies: dict[str, Any] = {"ok": True, "message": "done", "data": {}}
        self.commands: list[dict[str, Any]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.line = Line(self.opts, cluster, self._obey, lambda: self.minions.keys.guests.secrets())
        defer = self._defer
        keys = Keys(self.opts, cluster, self.opts["id"], self.line.bus, defer)
        self.minions = SaltMinions(keys, Highstate(Publisher(self.opts, cluster), defer))
        self.line.listen(self.minions.wants, self.minions.hear)
        self.line.listen(lambda tag: tag.startswith(f"dynamiccluster/{cluster}/"), lambda tag, data: self.events.append((tag, dict(data))))
        self._wait(self.line.open())

    def _defer(self, function: Any, *arguments: Any) -> None:
        self._loop.call_soon_threadsafe(self._loop.run_in_executor, None, function, *arguments)

    async def _obey(self, command: dict[str, Any]) -> Any:
        self.commands.append(command)
        return self.replies

    def _wait(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def event(self, ending: str, within: float = 60.0) -> dict[str, Any]:
        """Wait for an event whose tag ends like this; return its payload."""
        return eventually(lambda: next((data for tag, data in list(self.events) if tag.endswith(ending)), None), within, ending)

    def close(self) -> None:
        self._wait(self.line.close())
        self._wait(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def engine(master: Master, request: pytest.FixtureRequest) -> Iterator[Engine]:
    one = Engine(master, f"c{time.time_ns() % 10**9}")
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def minion(master: Master, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a function that starts a minion: minion(name, token=None, **config)."""
    started: list[Minion] = []

    def start(name: str, token: str | None = None, **config: Any) -> Minion:
        daemon = Minion(tmp_path_factory.mktemp("n"), master, name, token, **config)
        daemon.start()
        started.append(daemon)
        return daemon

    yield start
    for daemon in started:
        daemon.stop()
