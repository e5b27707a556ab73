"""What leaves over the event bus: masked, small enough, in order; and how its silence is noticed."""

from __future__ import annotations

import threading
from typing import Any

import pytest

pytest.importorskip("salt")
from saltext.dynamiccluster.ports import Event  # noqa: E402
from saltext.dynamiccluster.salt import bus as module  # noqa: E402
from saltext.dynamiccluster.salt.bus import MAX_BYTES, Bus, Heartbeat, redact, shrink  # noqa: E402

SECRET = "very-secret-key"


class Sender:
    """In place of Salt's client: takes events, or refuses the first few."""

    def __init__(self, refusals: int = 0):
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.refusals = refusals
        self.open = threading.Event()
        self.open.set()

    def fire_event(self, data: dict[str, Any], tag: str) -> bool:
        self.open.wait(60)
        self.refusals -= 1
        if self.refusals >= 0:
            return False
        self.sent.append((tag, data))
        return True

    def destroy(self) -> None:
        pass


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch) -> Sender:
    one = Sender()
    monkeypatch.setattr(module.salt.utils.event, "get_event", lambda *_, **__: one)
    return one


def test_events_are_sent_in_order_with_the_cluster_and_no_secret(sender: Sender) -> None:
    bus = Bus({}, "lab", lambda: (SECRET,))
    for number in range(100):
        bus.fire(Event(f"tag/{number}", {"reason": f"it said {SECRET}", "more": [{"key": SECRET}]}))
    bus.close(60)
    assert [tag for tag, _ in sender.sent] == [f"tag/{number}" for number in range(100)]
    assert SECRET not in repr(sender.sent) and {data["cluster"] for _, data in sender.sent} == {"lab"}
    assert bus.lost == 0


def test_what_cannot_be_sent_is_tried_twice_then_counted(sender: Sender) -> None:
    sender.refusals = 3
    bus = Bus({}, "lab")
    bus.fire(Event("lost", {}))
    bus.fire(Event("second try", {}))
    bus.close(60)
    assert bus.lost == 1 and [tag for tag, _ in sender.sent] == ["second try"]


def test_a_bus_that_hangs_neither_blocks_nor_grows_for_ever(sender: Sender) -> None:
    sender.open.clear()
    bus = Bus({}, "lab", capacity=5)
    for _ in range(20):
        bus.fire(Event("tag", {}))
    assert bus.lost >= 14
    sender.open.set()
    bus.close(60)
    assert len(sender.sent) + bus.lost == 20


def test_an_event_that_cannot_be_read_stops_nothing(sender: Sender) -> None:
    class Hostile:
        def __str__(self) -> str:
            raise ValueError("no")

    bus = Bus({}, "lab")
    bus.fire(Event("hostile", {"a": Hostile()}))
    bus.fire(Event("fine", {}))
    bus.close(60)
    assert bus.lost == 1 and [tag for tag, _ in sender.sent] == ["fine"]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (f"a {SECRET} b", "a ********** b"),
        ({"a": (SECRET, 1, None, True)}, {"a": ["**********", 1, None, True]}),
        ({1: {SECRET}}, {"1": ["**********"]}),
        (ValueError(SECRET), "**********"),
        ("an abc", "an abc"),  # a secret of three letters would mask half of the words
    ],
)
def test_redact(value: Any, wanted: Any) -> None:
    assert redact(value, [SECRET, "abc"]) == wanted


def test_small_data_stays_as_it_is_and_large_data_fits() -> None:
    small = {"reason": "x", "jobs": ["1"]}
    assert shrink(small) is small
    cut = shrink({"reason": "x" * 100_000, "id": "dc-a"})
    assert cut["truncated"] and cut["id"] == "dc-a" and cut["reason"].endswith("...")
    lists = shrink({"id": "dc-a", "jobs": ["x" * 100] * 10_000})
    assert lists == {"id": "dc-a", "truncated": True} and module._size(lists) < MAX_BYTES


def test_the_heartbeat_tells_loss_and_return_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    fired: list[Event] = []
    heart = Heartbeat(fired.append, "tag", "nonce", interval=20.0, misses=3)
    told = []
    for second in range(0, 400, 20):
        now[0] = 1000.0 + second
        if heart.beat():
            told.append((second, heart.alive))
        if second < 100 or second > 300:
            heart.hear({"id": "nonce"})
        else:
            heart.hear({"id": "somebody else's"})
    assert told == [(160, False), (340, True)]
    assert len(fired) == 20 and fired[0].data == {"id": "nonce"}
