"""The loop itself on a real asyncio loop with real threads, over the simulated world whose time runs fast."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from saltext.dynamiccluster.control import loop as loop_module
from saltext.dynamiccluster.control.journal import Journal
from saltext.dynamiccluster.control.loop import Loop
from saltext.dynamiccluster.control.parts import Parts
from saltext.dynamiccluster.errors import BatchUnreachable, ConfigurationError, Fault, Refusal
from saltext.dynamiccluster.model import Chunk, Phase, Request
from saltext.dynamiccluster.sim.world import World, make_settings

FAST = {
    "cluster_poller_interval": 0.1,
    "cloud_poller_interval": 0.1,
    "auto_provision_interval": 1,
    "max_idle_time": 30,
    "batch_window": 0,
}
WHOLE_NODE = Request(chunks=(Chunk(cores=4),))


class Locked:
    """A simulated port that several threads use: one call at a time. `slow`: methods that block until they may go on."""

    def __init__(self, port: Any, lock: threading.RLock):
        self._port, self._lock = port, lock
        self.gates: dict[str, threading.Event] = {}
        self.errors: dict[str, BaseException] = {}
        self.entered: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return (lambda *args, **options: self._call(name, found, args, options)) if callable(found) else found

    def _call(self, name: str, found: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        self.entered.append(name)
        if name in self.gates:
            self.gates[name].wait(120)
        if name in self.errors:
            raise self.errors[name]
        with self._lock:
            return found(*args, **options)


class Stage:
    """A loop over a world; 1 s of the world takes about 5 ms."""

    def __init__(self, directory, **general: Any):
        self.world = World(make_settings(general.pop("resources", None), **{**FAST, **general}), directory / "unused", stride=1.0)
        self.lock = threading.RLock()
        self.batch = Locked(self.world.batch, self.lock)
        self.clouds = {name: Locked(cloud, self.lock) for name, cloud in self.world.clouds.items()}
        self.minions = Locked(self.world.minions, self.lock)
        self.documents: list[dict[str, Any]] = []
        self.stop = asyncio.Event()
        self.directory = directory
        self.loop = self.make_loop()

    def make_loop(self) -> Loop:
        world = self.world
        return Loop(
            world.settings,
            self.batch,
            self.clouds,
            self.minions,
            self.minions,
            world.events,
            world.clock,
            Journal(self.directory / "journal", sync=False),
            render=world.core.parts.render,
            mirror=world.mirror,
            write_snapshot=self.documents.append,
            version="2.0.0",
        )

    async def play(self, until: Callable[[], bool], seconds: float = 60.0) -> bool:
        """Run loop and world until something is true; stop neither. Return whether it came true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with self.lock:
                self.world.advance()
            if until():
                return True
            await asyncio.sleep(0.005)
        return False

    async def __aenter__(self) -> Stage:
        self.task = asyncio.create_task(self.loop.run(self.stop))
        return self

    async def __aexit__(self, *error: object) -> None:
        self.stop.set()
        for port in (self.batch, self.minions, *self.clouds.values()):
            for gate in port.gates.values():
                gate.set()
        await self.task

    def phases(self) -> list[Phase]:
        return [record.phase for record in self.loop.core.memory.nodes.values()]


def run(scene: Callable[[Stage], Any], directory, **general: Any) -> Stage:
    async def play() -> Stage:
        async with Stage(directory, **general) as stage:
            await scene(stage)
        return stage

    return asyncio.run(play())


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(loop_module, "_PULSE", 0.1)
    monkeypatch.setattr(loop_module, "_HEARTBEAT", 0.5)


def test_whole_life_on_the_real_loop(tmp_path):
    async def scene(stage: Stage) -> None:
        stage.world.submit(6, WHOLE_NODE, 40.0)
        assert await stage.play(lambda: len(stage.world.batch.running()) == 6), stage.world.describe()
        gone = lambda: stage.world.done() and not stage.loop.core.memory.nodes and not stage.world.account.living()  # noqa: E731
        assert await stage.play(gone), stage.world.describe()

    stage = run(scene, tmp_path)
    world = stage.world
    assert world.account.launches == 6 and world.harmed == [] and world.minions.keys == set()
    assert world.events.tags("engine/started") and world.events.tags("engine/stopping")
    for ending in ("requested", "active", "joined", "ready", "busy", "idle", "held", "removed", "destroyed"):
        assert len(world.events.tags(f"/{ending}")) == 6, ending
    assert stage.documents[-1]["engine"]["stopped"] and stage.documents[-1]["engine"]["bugs"] == 0
    json.dumps(stage.documents)


