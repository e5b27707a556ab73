"""Two engines in processes of their own around one world: killed, frozen, revived; nothing is done twice, nothing is forgotten."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from saltext.dynamiccluster.model import Chunk, Request
from saltext.dynamiccluster.sim.world import World, make_settings

from tests.integration.standby.actor import GENERAL
from tests.integration.standby.conftest import WITHIN
from tests.integration.standby.doors import Doors

pytestmark = pytest.mark.integration

LEASE = 8.0
WHOLE_NODE = Request(chunks=(Chunk(cores=4),))
ROOT = Path(__file__).parents[3]


class Engine:
    """One process, and what it said."""

    def __init__(self, stage: Stage, name: str):
        self.name = name
        words = [str(stage.path), name, stage.url, str(LEASE), str(stage.directory / name)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.standby.actor", *words],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.said: list[dict[str, Any]] = []
        self._answers: queue.Queue[bool] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(json.loads(line))
            if "answer" in self.said[-1]:
                self._answers.put(self.said[-1]["answer"])

    @property
    def state(self) -> str:
        return next((line["state"] for line in reversed(self.said) if "state" in line), "")

    def command(self, name: str, **arguments: Any) -> bool:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"name": name, "arguments": arguments, "by": "ann"}) + "\n")
        self.process.stdin.flush()
        return self._answers.get(timeout=WITHIN)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(60)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue


class Stage:
    """The world, whose time goes on by itself, and the engines."""

    def __init__(self, directory: Path, url: str):
        self.directory, self.url = directory, url
        self.world = World(make_settings(**GENERAL), directory / "unused", stride=1.0)
        self.lock = threading.RLock()
        self.path = directory / "s"
        ports = {"batch": self.world.batch, "minions": self.world.minions, "clock": self.world.clock, **self.world.clouds}
        self.doors = Doors(self.path, ports, self.lock)
        self.engines: list[Engine] = []
        self._end = threading.Event()
        self._time = threading.Thread(target=self._go_on)
        self._time.start()

    def _go_on(self) -> None:
        while not self._end.wait(0.02):
            with self.lock:
                self.world.advance()

    def start(self, name: str, state: str) -> Engine:
        engine = Engine(self, name)
        self.engines.append(engine)
        self.until(lambda: engine.state == state)
        return engine

    def until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + WITHIN
        while time.monotonic() < end:
            with self.lock:
                if done():
                    return
            time.sleep(0.02)
        raise AssertionError(f"{[engine.said for engine in self.engines]} {self.doors.calls} {self.world.describe()}")

    def submit(self, count: int, duration: float = 60.0) -> None:
        with self.lock:
            self.world.submit(count, WHOLE_NODE, duration)

    def running(self) -> int:
        return len(self.world.batch.running())

    def made(self) -> int:
        """Return how many machines were ever made."""
        return len(self.world.account.machines)

    def launches(self, who: str = "") -> list[str]:
        """Return the intents of the launches that were asked for."""
        return [call.arguments[0].intent for call in self.doors.calls if call.method == "launch" and who in ("", call.who)]

    def close(self) -> None:
        for engine in self.engines:
            engine.end()
        self._end.set()
        self._time.join()
        self.doors.close()
        self.world.close()


@pytest.fixture
def stage(tmp_path: Path, url: str) -> Iterator[Stage]:
    made = Stage(tmp_path, url)
    yield made
    made.close()


class Gate:
    """Has one engine wait in a call: `before` it happens, or after that, before its answer arrives."""

    def __init__(self, stage: Stage, who: str, method: str, *, before: bool = False):
        self._who, self._method = who, method
        self.reached, self._open = threading.Event(), threading.Event()
        if before:
            stage.doors.gate = self._wait
        else:
            stage.doors.after = self._wait

    def _wait(self, who: str, method: str) -> None:
        if (who, method) == (self._who, self._method):
            self.reached.set()
            self._open.wait(WITHIN * 2)

    def open(self) -> None:
        self._open.set()


def test_one_acts_and_after_its_crash_the_other_goes_on(stage: Stage) -> None:
    first = stage.start("a", "acting")
    second = stage.start("b", "standing by")
    stage.submit(2, 200.0)
    stage.until(lambda: stage.running() == 2)
    assert {call.who for call in stage.doors.calls} == {"a"}
    gate = Gate(stage, "a", "launch")
    stage.submit(1, 200.0)
    stage.until(gate.reached.is_set)  # the machine is made, and nobody was told
    first.signal(signal.SIGKILL)
    killed = time.monotonic()
    stage.until(lambda: second.state == "acting")
    assert time.monotonic() - killed < LEASE + 60
    gate.open()
    stage.until(lambda: stage.world.done() and not stage.world.account.living() and not stage.world.batch.hosts)
    assert stage.made() == len(set(stage.launches())) == 3 and not stage.world.harmed


def test_frozen_and_revived_the_loser_completes_the_one_call_that_it_had_begun_and_no_other(stage: Stage) -> None:
    first = stage.start("a", "acting")
    second = stage.start("b", "standing by")
    gate = Gate(stage, "a", "launch", before=True)
    stage.submit(2, 100_000.0)
    stage.until(gate.reached.is_set)
    first.signal(signal.SIGSTOP)
    began = list(stage.doors.calls)
    stage.until(lambda: second.state == "acting")
    stage.until(lambda: stage.running() == 2)  # the other one has asked again, in the same words
    assert stage.made() == 2
    gate.open()  # the call of the frozen one goes through only now
    first.signal(signal.SIGCONT)
    stage.until(lambda: first.process.poll() is not None and first.state == "over")
    assert [call for call in stage.doors.calls if call.who == "a"] == [call for call in began if call.who == "a"]
    assert set(stage.launches("a")) <= set(stage.launches("b"))
    assert stage.made() == 2  # the late call made no machine


def test_what_an_administrator_decided_outlives_the_engine(stage: Stage) -> None:
    first = stage.start("a", "acting")
    stage.submit(2, 60.0)
    stage.until(lambda: stage.running() == 2)
    held = sorted(stage.world.batch.hosts)[0]
    assert first.command("hold", node=held) and first.command("freeze", resource="cloud1") and first.command("auto", enabled=False)
    first.signal(signal.SIGKILL)
    second = stage.start("b", "acting")  # on another master: its journal is empty
    stage.until(stage.world.done)
    asked = len(stage.launches())
    stage.submit(1, 10.0)
    stage.until(lambda: stage.world.done())  # on the node that is not held
    assert stage.world.batch.hosts[held].hold.value != "nobody"
    assert len(stage.launches()) == asked and len(stage.world.account.living()) == 2  # frozen: none launched, none removed
    assert second.command("unhold", node=held) and second.command("auto", enabled=True) and second.command("restore", resource="cloud1")
    stage.until(lambda: not stage.world.account.living() and not stage.world.batch.hosts)


def test_who_stands_by_again_and_acts_again_believes_the_place_not_its_old_journal(stage: Stage) -> None:
    first = stage.start("a", "acting")
    stage.submit(1, 30.0)
    stage.until(lambda: stage.running() == 1)
    first.signal(signal.SIGKILL)
    second = stage.start("b", "acting")
    stage.until(lambda: stage.world.done() and not stage.world.account.living())
    second.signal(signal.SIGKILL)
    stage.start("a", "acting")  # its own journal says that there is a node
    asked = len(stage.doors.calls)
    stage.submit(1, 30.0)
    stage.until(lambda: stage.world.done() and not stage.world.account.living() and not stage.world.batch.hosts)
    assert stage.made() == 2
    assert [call.method for call in stage.doors.calls[asked:] if call.method == "launch"] == ["launch"]
