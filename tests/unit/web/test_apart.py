"""The server in a process of its own: it serves what the engine tells, asks it back, ends with it, and comes again when it was killed."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from saltext.dynamiccluster.web import apart as apart_module
from saltext.dynamiccluster.web.apart import Apart
from saltext.dynamiccluster.web.desk import Desk
from saltext.dynamiccluster.web.wire import Recipe

from .house import House
from .test_events import stream
from .test_server import change, eventually


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class HouseNextDoor(House):
    """The same house, with the server in a process of its own."""

    async def _main(self) -> None:
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        self.desk = Desk(self.obey, self.world.clock.now)
        admin = self.world.settings.dynamic_cluster.admin_server
        recipe = Recipe("tests.unit.web.house:Register", None, self.directory, admin)
        self.apart = self.desk.server = Apart(recipe, self.desk.answer)
        self._up.set()
        await self.apart.run(self.stop)

    def wait_up(self) -> None:
        eventually(self._answers)

    def _answers(self) -> bool:
        try:
            answer = self.get("/workernode")
            return answer.status == 200 and len(answer.json) == len(self.nodes())
        except OSError:
            return False


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(apart_module, "_AGAIN", 0.1)
    with HouseNextDoor(tmp_path) as made:
        made.grow(3)
        made.wait_up()
        yield made


def test_it_serves_asks_the_engine_and_tells_what_happens(house: HouseNextDoor) -> None:
    assert len(house.get("/workernode").json) == 3
    assert [house.get(path).status for path in ("/explain/job/1", "/job/1", "/plan", "/history", "/orphans", "/series")] == [200] * 6
    assert house.get("/plan").json["fates"] == {} and house.get("/job/99").status == 404
    node = house.nodes()[0]
    assert house.put(f"/workernode/{node}/hold").json["success"] is True
    assert house.asked[-1]["name"] == "hold" and house.asked[-1]["by"] == "alice"
    text = house.get("/metrics").body.decode()
    assert "dynamiccluster_nodes{" in text and "dynamiccluster_http_requests_total{" in text and "dynamiccluster_event_listeners 0.0" in text
    with stream(house) as opened:
        house.loop.call_soon_threadsafe(house.desk.hear, "dynamiccluster/default/node/n1/busy", {"id": "i-1", "signature": b"x"})
        assert opened.next()["data"] == {"id": "i-1"}
        house.grow(1)
        assert opened.next("snapshot")["etag"]
    eventually(lambda: len(house.get("/workernode").json) == 4)


@pytest.mark.thorough
def test_an_engine_that_is_slow_or_fails_ends_no_server(house: HouseNextDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(message: dict) -> dict:
        raise ValueError("a bug")

    monkeypatch.setattr(house.desk, "_obey", fail)
    answer = house.get("/plan")
    assert answer.status == 503 and "ValueError" in answer.json["error"] and "a bug" not in answer.json["error"]
    assert house.get("/status").status == 200


@pytest.mark.thorough
def test_a_killed_process_is_told_and_started_again_with_the_last_document(house: HouseNextDoor) -> None:
    before = house.apart.pid
    os.kill(before, signal.SIGKILL)
    eventually(lambda: any("started again" in text for text in house.apart.problems()) or house.apart.pid not in (0, before))
    house.wait_up()
    assert house.apart.pid != before and len(house.get("/workernode").json) == 3
    eventually(lambda: house.apart.problems() == [])


@pytest.mark.thorough
def test_a_process_that_takes_nothing_is_replaced(house: HouseNextDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    before = house.apart.pid
    os.kill(before, signal.SIGSTOP)

    def flood() -> None:
        for number in range(2 * apart_module._MOST_QUEUED):
            house.apart.hear("dynamiccluster/default/node/n/busy", {"number": number, "text": "x" * 100})

    threading.Thread(target=flood, daemon=True).start()
    eventually(lambda: not alive(before) or house.apart.pid != before)
    house.wait_up()


@pytest.mark.thorough
def test_a_process_that_gives_no_sign_of_life_is_replaced(house: HouseNextDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart_module, "_LOOK", 0.1)
    before = house.apart.pid
    os.kill(before, signal.SIGKILL)  # the next one is looked after with the shorter pause
    eventually(lambda: house.apart.pid not in (0, before))
    house.wait_up()
    stuck, usual = house.apart.pid, apart_module._SILENCE
    os.kill(stuck, signal.SIGSTOP)
    monkeypatch.setattr(apart_module, "_SILENCE", 1.0)
    eventually(lambda: not alive(stuck))
    monkeypatch.setattr(apart_module, "_SILENCE", usual)
    house.wait_up()


@pytest.mark.thorough
def test_it_ends_with_the_engine(house: HouseNextDoor) -> None:
    pid = house.apart.pid
    began = time.monotonic()
    house.__exit__()
    assert not alive(pid) and time.monotonic() - began < 30


@pytest.mark.thorough
def test_its_problems_are_the_engines(house: HouseNextDoor) -> None:
    change(house, port=house.port, address="0.0.0.0")
    eventually(lambda: any("beyond loopback" in text for text in house.apart.problems()))
