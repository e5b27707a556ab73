"""The engine's end of the line: only what a runner signed is obeyed, once, while it is fresh; a large reply goes through a file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("salt")
from saltext.dynamiccluster.errors import CommandRefused  # noqa: E402
from saltext.dynamiccluster.ports import Event  # noqa: E402
from saltext.dynamiccluster.salt.commands import CommandDesk, _unfold, ask, is_signed, sign  # noqa: E402

COMMAND = {"name": "freeze", "arguments": {"resource": "cloud1"}, "by": "alice"}


class Wire:
    """In place of the bus: keeps what is fired, masks one word."""

    def __init__(self) -> None:
        self.fired: list[Event] = []

    def fire(self, event: Event) -> None:
        self.fired.append(event)

    def mask(self, value: Any) -> Any:
        return json.loads(json.dumps(value).replace("hunter2", "**********"))


class Desk:
    def __init__(self, directory: Path):
        self.opts = {"cachedir": str(directory)}
        self.wire = Wire()
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.desk = CommandDesk(self.opts, "lab", self.wire, lambda identity, command: self.received.append((identity, command)))
        self.directory = directory / "dynamiccluster" / "lab"
        self.key = (self.directory / "command.key").read_bytes()

    def signed(self, **changes: Any) -> dict[str, Any]:
        body = {"id": "0011", "cluster": "lab", "at": time.time(), "command": COMMAND, **changes}
        return {**body, "signature": sign(self.key, body), "_stamp": "added by Salt"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_signed_command_is_received_once(desk: Desk) -> None:
    message = desk.signed()
    desk.desk.hear(message)
    desk.desk.hear(message)
    assert desk.received == [("0011", COMMAND)]


BAD = {
    "unsigned": lambda desk: {**desk.signed(), "signature": None},
    "another key": lambda desk: {**desk.signed(), "signature": sign(b"x" * 64, desk.signed())},
    "changed": lambda desk: {**desk.signed(), "command": {**COMMAND, "name": "remove"}},
    "another time": lambda desk: {**desk.signed(), "at": time.time() + 5},
    "old": lambda desk: desk.signed(at=time.time() - 300),
    "from the future": lambda desk: desk.signed(at=time.time() + 300),
    "no command": lambda desk: desk.signed(command="freeze"),
    "no id": lambda desk: desk.signed(id=7),
    "not ascii": lambda desk: {**desk.signed(), "signature": "ä" * 64},
}


@pytest.mark.parametrize("case", BAD)
def test_anything_else_is_dropped(case: str, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.desk.hear(BAD[case](desk))
    assert desk.received == [] and "dropped" in caplog.text


def test_a_reply_is_masked_and_then_signed(desk: Desk) -> None:
    desk.desk.reply("0011", {"ok": True, "message": "hunter2 is set", "data": {"a": 1}})
    (event,) = desk.wire.fired
    assert event.tag == "dynamiccluster/lab/command/0011/done"
    assert is_signed(desk.key, event.data) and "hunter2" not in repr(event.data)
    assert _unfold(event.data, desk.directory) == {"ok": True, "message": "********** is set", "data": {"a": 1}}


def test_a_large_reply_goes_through_a_private_file_that_the_reader_removes(desk: Desk) -> None:
    data = {"jobs": ["x" * 100] * 10_000}
    desk.desk.reply("0012", {"ok": True, "message": "much", "data": data})
    (event,) = desk.wire.fired
    file = desk.directory / "reply-0012.json"
    assert file.stat().st_mode & 0o077 == 0 and len(repr(event.data)) < 2000
    assert _unfold(event.data, desk.directory)["data"] == data
    assert not file.exists()


def test_a_reply_cannot_name_a_file_elsewhere(desk: Desk, tmp_path: Path) -> None:
    outside = tmp_path / "secret.json"
    outside.write_text("{}")
    assert _unfold({"reply": {"ok": True, "file": "../../secret.json"}}, desk.directory)["data"] is None
    assert outside.exists()


def test_replies_that_nobody_fetched_go_at_the_next_start(desk: Desk, tmp_path: Path) -> None:
    desk.desk.reply("0013", {"ok": True, "data": ["x" * 100] * 10_000})
    assert (desk.directory / "reply-0013.json").exists()
    again = Desk(tmp_path)
    assert not (desk.directory / "reply-0013.json").exists() and again.key == desk.key


def test_the_key_is_private(desk: Desk) -> None:
    assert (desk.directory / "command.key").stat().st_mode & 0o777 == 0o600


def test_asking_where_no_engine_ever_ran_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandRefused, match="never run on this master"):
        ask({"cachedir": str(tmp_path)}, "lab", COMMAND)


@pytest.mark.parametrize("odd", [{"signature": "\ud800"}, {"command": {1: 2, "a": 3}}, {"command": {"a": "\ud800"}}])
def test_what_no_runner_could_have_sent_is_dropped_like_anything_unsigned(desk, odd):
    desk.desk.hear({**desk.signed(), **odd})
    assert desk.received == []