def test_commands_are_obeyed_and_refused_in_one_sentence(tmp_path):
    async def scene(stage: Stage) -> None:
        ask = stage.loop.command
        assert (await ask({"name": "add", "arguments": {"resource": "nosuch"}}))["ok"] is False
        tried = await ask({"name": "add", "arguments": {"resource": "cloud1", "num": 2, "test": True}, "by": "alice"})
        assert tried["ok"] and tried["message"].startswith("would be done:")
        assert stage.loop.core.memory.resource("cloud1").wanted == 0
        assert (await ask({"name": "add", "arguments": {"resource": "cloud1", "num": 2}, "by": "alice"}))["ok"]
        assert await stage.play(lambda: stage.phases().count(Phase.SERVING) == 2), stage.world.describe()
        name = next(iter(stage.loop.core.memory.nodes))
        explained = await ask({"name": "explain", "arguments": {"subject": name}})
        assert name in explained["message"] and "an administrator" in explained["message"]
        plan = await ask({"name": "plan", "arguments": {}})
        assert plan["ok"] and plan["data"]["actions"] == []
        assert [entry["kind"] for entry in (await ask({"name": "history", "arguments": {"limit": 500}}))["data"]].count("command") == 1
        assert (await ask({"name": "job", "arguments": {"job": "77"}}))["message"] == "the batch system has no job '77'"
        assert (await ask({"name": "validate"}))["data"]
        assert (await ask({"name": "reconcile"}))["ok"]

    run(scene, tmp_path, max_idle_time=100_000)


@pytest.mark.thorough
def test_s11_one_resource_in_trouble_stops_no_other(tmp_path):
    """A cloud whose every call hangs takes neither the threads nor the decisions of the others."""

    async def scene(stage: Stage) -> None:
        for method in ("list", "launch"):
            stage.clouds["stuck"].gates[method] = threading.Event()
        stage.world.submit(2, WHOLE_NODE, 10.0)
        assert await stage.play(stage.world.done), stage.world.describe()

    run(scene, tmp_path, resources={"stuck": {"priority": 9}, "fine": {"priority": 1}})


@pytest.mark.thorough
def test_s11_launch_that_hangs_stops_no_other_resource(tmp_path):
    """One worker a cloud: the one of the stuck cloud hangs, the other launches."""

    async def scene(stage: Stage) -> None:
        stage.clouds["stuck"].gates["launch"] = threading.Event()
        assert await stage.play(lambda: "launch" in stage.clouds["stuck"].entered), stage.world.describe()
        stage.world.submit(1, Request(chunks=(Chunk(4, 4, distinct=True),)), 10.0)
        assert await stage.play(stage.world.done), stage.world.describe()

    stuck = {"priority": 9, "quantity": {"min": 1, "max": 1}}
    run(scene, tmp_path, resources={"stuck": stuck, "fine": {"priority": 1}}, worker_number=1)


@pytest.mark.thorough
def test_s12_s13_exception_in_an_adapter_is_counted_told_and_tried_again(tmp_path):
    async def scene(stage: Stage) -> None:
        stage.batch.errors["join"] = OSError("connection reset")
        stage.world.submit(1, WHOLE_NODE, 10.0)
        assert await stage.play(lambda: stage.loop.core.failures > 0), stage.world.describe()
        assert stage.world.events.tags("/active")
        del stage.batch.errors["join"]
        assert await stage.play(stage.world.done), stage.world.describe()

    stage = run(scene, tmp_path)
    assert any("connection reset" in entry["text"] for entry in stage.documents[-1]["history"])


