"""A cluster for the browser: the real admin server over a simulated world, with hostile names in it, many nodes when wanted, and an engine that can go away."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from saltext.dynamiccluster.model import Chunk, Request
from tests.unit.web.house import READER, House

HOSTILE = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>"
USER, PASSWORD = "bob", "bobs-password"
__all__ = ["HOSTILE", "PASSWORD", "READER", "USER", "Stage"]


class Stage(House):
    """Use it as a context. `extra`: so many nodes more are shown than there are; `problems` are shown beside the real ones."""

    def __init__(self, directory: Path, **server: Any):
        super().__init__(directory, **server)
        self.extra = 0
        self.problems: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dashboard"

    def __enter__(self) -> Stage:
        super().__enter__()
        self._dress()
        return self

    def _dress(self) -> None:
        publish = self.desk.publish
        self.desk.publish = lambda document, core: publish(self._dressed(document), core)  # type: ignore[method-assign]

    def _dressed(self, document: Mapping[str, Any]) -> dict[str, Any]:
        found = copy.copy(dict(document))
        found["jobs"] = [{**job, "name": HOSTILE if number == 0 else f"align-{job['jobid']}"} for number, job in enumerate(found["jobs"])]
        if found["nodes"] and self.extra:
            model = found["nodes"][0]
            more = [{**model, "hostname": f"many-{number:05d}", "name": f"many-{number:05d}"} for number in range(self.extra)]
            found["nodes"] = [*found["nodes"], *more]
        found["problems"] = [*found["problems"], *self.problems]
        return found

    # -- what happens ---------------------------------------------------------------------------------------------------

    def fill(self) -> None:
        """Have jobs run on every node that there may be, others wait, and one that can never run."""
        four = Request(chunks=(Chunk(cores=4),))
        self.world.submit(13, four, 1e6)
        self.world.submit(1, Request(chunks=(Chunk(cores=400),)), 1e6)
        for _ in range(12):
            self.pass_time(60)

    def __exit__(self, *error: object) -> None:
        if self._thread.is_alive():
            super().__exit__(*error)

    def go_away(self) -> None:
        """End the server and its connections, as a master that is restarted does."""
        server = self.server._server
        assert server is not None
        asyncio.run_coroutine_threadsafe(server.close_all_connections(), self.loop).result(5)
        self.__exit__()

    def come_back(self) -> None:
        self.__enter__()
        self.pass_time(5)

    def state_of(self, hostname: str) -> str:
        return next((node.state.name.lower() for node in self.world.core.plan.nodes if node.hostname == hostname), "gone")
