"""A key is accepted only against the token that was made for it: real master, real minions."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from saltext.dynamiccluster.salt.keys import Keys
from saltext.dynamiccluster.salt.keystore import ACCEPTED, PENDING, KeyStore

from .daemons import Master, eventually


def state_of(master: Master, name: str) -> set[str]:
    return set(KeyStore(master.opts()).key_of(name))


def new_name() -> str:
    return f"dc-{secrets.token_hex(3)}"


def test_the_right_token_opens_once(master: Master, engine: Any, minion: Any) -> None:
    name, token = new_name(), secrets.token_urlsafe(24)
    engine.minions.expect(name, token, "cloud1")
    minion(name, token)
    assert engine.event(f"key/{name}/accepted")["resource"] == "cloud1"
    eventually(lambda: state_of(master, name) == {ACCEPTED}, 120, "the accepted key")
    assert engine.minions.keys.guests.unspent() == ()
    assert token not in repr(engine.events)

    engine.minions.forget(name)
    assert state_of(master, name) == set()


def test_no_token_stays_pending_and_an_event_tells(master: Master, engine: Any, minion: Any) -> None:
    name = new_name()
    engine.minions.expect(name, secrets.token_urlsafe(24), "cloud1")
    minion(name)
    assert "no token" in engine.event(f"key/{name}/refused")["reason"]
    assert state_of(master, name) == {PENDING}


def test_a_strangers_minion_is_nobodys_business(master: Master, engine: Any, minion: Any) -> None:
    mine, theirs = new_name(), new_name()
    token = secrets.token_urlsafe(24)
    engine.minions.expect(mine, token, "cloud1")
    minion(theirs)
    eventually(lambda: state_of(master, theirs) == {PENDING}, 120, "the stranger's key")
    minion(mine, token)
    engine.event(f"key/{mine}/accepted")
    assert not [tag for tag, _ in engine.events if theirs in tag]


def test_an_id_without_its_own_token_is_refused(master: Master, engine: Any, minion: Any) -> None:
    name, other = new_name(), new_name()
    token, spent = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    engine.minions.expect(name, token, "cloud1")
    engine.minions.expect(other, spent, "cloud1")
    minion(other, spent)
    engine.event(f"key/{other}/accepted")
    minion(name, spent)  # a token that was spent by its owner, under another id
    engine.event(f"key/{name}/refused")
    assert state_of(master, name) == {PENDING}


def test_the_id_that_holds_the_settings_gets_nothing(master: Master, engine: Any, minion: Any) -> None:
    name, token = new_name(), secrets.token_urlsafe(24)
    engine.minions.expect(name, token, "cloud1")
    minion("the_master", token)
    if engine.minions.keys.way == "events":
        assert "settings" in engine.event("key/the_master/refused")["reason"]
    else:
        eventually(lambda: "rejected" in master.log(), 120, "the rejection")
    assert ACCEPTED not in state_of(master, "the_master")


def test_an_old_key_of_the_same_id_is_deleted_first(master: Master, engine: Any, minion: Any) -> None:
    name, token = new_name(), secrets.token_urlsafe(24)
    old = minion(name)
    eventually(lambda: state_of(master, name) == {PENDING}, 120, "the old key")
    old.stop()
    engine.minions.expect(name, token, "cloud1")
    assert state_of(master, name) == set()
    minion(name, token)
    engine.event(f"key/{name}/accepted")


def test_a_restarted_engine_neither_reopens_nor_deletes(master: Master, engine: Any, minion: Any) -> None:
    name, token = new_name(), secrets.token_urlsafe(24)
    engine.minions.expect(name, token, "cloud1")
    minion(name, token)
    engine.event(f"key/{name}/accepted")
    eventually(lambda: state_of(master, name) == {ACCEPTED}, 120, "the accepted key")
    reborn = Keys(engine.opts, engine.cluster, "the_master", engine.line.bus, lambda *_: None)
    reborn.expect(name, token, "cloud1")
    assert state_of(master, name) == {ACCEPTED}
    assert reborn.guests.unspent() == ()


def test_an_impostor_who_came_first_makes_room(master: Master, engine: Any, minion: Any) -> None:
    """Only 3008 tells the engine that the second key showed the right token; before, the master's autosign decides."""
    if engine.minions.keys.way != "events":
        pytest.skip("needs the token in the event")
    name, token = new_name(), secrets.token_urlsafe(24)
    engine.minions.expect(name, token, "cloud1")
    impostor = minion(name)
    eventually(lambda: state_of(master, name) == {PENDING}, 120, "the impostor's key")
    impostor.stop()
    minion(name, token)
    engine.event(f"key/{name}/accepted")
    assert ACCEPTED in state_of(master, name)


def test_a_token_used_by_another_id_is_undone_before_3008(master: Master, engine: Any, minion: Any) -> None:
    if engine.minions.keys.way != "autosign":
        pytest.skip("3008 checks the id before it accepts")
    name, thief, token = new_name(), new_name(), secrets.token_urlsafe(24)
    engine.minions.expect(name, token, "cloud1")
    minion(thief, token)
    assert "another instance" in engine.event(f"key/{thief}/refused")["reason"]
    eventually(lambda: ACCEPTED not in state_of(master, thief), 120, "the deletion")
