"""Live events: in order, resumed where a client left off, in bounded memory, whoever reads slowly or not at all."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from saltext.dynamiccluster.web import hub as hub_module
from saltext.dynamiccluster.web.hub import MOST_LISTENERS, Hub

from .house import EXPIRED, NOBODY, OPERATOR, READER, House
from .test_server import eventually


class Stream:
    """A client of /events."""

    def __init__(self, house: House, last_id: str = "", query: str = "", token: str = OPERATOR, **headers: str):
        self.connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=60)
        known = {"X-Auth-Token": token, **headers, **({"Last-Event-ID": last_id} if last_id else {})}
        self.connection.request("GET", f"/events{query}", headers=known)
        self.response = self.connection.getresponse()
        self.status = self.response.status

    def next(self, kind: str = "message") -> dict[str, Any]:
        """Return the next event of a kind; others are passed over."""
        fields: dict[str, str] = {}
        while line := self.response.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            elif fields.get("event", "message") == kind and "data" in fields:
                return {**json.loads(fields["data"]), "last_id": fields.get("id", "")}
            else:
                fields = {}
        raise AssertionError("the stream ended")

    def close(self) -> None:
        self.connection.close()


@contextmanager
def stream(house: House, *arguments: str, **options: str) -> Iterator[Stream]:
    opened = Stream(house, *arguments, **options)
    try:
        yield opened
    finally:
        opened.close()


def fire(house: House, *numbers: int) -> None:
    for number in numbers:
        house.loop.call_soon_threadsafe(house.desk.hear, f"dynamiccluster/default/node/n{number}/busy", {"id": f"i-{number}"})


def test_events_come_in_order_and_go_on_after_a_break(house: House) -> None:
    with stream(house) as first:
        assert first.status == 200 and first.response.getheader("Content-Type") == "text/event-stream"
        fire(house, 1, 2, 3)
        heard = [first.next() for _ in range(3)]
    assert [event["tag"] for event in heard] == [f"dynamiccluster/default/node/n{number}/busy" for number in (1, 2, 3)]
    assert heard[0]["data"] == {"id": "i-1"} and heard[0]["at"] > 0
    fire(house, 4)
    with stream(house, heard[1]["last_id"]) as again:
        assert [again.next()["data"]["id"] for _ in range(2)] == ["i-3", "i-4"]
    with stream(house, query=f"?last_event_id={heard[2]['last_id']}") as by_query:
        assert by_query.next()["data"]["id"] == "i-4"


@pytest.mark.parametrize("last_id", ["00000000-1", "nonsense", "-", "1", "\u00b9-\u00b9".encode().decode("latin-1")])
def test_an_id_of_another_engine_means_reading_anew(house: House, last_id: str) -> None:
    fire(house, 1)
    with stream(house, last_id) as opened:
        assert opened.next("reset")["reason"] == "the engine was restarted"
        fire(house, 2)
        assert opened.next()["data"]["id"] == "i-2"


def test_a_new_snapshot_is_told_once(house: House) -> None:
    with stream(house) as opened:
        first = opened.next("snapshot")
        assert first["etag"].startswith('W/"')
        house.publish()
        house.put("/resource/burst?num=1")
        house.pass_time(10)
        assert opened.next("snapshot")["etag"] != first["etag"]


def test_a_new_problem_is_told_too_though_no_node_and_no_job_changed(house: House) -> None:
    with stream(house) as opened:
        first = opened.next("snapshot")
        house.trouble("the disk is full")
        assert opened.next("snapshot")["etag"] != first["etag"]


def test_no_signature_of_a_command_is_passed_on(house: House) -> None:
    with stream(house) as opened:
        data = {"id": "x", "signature": "secret", "_stamp": "now"}
        house.loop.call_soon_threadsafe(house.desk.hear, "dynamiccluster/default/command/x/new", data)
        assert opened.next()["data"] == {"id": "x"}


@pytest.mark.parametrize("token, status", [("", 401), (EXPIRED, 401), (NOBODY, 403), (READER, 200), (OPERATOR, 200)])
def test_who_may_listen(shown: House, token: str, status: int) -> None:
    with stream(shown, token=token) as opened:
        assert opened.status == status


def test_a_foreign_page_may_not_listen(shown: House) -> None:
    with stream(shown, Origin="http://evil.example") as opened:
        assert opened.status == 403


def test_a_listener_whose_right_ends_is_cut_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saltext.dynamiccluster.web.access._FRESH", 0.0)
    with stream(house) as opened:
        fire(house, 1)
        opened.next()
        del house.register.tokens[OPERATOR]
        fire(house, 2)
        with pytest.raises(AssertionError, match="ended"):
            opened.next()


def test_many_listeners_hear_the_same(house: House) -> None:
    streams = [Stream(house) for _ in range(50)]
    try:
        fire(house, *range(100))
        for opened in streams:
            assert [opened.next()["data"]["id"] for _ in range(100)] == [f"i-{number}" for number in range(100)]
    finally:
        for opened in streams:
            opened.close()


def test_listeners_that_go_are_forgotten(house: House) -> None:
    streams = [Stream(house) for _ in range(5)]
    eventually(lambda: house.server.context.hub.listeners == 5)
    for opened in streams:
        opened.close()
    eventually(lambda: fire(house, 1) or not house.server.context.hub.listeners)  # type: ignore[func-returns-value]


@pytest.mark.thorough
def test_one_that_does_not_read_holds_up_nobody(house: House) -> None:
    slow, quick = Stream(house), Stream(house)
    heavy = "x" * 60_000
    heard: list[object] = []
    reader = threading.Thread(target=lambda: [heard.append(quick.next()) for _ in range(5)])
    try:
        reader.start()
        for _ in range(300):
            house.loop.call_soon_threadsafe(house.desk.hear, "dynamiccluster/default/node/n/busy", {"text": heavy})
            time.sleep(0.001)
        reader.join(60)
        assert len(heard) == 5 and house.get("/healthz").status == 200
        assert house.server.context.hub._bytes <= hub_module._MOST_BYTES
    finally:
        slow.close()
        reader.join(10)
        quick.close()


def test_a_place_that_is_forgotten_gets_a_reset() -> None:
    hub = Hub()
    for number in range(hub_module._MOST_EVENTS + 10):
        hub.add("a/b/c/d", {"n": number})
    place, sent = hub.since(3)
    assert b"event: reset" in sent and place == hub_module._MOST_EVENTS + 10
    assert len(hub._events) == hub_module._MOST_EVENTS


def test_a_huge_event_is_cut() -> None:
    hub = Hub()
    hub.add("a/b/c/d", {"text": "x" * 100_000})
    assert b'"truncated":true' in hub.since(0)[1]


def test_no_more_listeners_than_there_may_be() -> None:
    async def scene() -> None:
        hub = Hub()
        listeners = [hub.listen("") for _ in range(MOST_LISTENERS)]
        assert hub.full
        hub.leave(listeners[0])
        assert not hub.full

    asyncio.run(scene())


def test_a_silent_line_gets_a_comment() -> None:
    async def scene() -> bytes:
        return await Hub().listen("").next(0.01)

    assert asyncio.run(scene()) == b": still here\n\n"
