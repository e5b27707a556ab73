"""Who has changed something reads it: the next read waits, not for long, for a decision that knows of the change."""

from __future__ import annotations

import threading
import time

import pytest

from .house import READER, House

FLAG = "/resource/burst"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have reads wait for as long as it takes: this machine may be busy."""
    monkeypatch.setattr("saltext.dynamiccluster.web.context._CATCH_UP", 3600.0)


def change(house: House) -> None:
    """Freeze a resource a while after the last decision, which knows nothing of it."""
    house.world.clock.advance(1.0)
    assert house.put(f"{FLAG}/freeze").status == 200


def flag(house: House, **more: str) -> int:
    return int(house.get(FLAG, **more).json["flag"])


def test_who_changed_something_reads_it_next(house: House) -> None:
    assert flag(house) == 0
    change(house)
    later = threading.Timer(0.3, house.pass_time, (5,))
    later.start()
    assert flag(house) == 1
    later.join()


def test_lists_and_plans_wait_for_the_change_too(house: House) -> None:
    before = house.get("/plan").json["at"]
    change(house)
    later = threading.Timer(0.3, house.pass_time, (5,))
    later.start()
    assert [row["flag"] for row in house.get("/resource").json] == [1, 0]
    later.join()
    assert house.get("/plan").json["at"] > before


def test_others_read_at_once(house: House) -> None:
    change(house)
    assert flag(house, token=READER) == 0
    house.pass_time(5)
    assert flag(house, token=READER) == flag(house) == 1


def test_no_read_waits_long_for_an_engine_that_tells_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saltext.dynamiccluster.web.context._CATCH_UP", 0.2)
    change(house)
    began = time.monotonic()
    assert flag(house) == 0 and flag(house) == 0
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("path, status", [(f"{FLAG}/freeze?test=true", 200), ("/resource/nosuch/freeze", 404)])
def test_what_changes_nothing_keeps_nobody_waiting(house: House, path: str, status: int) -> None:
    house.world.clock.advance(1.0)
    assert house.put(path).status == status
    assert flag(house) == 0