@pytest.mark.thorough
def test_s28_fifty_answers_at_once_are_handled_at_once(tmp_path):
    async def scene(stage: Stage) -> None:
        assert (await stage.loop.command({"name": "add", "arguments": {"resource": "cloud1", "num": 50}}))["ok"]
        began = time.monotonic()
        assert await stage.play(lambda: stage.phases().count(Phase.SERVING) == 50), stage.world.describe()
        assert time.monotonic() - began < 40

    run(scene, tmp_path, resources={"cloud1": {"quantity": {"min": 0, "max": 50}}}, max_idle_time=100_000)


@pytest.mark.thorough
def test_s31_stop_with_a_hanging_destroy_ends_in_time_and_the_next_engine_finishes_it(tmp_path, monkeypatch):
    assert loop_module._PATIENCE + 1 < 5  # the master grants 5 s
    monkeypatch.setattr(loop_module, "_PATIENCE", 0.3)

    async def scene(stage: Stage) -> None:
        stage.world.submit(1, WHOLE_NODE, 5.0)
        stage.clouds["cloud1"].gates["destroy"] = threading.Event()
        assert await stage.play(lambda: Phase.DESTROYING in stage.phases()), stage.world.describe()
        assert await stage.play(lambda: "destroy" in stage.clouds["cloud1"].entered)
        began = time.monotonic()
        stage.stop.set()
        await stage.task
        assert time.monotonic() - began < 60  # the call hangs for longer
        stage.clouds["cloud1"] = Locked(stage.world.clouds["cloud1"], stage.lock)
        stage.loop, stage.stop = stage.make_loop(), asyncio.Event()
        stage.task = asyncio.create_task(stage.loop.run(stage.stop))
        assert await stage.play(lambda: not stage.loop.core.memory.nodes and not stage.world.account.living()), stage.world.describe()

    run(scene, tmp_path)


@pytest.mark.thorough
def test_defect_no_change_and_no_second_reading_while_the_batch_system_hangs(tmp_path):
    async def scene(stage: Stage) -> None:
        assert await stage.play(lambda: stage.loop.core.snapshot.batch.serial > 1)
        stage.batch.gates["observe"] = threading.Event()
        assert await stage.play(lambda: stage.batch.entered[-1] == "observe")
        await asyncio.sleep(0.2)
        before = stage.batch.entered.count("observe")
        await asyncio.sleep(0.6)
        assert stage.batch.entered.count("observe") == before
        # the loop lives on: it answers, and its document stays young
        assert (await stage.loop.command({"name": "auto", "arguments": {"enabled": False}}))["ok"]

    run(scene, tmp_path)


def test_degraded_after_three_intervals_and_recovered_once(tmp_path):
    async def scene(stage: Stage) -> None:
        assert await stage.play(lambda: stage.loop.core.snapshot.batch.serial > 1)
        stage.batch.errors["observe"] = BatchUnreachable("got send error")
        assert await stage.play(lambda: bool(stage.world.events.tags("engine/degraded")))
        assert "got send error" in " ".join(stage.loop.snapshot()["problems"])
        del stage.batch.errors["observe"]
        await stage.loop.command({"name": "reconcile"})
        assert await stage.play(lambda: bool(stage.world.events.tags("engine/recovered")))

    stage = run(scene, tmp_path)
    assert len(stage.world.events.tags("engine/degraded")) == len(stage.world.events.tags("engine/recovered")) == 1


def test_reload_takes_other_settings_and_a_broken_change_keeps_the_old_ones(tmp_path):
    async def scene(stage: Stage) -> None:
        old = stage.loop.core.parts
        bigger = make_settings({"cloud1": {"quantity": {"min": 2, "max": 8}}}, **FAST)

        def fail(settings):
            raise ConfigurationError((Fault("dynamiccluster:cloud", "no such type"),))

        with pytest.raises(ConfigurationError):
            await stage.loop.reload(bigger, fail)
        assert stage.loop.core.parts is old
        faults = (Fault("dynamiccluster:cloud", "no such type", "use aws"),)
        stage.loop.reject("dynamiccluster:cloud: no such type", faults)
        stage.loop.reject("dynamiccluster:cloud: no such type", faults)
        engine = stage.loop.snapshot()["engine"]
        assert "no such type" in engine["config_error"]
        assert engine["config_faults"] == [{"path": "dynamiccluster:cloud", "problem": "no such type", "hint": "use aws"}]
        parts = Parts(bigger, stage.batch, stage.clouds, stage.minions, stage.minions, stage.world.events, stage.world.clock, old.render)
        assert await stage.loop.reload(bigger, lambda settings: parts)
        engine = stage.loop.snapshot()["engine"]
        assert (engine["config_error"], engine["config_faults"]) == ("", [])
        assert not await stage.loop.reload(bigger, fail)
        assert await stage.play(lambda: stage.phases().count(Phase.SERVING) == 2), stage.world.describe()

    stage = run(scene, tmp_path)
    assert len(stage.world.events.tags("engine/config_error")) == 1


