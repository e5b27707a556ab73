"""The rules of the door, as a table."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.salt.tokens import Guests, Ruling

CASES = (
    ("dc-a", "token-a", "key-1", Ruling.ACCEPT, ""),
    ("dc-a", None, "key-1", Ruling.REFUSE, "no token"),
    ("dc-a", "", "key-1", Ruling.REFUSE, "no token"),
    ("dc-a", "token-b", "key-1", Ruling.REFUSE, "another instance"),
    ("dc-a", "nonsense", "key-1", Ruling.REFUSE, "unknown"),
    ("dc-spent", "token-s", "key-9", Ruling.REFUSE, "spent"),
    ("dc-spent", "token-s", "key-of-s", Ruling.ACCEPT, ""),
    ("the_master", "token-a", "key-1", Ruling.REFUSE, "settings"),
    ("stranger", None, "key-1", Ruling.IGNORE, ""),
    ("stranger", "token-a", "key-1", Ruling.REFUSE, "another instance"),
    ("stranger", ["token-a"], "key-1", Ruling.IGNORE, ""),
)


@pytest.mark.parametrize(("name", "token", "key", "ruling", "words"), CASES)
def test_judge(name: str, token: object, key: str, ruling: Ruling, words: str) -> None:
    guests = Guests(forbidden="the_master")
    for guest in ("a", "b"):
        guests.expect(f"dc-{guest}", f"token-{guest}", "cloud1")
    guests.expect("dc-spent", "token-s", "cloud1")
    assert guests.spend("dc-spent", "key-of-s")
    judgement = guests.judge(name, token, key)
    assert judgement.ruling is ruling and words in judgement.reason


def test_a_token_is_spent_once_on_one_key() -> None:
    guests = Guests()
    guests.expect("dc-a", "token-a", "cloud1")
    assert guests.spend("dc-a", "key-1") and guests.spend("dc-a", " key-1\n")  # masters strip keys or not
    assert not guests.spend("dc-a", "key-2") and not guests.spend("dc-b", "key-1")
    assert guests.unspent() == ()


def test_machines_launched_together_share_a_token_and_each_id_takes_it_once() -> None:
    guests = Guests()
    for name in ("dc-a", "dc-b"):
        guests.expect(name, "shared", "cloud1")
    assert [guests.judge(name, "shared", "key-1").ruling for name in ("dc-a", "dc-b", "dc-c")] == [Ruling.ACCEPT, Ruling.ACCEPT, Ruling.REFUSE]
    assert guests.spend("dc-a", "key-a") and not guests.spend("dc-a", "key-b")
    assert guests.unspent() == ("shared",), "the other one has not come yet"
    assert [guests.judge("dc-a", "shared", key).ruling for key in ("key-a", "key-b")] == [Ruling.ACCEPT, Ruling.REFUSE]
    assert guests.spend("dc-b", "key-b") and guests.unspent() == ()


def test_a_forgotten_token_is_void() -> None:
    guests = Guests()
    guests.expect("dc-a", "token-a", "cloud1")
    guests.forget("dc-a")
    assert guests.judge("dc-a", "token-a", "key").ruling is Ruling.REFUSE
    assert guests.unspent() == ()


def test_the_settings_id_and_an_empty_token_cannot_be_expected() -> None:
    for name, token in (("the_master", "token"), ("dc-a", "")):
        with pytest.raises(ValueError):
            Guests(forbidden="the_master").expect(name, token, "cloud1")
