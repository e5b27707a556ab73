"""Reporters of the site: the contract, and that one which fails, hangs or cannot be made harms nothing."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from saltext.dynamiccluster.errors import ConfigurationError
from saltext.dynamiccluster.reporters import keeper as keeper_module
from saltext.dynamiccluster.reporters.custom import make_custom
from saltext.dynamiccluster.reporters.keeper import Keeper, Reporters
from saltext.dynamiccluster.settings.plugins import PluginSettings

from .test_graphite import REPORT


def eventually(holds: Callable[[], Any], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


class Mine:
    """A reporter as a site may write it."""

    made: list[Mine] = []
    interval = 0.01

    def __init__(self, path: str, mode: str = "") -> None:
        self.path, self.mode = path, mode
        self.reports: list[Any] = []
        self.closed = False
        self.gate = threading.Event()
        Mine.made.append(self)

    def report(self, report: Any) -> None:
        self.reports.append(report)
        if self.mode == "fail":
            raise RuntimeError("the disk is full")
        if self.mode == "exit":
            sys.exit(3)
        if self.mode == "hang":
            self.gate.wait(120)

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(keeper_module, "_LEAST", 0.01)
    Mine.made.clear()
    yield
    for made in Mine.made:
        made.gate.set()


def plugin(mode: str = "", **more: Any) -> PluginSettings:
    return PluginSettings.model_validate({"class_name": f"{__name__}.Mine", "arguments": {"path": "/x", "mode": mode}, **more})


def keep(mode: str) -> Keeper:
    return Keeper("mine", lambda: Mine("/x", mode))


def test_it_is_made_with_its_arguments_and_gets_reports() -> None:
    made = make_custom("mine", f"{__name__}.Mine", {"path": "/x"})
    assert type(made).__name__ == "Mine" and Mine.made or made.path == "/x"  # type: ignore[attr-defined]
    kept = keep("")
    eventually(lambda: Mine.made)
    kept.publish(REPORT)
    eventually(lambda: Mine.made[-1].reports == [REPORT])
    kept.close()
    assert Mine.made[-1].closed and kept.problem() == ""


@pytest.mark.parametrize("mode, told", [("fail", "RuntimeError: the disk is full"), ("exit", "SystemExit: 3")])
def test_one_that_fails_is_told_and_tried_again(mode: str, told: str) -> None:
    kept = keep(mode)
    eventually(lambda: Mine.made)
    for count in (1, 2, 3):
        kept.publish(REPORT)
        eventually(lambda count=count: len(Mine.made[-1].reports) >= count)
    eventually(lambda: kept.problem() == f"plugin mine: {told}")
    Mine.made[-1].mode = ""
    kept.publish(REPORT)
    eventually(lambda: kept.problem() == "")
    kept.close()


def test_one_that_hangs_holds_up_nobody_and_is_told() -> None:
    now = [0.0]
    kept = Keeper("mine", lambda: Mine("/x", "hang"), lambda: now[0])
    eventually(lambda: Mine.made)
    began = time.monotonic()
    for _ in range(1000):
        kept.publish(REPORT)
    eventually(lambda: Mine.made[-1].reports)
    now[0] = 500.0
    assert "has not answered for 500 s" in kept.problem()
    kept.close(0.1)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    "name, arguments, problem",
    [
        ("nosuch.module.Kind", {}, "cannot be imported"),
        ("os.path.nosuch", {}, "cannot be imported"),
        (f"{__name__}.Mine", {"unknown": 1}, "does not take them"),
        (f"{__name__}.Mine", {}, "does not take them"),
        ("collections.OrderedDict", {}, "no method report"),
    ],
)
def test_one_that_cannot_be_made_says_why(name: str, arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem) as caught:
        make_custom("mine", name, arguments)
    assert caught.value.faults[0].path.startswith("dynamiccluster:plugins:mine")


def test_one_that_cannot_be_made_is_a_problem_not_an_end() -> None:
    reporters = Reporters()
    reporters.use({"mine": PluginSettings.model_validate({"class_name": "nosuch.module.Kind"})})
    eventually(lambda: any("cannot be imported" in problem for problem in reporters.problems()))
    reporters.publish(REPORT)
    reporters.close()
    assert reporters.problems() == []


def test_other_settings_make_other_reporters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "make_custom", lambda name, kind, arguments: Mine(**arguments))
    reporters = Reporters()
    reporters.use({"mine": plugin()})
    eventually(lambda: len(Mine.made) == 1)
    reporters.use({"mine": plugin()})
    reporters.use({"mine": plugin(mode="other")})
    eventually(lambda: len(Mine.made) == 2)
    assert Mine.made[0].closed and not Mine.made[1].closed
    reporters.use({})
    assert Mine.made[1].closed


@pytest.mark.parametrize("interval, seconds", [(5, 5.0), ("7", 7.0), (0, 0.01), (None, 60.0), ("soon", 60.0)])
def test_intervals(interval: Any, seconds: float) -> None:
    reporter = Mine("/x")
    reporter.interval = interval
    assert keeper_module._interval_of(reporter) == seconds
