"""What nodes hear of their machines' future is believed only when they have signed it themselves, for themselves, and just now."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("salt.crypt")
import salt.crypt  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402

from saltext.dynamiccluster.model import Notice, NoticeKind  # noqa: E402
from saltext.dynamiccluster.salt.notices import BEACON, Notices, Refused  # noqa: E402

NOW = 1_800_000_000.0
TAG = f"salt/beacon/dc-a/{BEACON}/"


def make_key(directory: Path, name: str) -> Path:
    """Make a minion's key pair, the public one accepted; return the private one's path."""
    key = rsa.generate_private_key(65537, 2048)
    path = directory / f"{name}.pem"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()))
    accepted = directory / "minions"
    accepted.mkdir(exist_ok=True)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (accepted / name).write_bytes(public)
    return path


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("pki")
    return {name: make_key(directory, name) for name in ("dc-a", "dc-b")}


@pytest.fixture
def told() -> list[tuple[Notice, str, str]]:
    return []


@pytest.fixture
def notices(keys: dict[str, Path], told: list[Any]) -> Notices:
    opts = {"pki_dir": str(keys["dc-a"].parent)}
    return Notices(opts, lambda *what: told.append(what), lambda function, *arguments: function(*arguments), now=lambda: NOW)


@pytest.fixture
def message(keys: dict[str, Path]) -> Callable[..., dict[str, Any]]:
    def make(by: str = "dc-a", **changes: Any) -> dict[str, Any]:
        wanted = [{"kind": "interruption", "text": "spot: terminate at 12:00", "due": NOW + 120}]
        content = {"id": "dc-a", "instance": "i-1", "at": NOW - 5, "notices": wanted, **changes}
        text = json.dumps(content)
        return {"said": text, "signature": base64.b64encode(salt.crypt.sign_message(str(keys[by]), text.encode())).decode(), "id": "dc-a"}

    return make


def test_what_a_node_has_signed_itself_is_told(notices, message, told):
    assert notices.wants(TAG) and not notices.wants("salt/beacon/dc-a/load/") and not notices.wants(f"salt/minion/dc-a/{BEACON}")
    notices.hear(TAG, message())
    assert told == [(Notice(NoticeKind.INTERRUPTION, "spot: terminate at 12:00", NOW + 120, NOW), "dc-a", "i-1")]


def test_notice_that_another_minion_signed_is_not_believed(notices, message, told):
    """Whatever id the event, its tag and the text bear."""
    notices.hear(TAG, message(by="dc-b"))
    notices.hear(f"salt/beacon/dc-b/{BEACON}/", message(by="dc-b"))  # its own signature, for another id
    assert told == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"at": NOW - 601}, "another time"),
        ({"at": NOW + 601}, "another time"),
        ({"id": "dc-b"}, "another id"),
        ({"notices": 5}, "understood"),
        ({"notices": [{"kind": "interruption"}]}, "understood"),
        ({"at": "soon"}, "understood"),
    ],
)
def test_text_that_is_signed_and_wrong(notices, message, change, why):
    with pytest.raises(Refused, match=why):
        notices.read("dc-a", message(**change))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda good: {},
        lambda good: {**good, "said": good["said"].replace("i-1", "i-2")},
        lambda good: {**good, "signature": ""},
        lambda good: {**good, "signature": "no base64!"},
        lambda good: {**good, "signature": None},
        lambda good: {**good, "said": good["said"] + " " * 9000},
        lambda good: {**good, "said": {"id": "dc-a"}},
    ],
)
def test_message_that_was_tampered_with(notices, message, told, spoil):
    notices.hear(TAG, spoil(message()))
    assert told == []


@pytest.mark.parametrize("minion_id", ["nobody", "", "..", "../dc-a", "dc-a/../dc-b", "."])
def test_minion_without_an_accepted_key(notices, message, minion_id):
    with pytest.raises(Refused, match="accepted key"):
        notices.read(minion_id, message(id=minion_id))


def test_kinds_that_no_node_can_know_are_left_out_and_text_is_made_harmless(notices, message):
    found = notices.read("dc-a", message(notices=[{"kind": "impaired", "text": "x", "due": 0}, {"kind": "rebalance", "text": "a\nb" * 200, "due": 0}]))[1]
    assert [notice.kind for notice in found] == [NoticeKind.REBALANCE] and len(found[0].text) == 200 and "\n" not in found[0].text
