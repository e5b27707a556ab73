"""What the admin server says while the settings are not usable."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("salt")
from saltext.dynamiccluster import __version__  # noqa: E402
from saltext.dynamiccluster.errors import Fault  # noqa: E402
from saltext.dynamiccluster.salt import front as front_module  # noqa: E402
from saltext.dynamiccluster.salt.front import Front, tell_faults  # noqa: E402
from saltext.dynamiccluster.salt.waiting import Waiting  # noqa: E402
from saltext.dynamiccluster.settings.general import AdminServer  # noqa: E402

from tests.unit.web.house import House, free_port  # noqa: E402

FAULTS = (Fault("dynamiccluster:cluster:type", "'sgee' is not known", "did you mean sge?"),)
TROUBLE = "dynamiccluster:cluster:type: 'sgee' is not known"


@pytest.mark.parametrize("seen", ["nothing", "an older version", "the last engine"])
def test_each_read_answers_and_tells_the_faults(tmp_path: Path, seen: str) -> None:
    with House(tmp_path) as house:
        house.grow(2)
        version = "0.1" if seen == "an older version" else __version__
        before = {} if seen == "nothing" else {**house.document, "engine": {**house.document["engine"], "version": version}}
        now = house.world.clock.now()
        house.desk.show(tell_faults(before, "default", TROUBLE, FAULTS, now), {}, AdminServer(port=house.port))
        assert (house.get("/healthz").status, house.get("/healthz").json["status"]) == (503, "unusable")
        status = house.get("/status").json
        assert status["engine"]["config_faults"] == [{"path": "dynamiccluster:cluster:type", "problem": "'sgee' is not known", "hint": "did you mean sge?"}]
        assert TROUBLE in status["problems"][0]
        assert len(house.get("/workernode").json) == (2 if seen == "the last engine" else 0)
        assert [house.get(path).status for path in ("/job", "/resource", "/server/status", "/orphans", "/series", "/metrics")] == [200] * 6
        assert house.get("/server/config").status == 503
        assert house.get("/status", token="").status == 401


def test_the_document_has_just_the_keys_of_a_real_one(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        made = tell_faults({}, "default", TROUBLE, FAULTS, 1.0)
        assert made.keys() == house.document.keys()
        for part in ("cluster", "plan"):
            assert made[part].keys() == house.document[part].keys()
        assert made["engine"].keys() - {"standby"} == house.document["engine"].keys() - {"standby"}


class Line:
    """Stands for an open line to the master's bus."""

    def __init__(self) -> None:
        self.bus, self.fired = self, []

    def fire(self, event: Any) -> None:
        self.fired.append(event.tag)


def ask(port: int, method: str, path: str) -> tuple[int, Any]:
    """Return status and answer, 0 while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except OSError:
        return 0, None
    finally:
        connection.close()


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(holds):
            await asyncio.sleep(0.1)


@pytest.mark.thorough
def test_an_engine_that_waits_for_settings_serves_and_gives_the_port_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    opts = {"cachedir": str(tmp_path), "id": "head_master"}
    monkeypatch.setattr(front_module, "load_admin_server", lambda opts, minion_id: AdminServer(port=port))

    async def scene() -> None:
        front, line, stop = Front(opts, "head_master"), Line(), asyncio.Event()
        waits = asyncio.create_task(Waiting(opts, "lab", TROUBLE, front, FAULTS, line).wait(stop, 600))  # type: ignore[arg-type]
        await eventually(lambda: ask(port, "GET", "/healthz")[0] == 503 and ask(port, "GET", "/healthz")[1]["status"] == "unusable")
        assert (await asyncio.to_thread(ask, port, "GET", "/status"))[0] == 401
        assert line.fired == ["dynamiccluster/lab/engine/config_error"]
        stop.set()
        await waits
        await front.close()
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0

    asyncio.run(scene())
