"""Who is let in, and what is undone, at the key store: both ways of acceptance, over a store in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("salt")
from saltext.dynamiccluster.salt import keys as keys_module  # noqa: E402
from saltext.dynamiccluster.salt.keys import Keys, Throttle  # noqa: E402
from saltext.dynamiccluster.salt.keystore import ACCEPTED, PENDING  # noqa: E402
from saltext.dynamiccluster.sim.world import EventList  # noqa: E402


class Store:
    """A key store in memory: {id: {state: public key}}."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, str]] = {}
        self.troubles: list[Exception] = []

    def list(self) -> dict[str, set[str]]:
        return {state: {name for name, held in self.keys.items() if state in held} for state in (ACCEPTED, PENDING)}

    def key_of(self, name: str) -> dict[str, str]:
        return dict(self.keys.get(name, {}))

    def accept(self, name: str) -> None:
        if self.troubles:
            raise self.troubles.pop()
        self.keys[name] = {ACCEPTED: self.keys[name][PENDING]}

    def delete(self, name: str) -> None:
        self.keys.pop(name, None)


class Door:
    """Keys over a store, and the master's side of a minion's call."""

    def __init__(self, directory: Path, way: str):
        self.directory, self.way = directory, way
        for part in ("cache", "pki", "autosign"):
            (directory / part).mkdir()
        (directory / "pki" / "master.pub").write_text("the master's own key")
        self.opts = {"cachedir": str(directory / "cache"), "pki_dir": str(directory / "pki"), "autosign_grains_dir": str(directory / "autosign")}
        self.store, self.events = Store(), EventList()
        self.keys = self.start()

    def start(self) -> Keys:
        """Start an engine, as after a restart: the store and what is on disk stay."""
        self.keys = Keys(self.opts, "default", "the_master", self.events, lambda work, *arguments: work(*arguments), self.store)  # type: ignore[arg-type]
        return self.keys

    def call(self, name: str, token: object, key: str = "key-1") -> bool:
        """Let a minion call as masters of 3008 tell it; return whether its key is accepted afterwards."""
        held = self.store.keys.setdefault(name, {PENDING: key})
        if self.store.keys[name].get(ACCEPTED) == key:
            return True
        act = "pend" if held.get(PENDING) == key else "denied"
        self.keys.on_auth({"act": act, "id": name, "pub": key, "autosign_grains": {"dynamiccluster_token": token}})
        return self.store.keys.get(name, {}).get(ACCEPTED) == key

    def autosigned(self, name: str, key: str = "key-1") -> bool:
        """Let the master accept a key by its file of tokens, as before 3008; return whether it still is afterwards."""
        self.store.keys[name] = {ACCEPTED: key}
        self.keys.on_auth({"act": "accept", "id": name, "pub": key})
        return ACCEPTED in self.store.keys.get(name, {})

    @property
    def open_tokens(self) -> list[str]:
        file = self.directory / "autosign" / "dynamiccluster_token"
        return file.read_text().split() if file.exists() else []

    def refusals(self) -> list[str]:
        return [str(event.data["reason"]) for event in self.events.events if event.tag.endswith("/refused")]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Door]:
    def make_door(way: str) -> Door:
        monkeypatch.setattr(keys_module, "way_of_acceptance", lambda opts: way)
        return Door(tmp_path, way)

    return make_door


@pytest.fixture
def door(make: Callable[[str], Door]) -> Door:
    return make("events")


# -- 3008 and later -----------------------------------------------------------------------------------------------------


def test_the_right_token_opens_once_and_an_event_tells(door: Door) -> None:
    door.keys.expect("dc-a", "token-a", "cloud1")
    assert door.call("dc-a", "token-a")
    assert door.events.tags("key/dc-a/accepted")


@pytest.mark.parametrize(
    ("name", "token", "words"),
    [
        ("dc-a", None, "no token"),
        ("dc-a", "token-b", "another instance"),
        ("dc-a", "nonsense", "unknown"),
        ("dc-x", "token-a", "another instance"),
        ("the_master", "token-a", "settings"),
    ],
)
def test_a_key_without_its_own_token_stays_pending_and_an_event_tells(door: Door, name: str, token: object, words: str) -> None:
    for guest in ("a", "b"):
        door.keys.expect(f"dc-{guest}", f"token-{guest}", "cloud1")
    assert not door.call(name, token)
    assert PENDING in door.store.keys[name]
    assert len(door.refusals()) == 1 and words in door.refusals()[0]


def test_an_administrators_own_minion_is_none_of_our_business(door: Door) -> None:
    assert not door.call("web1", None)
    assert door.events.events == []


def test_a_spent_token_opens_for_no_other_key(door: Door) -> None:
    door.keys.expect("dc-a", "token-a", "cloud1")
    assert door.call("dc-a", "token-a", "key-1")
    door.store.delete("dc-a")
    assert not door.call("dc-a", "token-a", "key-2")
    assert "spent on another key" in door.refusals()[0]


def test_a_spent_token_stays_spent_over_a_restart(door: Door) -> None:
    door.keys.expect("dc-a", "token-a", "cloud1")
    assert door.call("dc-a", "token-a", "key-1")
    door.start().expect("dc-a", "token-a", "cloud1")
    assert ACCEPTED in door.store.keys["dc-a"]  # its key is not taken for an older one
    door.store.delete("dc-a")
    assert not door.call("dc-a", "token-a", "key-2")
    door.store.delete("dc-a")
    assert door.call("dc-a", "token-a", "key-1")  # its owner's own key comes back in


