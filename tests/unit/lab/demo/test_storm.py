"""The demo's storm, over a lab that only notes what was asked of it."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from lab.demo import storm as storm_module
from lab.demo.burst import Run
from lab.demo.storm import TROUBLES, Storm
from lab.errors import LabError


class FakeLab:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.rules: list[dict[str, Any]] = []
        self.cut: list[str] = []
        self.names = ["std-a", "std-b"]
        self.away = False  # the qmaster
        self.jobs = 0

    def head(self, command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        self.lines.append(command)
        answer = ""
        if command.startswith("ip -o link"):
            answer = "v3\n"
        if "qsub" in command:
            if self.away:
                raise LabError("qsub did not take it", "")
            self.jobs += 1
            answer = f"{1000 + self.jobs}.5\nYour job {self.jobs} has been submitted\n"
        return subprocess.CompletedProcess([], 0, answer, "")

    def node(self, name: str, command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 0, "17\n", "")

    def nodes(self) -> dict[str, dict[str, Any]]:
        return {name: {} for name in self.names}

    def faults(self, do: str, **rule: Any) -> None:
        self.rules = [*self.rules, rule] if do == "add" else []

    def poweroff(self, node: str, report: str) -> None:
        self.cut.append(node)
        self.names.remove(node)

    def follow_events(self) -> None:
        self.lines.append("follow")

    def kill_engine(self) -> bool:
        return True

    def wait_for(self, condition: Callable[[], Any], **options: Any) -> Any:
        return condition()

    state: Any = None


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    clock = {"now": 0.0}
    monkeypatch.setattr(storm_module, "now", lambda: clock["now"])
    monkeypatch.setattr(storm_module.services, "start_master", lambda state: None)
    return clock


def play(storm: Storm, time: dict[str, float], seconds: int, records: dict[str, Run] | None = None) -> list[str]:
    said = []
    for _ in range(seconds):
        time["now"] += 1
        said += storm.step(records or {})
    return said


def test_everything_happens_and_everything_is_mended(time: dict[str, float]) -> None:
    lab = FakeLab()
    storm = Storm(lab, random.Random(3), ends=400.0)  # type: ignore[arg-type]
    said = play(storm, time, 420)
    assert not storm.faults({}) and set(storm.happened) == {trouble.name for trouble in TROUBLES}
    assert storm.kills >= 10
    assert lab.rules == [] and sum("ip link set v3 up" in line for line in lab.lines) == sum("v3 down" in line for line in lab.lines)
    assert sum("rm -f" in line for line in lab.lines) == sum("filler bs" in line for line in lab.lines)
    assert sum("alt-master" in line for line in lab.lines) == lab.lines.count("follow") > 0
    assert said[-1].startswith("chaos: ") and storm.step({}) == []


def test_jobs_come_but_do_not_pile_up(time: dict[str, float]) -> None:
    lab = FakeLab()
    storm = Storm(lab, random.Random(1), ends=1000.0, troubles=TROUBLES[-1:])  # type: ignore[arg-type]
    play(storm, time, 300)
    assert len(storm.submitted) == 10  # none of which ever ran


def test_while_no_job_is_taken_the_storm_goes_on(time: dict[str, float]) -> None:
    lab = FakeLab()
    lab.away = True
    storm = Storm(lab, random.Random(1), ends=100.0)  # type: ignore[arg-type]
    play(storm, time, 30)
    lab.away = False
    play(storm, time, 30)
    assert storm.submitted


def test_without_a_node_there_is_no_power_to_cut(time: dict[str, float]) -> None:
    lab = FakeLab()
    lab.names = []
    storm = Storm(lab, random.Random(1), ends=100.0, troubles=TROUBLES[-1:])  # type: ignore[arg-type]
    play(storm, time, 50)
    assert "the trouble power never came" in storm.faults({})


def test_what_never_came_is_told(time: dict[str, float]) -> None:
    storm = Storm(FakeLab(), random.Random(1), ends=1.0)  # type: ignore[arg-type]
    assert len(storm.faults({})) == len(TROUBLES) + 1
