"""How the server ends: idle connections at once, requests under way after their answer, nobody holds it up for ever."""

from __future__ import annotations

import asyncio
import http.client
import threading
import time

import pytest

from saltext.dynamiccluster.web import server as server_module

from .house import OPERATOR, Answer, House, free_port
from .test_events import stream
from .test_server import change, eventually

TOKEN = {"X-Auth-Token": OPERATOR}


def in_the_background(house: House, answers: list[Answer]) -> threading.Thread:
    """Ask something that takes the engine a while; return once the request is under way."""
    wait_for_requests(house, 0)  # one that was answered a moment ago may still be counted
    thread = threading.Thread(target=lambda: answers.append(house.get("/plan")), daemon=True)
    thread.start()
    wait_for_requests(house, 1)
    return thread


def wait_for_requests(house: House, count: int) -> None:
    server = house.server._server
    eventually(lambda: server is not None and len(server._busy) == count)


def test_idle_connections_are_closed_and_a_request_under_way_is_answered(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_LAST_ANSWERS", 60.0)  # this machine may be busy
    idle = http.client.HTTPConnection("127.0.0.1", house.port, timeout=60)
    idle.request("GET", "/status", headers=TOKEN)
    assert idle.getresponse().read()
    house.gate = asyncio.Event()
    answers: list[Answer] = []
    thread = in_the_background(house, answers)
    house.loop.call_soon_threadsafe(house.stop.set)
    assert idle.sock.recv(1) == b""
    assert not answers
    house.loop.call_soon_threadsafe(house.gate.set)
    thread.join(60)
    assert [answer.status for answer in answers] == [200]
    idle.close()


@pytest.mark.thorough
def test_a_request_that_hangs_does_not_keep_the_engine_from_ending(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_LAST_ANSWERS", 0.3)
    house.gate = asyncio.Event()  # for ever
    errors: list[Exception] = []

    def ask() -> None:
        try:
            house.get("/plan")
        except (OSError, http.client.HTTPException) as error:
            errors.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    wait_for_requests(house, 1)
    began = time.monotonic()
    house.loop.call_soon_threadsafe(house.stop.set)
    thread.join(60)
    assert errors and time.monotonic() - began < 30


def test_listeners_are_let_go_when_the_server_moves_and_may_come_back(house: House) -> None:
    eventually(lambda: house.server.context.hub.listeners == 0)
    with stream(house) as opened:
        eventually(lambda: house.server.context.hub.listeners == 1)
        new = free_port()
        change(house, port=new)
        eventually(lambda: house.server._serves[1:2] == (new,))
        while opened.response.read1(65536):
            pass
    house.port = new
    with stream(house) as again:
        assert again.status == 200