def test_an_engine_killed_between_token_and_acceptance_finishes_when_the_minion_calls_again(door: Door) -> None:
    door.keys.expect("dc-a", "token-a", "cloud1")
    door.store.troubles = [OSError("killed")]
    assert not door.call("dc-a", "token-a")
    door.start().expect("dc-a", "token-a", "cloud1")
    assert door.call("dc-a", "token-a")


def test_only_the_key_that_showed_the_token_is_accepted(door: Door) -> None:
    """Another key came first under the id: it is put out, and the owner is let in at its next call."""
    door.keys.expect("dc-a", "token-a", "cloud1")
    assert not door.call("dc-a", None, "key-of-an-impostor")
    assert not door.call("dc-a", "token-a", "key-1")
    assert door.store.keys.get("dc-a", {}).get(ACCEPTED) is None
    assert door.call("dc-a", "token-a", "key-1")


def test_a_key_that_was_swapped_after_the_call_is_not_accepted(door: Door) -> None:
    door.keys.expect("dc-a", "token-a", "cloud1")
    door.store.keys["dc-a"] = {PENDING: "key-of-an-impostor"}
    door.keys.on_auth({"act": "pend", "id": "dc-a", "pub": "key-1", "autosign_grains": {"dynamiccluster_token": "token-a"}})
    assert ACCEPTED not in door.store.keys["dc-a"]
    assert door.keys.guests.unspent() == ("token-a",)


def test_an_older_key_of_the_id_is_deleted_before_the_launch(door: Door) -> None:
    door.store.keys["dc-a"] = {ACCEPTED: "key-of-a-former-machine"}
    door.keys.expect("dc-a", "token-a", "cloud1")
    assert "dc-a" not in door.store.keys


def test_forget_voids_the_token_and_deletes_the_key(door: Door) -> None:
    door.keys.expect("dc-a", "token-a", "cloud1")
    assert door.call("dc-a", "token-a")
    door.keys.forget("dc-a")
    assert "dc-a" not in door.store.keys
    assert not door.call("dc-a", "token-a")


def test_no_token_is_on_disk_or_in_an_event(door: Door) -> None:
    door.keys.expect("dc-a", "token-a", "cloud1")
    door.call("dc-b", "token-a")
    door.call("dc-a", "token-a")
    written = "".join(path.read_text() for path in (door.directory / "cache").rglob("*") if path.is_file())
    assert "token-a" not in written and "dc-a" in written
    assert "token-a" not in json.dumps([event.data for event in door.events.events])


@pytest.mark.parametrize("data", [{}, {"id": 7, "pub": "x"}, {"id": "dc-a", "pub": None}, {"id": "dc-a", "pub": "x", "act": "pend", "autosign_grains": "odd"}])
def test_odd_events_open_nothing(door: Door, data: dict[str, Any]) -> None:
    door.keys.expect("dc-a", "token-a", "cloud1")
    door.keys.on_auth(data)
    assert ACCEPTED not in door.store.keys.get("dc-a", {}) and door.keys.guests.unspent() == ("token-a",)


# -- before 3008 ----------------------------------------------------------------------------------------------------------


def test_before_3008_the_file_holds_unspent_tokens_only_and_is_gone_without_any(make: Callable[[str], Door]) -> None:
    door = make("autosign")
    assert not (door.directory / "autosign" / "dynamiccluster_token").exists()  # an empty line would let an empty token in
    door.keys.expect("dc-a", "token-a", "cloud1")
    door.keys.expect("dc-b", "token-b", "cloud1")
    assert door.open_tokens == ["token-a", "token-b"]
    assert door.autosigned("dc-a")
    assert door.open_tokens == ["token-b"]
    door.keys.forget("dc-b")
    assert not (door.directory / "autosign" / "dynamiccluster_token").exists()


def test_before_3008_an_id_that_nobody_expects_is_put_out_again(make: Callable[[str], Door]) -> None:
    door = make("autosign")
    door.keys.expect("dc-a", "token-a", "cloud1")
    assert not door.autosigned("dc-thief")
    assert "another instance" in door.refusals()[0]


def test_before_3008_the_id_of_the_settings_is_shut(make: Callable[[str], Door]) -> None:
    door = make("autosign")
    assert (door.directory / "pki" / "minions_rejected" / "the_master").exists()
    door.keys.expect("dc-a", "token-a", "cloud1")
    assert not door.autosigned("the_master")


def test_before_3008_an_administrators_own_ways_in_are_left_alone(make: Callable[[str], Door]) -> None:
    door = make("autosign")
    door.keys.expect("dc-a", "token-a", "cloud1")
    (door.directory / "autosign" / "rack").write_text("r1\n")
    assert door.autosigned("web1")


# -- telling ----------------------------------------------------------------------------------------------------------------


def test_the_same_refusal_is_told_once_and_a_flood_is_cut() -> None:
    time = SimpleNamespace(now=0.0)
    throttle = Throttle(quiet=600.0, burst=3, clock=lambda: time.now)
    assert [throttle.allows(text) for text in ("a", "a", "b", "c", "d")] == [True, False, True, True, False]
    time.now = 61.0
    assert [throttle.allows(text) for text in ("a", "d")] == [False, True]
    time.now = 700.0
    assert throttle.allows("a")
