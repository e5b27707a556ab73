"""What counts as a configured node: every kind of return, from a real minion and a real master."""

from __future__ import annotations

import secrets
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from saltext.dynamiccluster.model import CheckResult, Verdict
from saltext.dynamiccluster.ports import Target
from saltext.dynamiccluster.salt import highstate as module

from .daemons import Master, Minion, eventually

GOOD = "fine:\n  test.succeed_without_changes\n"
BAD = "broken:\n  test.fail_without_changes:\n    - comment: |\n        no such package\n        password=hunter2\n"
NEEDS = BAD + "later:\n  test.succeed_without_changes:\n    - require:\n      - test: broken\n" + GOOD


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RETRY", 0.3)


@pytest.fixture(scope="module")
def joined(master: Master, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One accepted minion for all tests of this file."""
    name = f"hs-{secrets.token_hex(3)}"
    daemon = Minion(tmp_path_factory.mktemp("hs"), master, name)
    daemon.start()
    store = module_store(master)
    eventually(lambda: "minions_pre" in store.key_of(name), 120, "the pending key")
    store.accept(name)
    eventually(lambda: master.run(name, "test.ping", program="salt")[1] == {name: True}, 120, "the minion")
    yield name
    daemon.stop()


def module_store(master: Master) -> Any:
    from saltext.dynamiccluster.salt.keystore import KeyStore

    return KeyStore(master.opts())


def target(name: str) -> Target:
    return Target(name, name, "127.0.0.1", "cloud1", time.time())


def settle(engine: Any, name: str, within: float = 60.0) -> CheckResult:
    """Configure the node and wait for a verdict other than WAITING."""
    highstate = engine.minions.highstate
    highstate.forget(name)
    highstate.expect(name)
    highstate.configure([name])

    def verdict() -> Any:
        result = highstate.check(target(name))
        return result if result.verdict is not Verdict.WAITING else None

    return eventually(verdict, within, "a verdict")


def test_all_states_well(master: Master, engine: Any, joined: str) -> None:
    master.state("top.sls", f"base:\n  '{joined}':\n    - one\n")
    master.state("one.sls", GOOD)
    assert settle(engine, joined).verdict is Verdict.READY


CASES = {
    "failing": ({"one.sls": BAD}, "one", "broken (test): no such package"),
    "partly failing": ({"one.sls": NEEDS}, "one", "2 of 3 states failed: broken (test)"),
    "unrenderable": ({"one.sls": "a: {{ nothing.there }}\n"}, "one", "Rendering SLS"),
    "missing": ({}, "nowhere", "No matching sls found for 'nowhere'"),
}


@pytest.mark.parametrize("case", CASES)
def test_failures_are_told_without_secrets(case: str, master: Master, engine: Any, joined: str) -> None:
    files, name, words = CASES[case]
    master.state("top.sls", f"base:\n  '{joined}':\n    - {name}\n")
    for file, text in files.items():
        master.state(file, text)
    result = settle(engine, joined)
    assert result.verdict is Verdict.FAILED
    assert words in result.detail
    assert "hunter2" not in result.detail
    assert f"failed {module.ATTEMPTS} times" in result.detail


def test_no_top_file_matches(master: Master, engine: Any, joined: str) -> None:
    master.state("top.sls", "base:\n  'somebody-else':\n    - one\n")
    result = settle(engine, joined)
    assert result.verdict is Verdict.FAILED
    assert "No Top file" in result.detail


def test_a_failure_that_passes_is_forgiven(master: Master, engine: Any, joined: str) -> None:
    master.state("top.sls", f"base:\n  '{joined}':\n    - one\n")
    master.state("one.sls", BAD)
    highstate = engine.minions.highstate
    highstate.forget(joined)
    highstate.expect(joined)
    highstate.configure([joined])
    eventually(lambda: "failed 1 of" in highstate.check(target(joined)).detail, 120, "the first failure")
    master.state("one.sls", GOOD)
    eventually(lambda: highstate.check(target(joined)).verdict is Verdict.READY, 120, "success")


OTHERS = (
    ("state.apply", "one"),
    ("state.apply", "test=True"),
    ("state.highstate", "test=True"),
    ("state.apply", "mods=one"),
    ("state.sls", "one"),
    ("test.ping",),
)


@pytest.mark.parametrize("call", OTHERS, ids=" ".join)
def test_other_calls_are_no_highstate(call: tuple[str, ...], master: Master, engine: Any, joined: str) -> None:
    master.state("top.sls", f"base:\n  '{joined}':\n    - one\n")
    master.state("one.sls", GOOD)
    highstate = engine.minions.highstate
    highstate.expect(joined)
    assert master.run(joined, *call, program="salt")[0] == 0
    time.sleep(0.5)
    assert highstate.check(target(joined)).verdict is Verdict.WAITING


@pytest.mark.parametrize("call", [("state.apply",), ("state.highstate",), ("state.apply", "queue=True")], ids=" ".join)
def test_whoever_asks_for_the_highstate(call: tuple[str, ...], master: Master, engine: Any, joined: str) -> None:
    master.state("top.sls", f"base:\n  '{joined}':\n    - one\n")
    master.state("one.sls", GOOD)
    engine.minions.highstate.expect(joined)
    assert master.run(joined, *call, program="salt")[0] == 0
    eventually(lambda: engine.minions.highstate.check(target(joined)).verdict is Verdict.READY, 120, "success")


class Slow:
    """A highstate that has begun and lasts until it is released."""

    def __init__(self, master: Master, name: str, directory: Path):
        self._begun, self._release = directory / "begun", directory / "release"
        wait = f"touch {self._begun}; while [ ! -e {self._release} ]; do sleep 0.1; done"
        master.state("top.sls", f"base:\n  '{name}':\n    - slow\n")
        master.state("slow.sls", f"slow:\n  cmd.run:\n    - name: {wait!r}\n    - timeout: 60\n")
        self._call = threading.Thread(target=master.run, args=(name, "state.apply"), kwargs={"program": "salt", "within": 90.0})
        self._call.start()
        eventually(self._begun.exists, 120, "the slow highstate")

    def release(self) -> None:
        self._release.touch()

    def returned(self) -> None:
        """Wait until its answer has come to the master."""
        self._call.join(60)
        assert not self._call.is_alive()


def test_already_running_is_asked_again(master: Master, engine: Any, joined: str, tmp_path: Path) -> None:
    slow = Slow(master, joined, tmp_path)
    highstate = engine.minions.highstate
    highstate.expect(joined)
    highstate.configure([joined])
    eventually(lambda: "another state run" in highstate.check(target(joined)).detail, 120, "the busy answer")
    slow.release()
    final = lambda: (found := highstate.check(target(joined))).verdict is not Verdict.WAITING and found  # noqa: E731
    assert eventually(final, 120, "the end").verdict is Verdict.READY
    slow.returned()


def test_a_highstate_from_before_the_instance_does_not_count(master: Master, engine: Any, joined: str, tmp_path: Path) -> None:
    """The answer of a job that began before the instance was asked for: a name taken over, a slow answer."""
    slow = Slow(master, joined, tmp_path)
    time.sleep(1.5)  # more than the second by which two clocks may differ
    highstate = engine.minions.highstate
    highstate.expect(joined)
    slow.release()
    slow.returned()
    time.sleep(0.5)
    assert highstate.check(target(joined)).verdict is Verdict.WAITING


def test_a_minion_that_starts_is_asked_at_once(master: Master, engine: Any, minion: Any) -> None:
    name, token = f"dc-{secrets.token_hex(3)}", secrets.token_urlsafe(24)
    master.state("top.sls", f"base:\n  '{name}':\n    - one\n")
    master.state("one.sls", GOOD)
    engine.minions.expect(name, token, "cloud1")
    engine.minions.configure([name])
    time.sleep(0.5)
    assert engine.minions.highstate.check(target(name)).verdict is Verdict.WAITING
    minion(name, token)
    eventually(lambda: engine.minions.highstate.check(target(name)).verdict is Verdict.READY, 120, "success")


def test_startup_states_count(master: Master, engine: Any, minion: Any) -> None:
    name, token = f"dc-{secrets.token_hex(3)}", secrets.token_urlsafe(24)
    master.state("top.sls", f"base:\n  '{name}':\n    - one\n")
    master.state("one.sls", GOOD)
    engine.minions.expect(name, token, "cloud1")
    minion(name, token, startup_states="highstate")
    eventually(lambda: engine.minions.highstate.check(target(name)).verdict is Verdict.READY, 120, "success")