@pytest.mark.thorough
def test_s12_bug_in_the_decision_is_told_and_the_loop_goes_on(tmp_path, monkeypatch):
    from saltext.dynamiccluster.control import core

    real, broken = core.decide, [True]

    def decide(*arguments):
        if broken[0]:
            raise ZeroDivisionError("a bug")
        return real(*arguments)

    monkeypatch.setattr(core, "decide", decide)

    async def scene(stage: Stage) -> None:
        assert await stage.play(lambda: "a bug" in stage.loop.snapshot()["engine"]["trouble"])
        broken[0] = False
        stage.world.submit(1, WHOLE_NODE, 5.0)
        assert await stage.play(stage.world.done), stage.world.describe()

    assert run(scene, tmp_path).documents[-1]["engine"]["bugs"] >= 1


def test_full_disk_for_the_document_is_told_once_and_no_bug(tmp_path, caplog):
    async def scene(stage: Stage) -> None:
        def write(document):
            tried.append(document)
            if len(tried) < 4:
                raise OSError(28, "No space left on device")
            stage.documents.append(document)

        tried: list[dict[str, Any]] = []
        stage.loop._write_snapshot = write
        stage.loop._status.bugs = 0
        assert await stage.play(lambda: bool(stage.documents))

    stage = run(scene, tmp_path)
    assert stage.documents[-1]["engine"]["bugs"] == 0
    assert sum("No space left" in record.message for record in caplog.records) == 1


@pytest.mark.thorough
def test_s26_cloud_that_does_not_answer_is_asked_less_and_less(tmp_path):
    async def scene(stage: Stage) -> None:
        stage.world.clouds["cloud1"].troubles.refuse("list", Refusal.UNREACHABLE, times=None)
        entered = stage.clouds["cloud1"].entered
        assert await stage.play(lambda: entered.count("list") == 1)
        await stage.play(lambda: False, 1.0)
        assert entered.count("list") == 1  # the interval is 0.1 s, the first wait after a failure 10 s

    run(scene, tmp_path)


@pytest.mark.thorough
def test_reconcile_reads_at_once_what_is_being_spared(tmp_path):
    async def scene(stage: Stage) -> None:
        stage.world.clouds["cloud1"].troubles.refuse("list", Refusal.UNREACHABLE, times=1)
        entered = stage.clouds["cloud1"].entered
        assert await stage.play(lambda: entered.count("list") == 1)
        await stage.play(lambda: False, 0.6)
        assert entered.count("list") == 1
        await stage.loop.command({"name": "reconcile"})
        assert await stage.play(lambda: entered.count("list") == 2, 8.0)

    run(scene, tmp_path)


@pytest.mark.thorough
def test_reconcile_does_not_wait_four_times_as_long_as_the_last_reading_took(tmp_path):
    async def scene(stage: Stage) -> None:
        cloud = stage.clouds["cloud1"]
        cloud.gates["list"] = threading.Event()
        assert await stage.play(lambda: cloud.entered.count("list") == 1)
        await stage.play(lambda: False, 2.5)
        cloud.gates["list"].set()
        await stage.play(lambda: False, 0.6)
        assert cloud.entered.count("list") == 1
        await stage.loop.command({"name": "reconcile"})
        assert await stage.play(lambda: cloud.entered.count("list") > 1, 8.0)

    run(scene, tmp_path)
