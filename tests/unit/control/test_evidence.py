"""Evidence of machines that never became nodes: read before they end, bounded, without secrets, shown where people look."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from saltext.dynamiccluster.control import evidence
from saltext.dynamiccluster.control.evidence import redact
from saltext.dynamiccluster.control.journal import EVIDENCE_KEPT, Evidence, Journal
from saltext.dynamiccluster.control.present import Status, present
from saltext.dynamiccluster.control.queries import ask
from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.model import Chunk, Request
from saltext.dynamiccluster.sim.world import World, make_settings

WHOLE_NODE = Request(chunks=(Chunk(cores=4),))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(make_settings(auto_provision_interval=1, batch_window=0, max_launch_time=300), tmp_path)
    yield made
    made.close()


def fail(world: World, console: Callable[[str], str], machines: int = 3) -> None:
    """Have so many machines fail in their highstate, and the breaker stop there."""
    world.clouds["cloud1"].console = console
    world.minions.fail_next = machines
    world.submit(machines, WHOLE_NODE)
    assert world.run(3000, lambda: world.core.memory.resource("cloud1").failures >= machines and not world.account.living())


def document(world: World) -> dict:
    return present(world.core, Status("2.0.0", 0.0))


def test_the_breaker_shows_why(world: World) -> None:
    asked: list[str] = []

    def console(instance_id: str) -> str:
        assert instance_id in {machine.id for machine in world.account.living()}  # not ended yet
        asked.append(instance_id)
        return f"cloud-init of {instance_id}: no route to mirror"

    fail(world, console)
    shown = next(row for row in document(world)["resources"] if row["name"] == "cloud1")
    assert shown["backoff"]["kind"] == "launches fail"
    assert {item["instance"] for item in shown["evidence"]} == set(asked) and len(asked) == 3
    newest = shown["evidence"][0]
    assert "its configuration failed: simulated: a state failed" in newest["why"]
    assert newest["console"] == f"cloud-init of {newest['instance']}: no route to mirror"
    assert any("explain cloud1" in problem for problem in document(world)["problems"])


def test_explain_tells_it_of_the_resource_and_of_the_machine_that_is_gone(world: World) -> None:
    fail(world, lambda instance_id: "x" * 10_000 + " the end")
    told = ask(world.core, "explain", {"subject": "cloud1"})
    assert "machines in a row that never became nodes: 3" in told["message"] and "a state failed" in told["message"]
    assert told["data"]["evidence"][0]["console"].endswith("x the end") and len(told["data"]["evidence"][0]["console"]) > 10_000
    name = told["data"]["evidence"][0]["node"]
    assert world.run(3000, lambda: name not in world.core.memory.nodes)
    assert "was given up" in ask(world.core, "explain", {"subject": name})["message"]
    assert ask(world.core, "explain", {"subject": "nosuch"})["kind"] == "unknown"


def test_an_event_tells_it(world: World) -> None:
    fail(world, lambda instance_id: "y" * 100_000)
    events = [event for event in world.events.events if event.tag.endswith("/evidence")]
    assert len(events) == 3
    assert "a state failed" in events[0].data["reason"] and len(json.dumps(dict(events[0].data))) < 8_000


def test_it_is_bounded(world: World) -> None:
    fail(world, lambda instance_id: "z" * 1_000_000)
    assert {len(item.console) for item in world.core.ledger.evidence()} == {evidence.CONSOLE}
    assert {len(item["console"]) for row in document(world)["resources"] for item in row["evidence"]} == {evidence.SHOWN}


def test_a_hundred_failures_are_not_a_hundred_calls(world: World) -> None:
    asked: list[str] = []
    fail(world, lambda instance_id: asked.append(instance_id) or "no", machines=6)
    assert 3 <= len(asked) <= 5
    assert len(world.core.ledger.evidence(resource="cloud1")) == EVIDENCE_KEPT


def test_once_machines_become_nodes_again_nothing_is_shown(world: World) -> None:
    fail(world, lambda instance_id: "no")
    world.submit(1, WHOLE_NODE)
    assert world.run(8000, world.done)
    assert [row["evidence"] for row in document(world)["resources"]] == [[]]
    assert world.core.ledger.evidence()  # but it can still be asked for


@pytest.mark.parametrize("error", [CloudError("no right to read consoles", Refusal.UNAUTHORISED), RuntimeError("a bug of an adapter")])
def test_a_console_that_cannot_be_read_keeps_no_machine(world: World, error: Exception) -> None:
    def console(instance_id: str) -> str:
        raise error

    fail(world, console)
    assert not world.account.living()


def test_a_cloud_without_consoles_still_leaves_the_reason(world: World) -> None:
    world.minions.fail_next = 1
    world.submit(1, WHOLE_NODE)
    assert world.run(3000, lambda: bool(world.core.ledger.evidence()))
    found = world.core.ledger.evidence()[0]
    assert found.console == "" and "a state failed" in found.why


def test_what_an_administrator_ends_leaves_none(world: World) -> None:
    world.clouds["cloud1"].console = lambda instance_id: "no"
    world.command("add", resource="cloud1", num=1)
    assert world.run(600, lambda: bool(world.account.living()))
    world.command("remove", node=next(iter(world.core.memory.nodes)), force=True)
    assert world.run(2000, lambda: not world.account.living())
    assert not world.core.ledger.evidence()


def test_the_token_and_the_settings_secrets_are_masked(world: World) -> None:
    tokens: list[str] = []

    def console(instance_id: str) -> str:
        machine = world.account.machines[instance_id]
        tokens.append(machine.user_data.partition("token=")[2].split()[0] if "token=" in machine.user_data else machine.user_data.split()[-1].rpartition("=")[2])
        return f"user-data: {machine.user_data}"

    fail(world, console)
    text = json.dumps([item.console for item in world.core.ledger.evidence()])
    assert tokens and not [token for token in tokens if token in text]


def test_it_survives_a_restart(tmp_path: Path) -> None:
    kept = Evidence(1.0, "cloud1", "dc-a", "i-1", "its configuration failed", "no route")
    first = Journal(tmp_path / "journal", sync=False)
    first.load()
    first.keep_evidence(kept)
    first.close()
    second = Journal(tmp_path / "journal", sync=False)
    assert second.evidence() == (kept,)
    second.close()


SECRETS = (
    ("password: hunter2hunter2 and on", "hunter2hunter2"),
    ("export DB_PASSWORD='two words'; true", "two words"),
    ('{"api_key": "abcdef0123"}', "abcdef0123"),
    ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "wJalrXUtnFEMI"),
    ("key id AKIAIOSFODNN7EXAMPLE here", "AKIAIOSFODNN7EXAMPLE"),
    ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    ("curl -H 'X: Bearer eyJhbGciOi.J9'", "eyJhbGciOi"),
    ("git clone https://me:s3same@host/x", "s3same"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----", "MIIEabc"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz (cut off)", "b3BlbnNz"),
    ("the pillar's own value-of-the-site here", "value-of-the-site"),
)


@pytest.mark.parametrize(("text", "secret"), SECRETS, ids=[text[:20] for text, _ in SECRETS])
def test_what_looks_like_a_secret_is_masked(text: str, secret: str) -> None:
    clean = redact(f"before\n{text}\nafter", ["value-of-the-site"])
    assert secret not in clean and clean.startswith("before\n")


def test_ordinary_lines_stay() -> None:
    text = "[   12.3] cloud-init: E: Unable to locate package salt-minion\nFailed to start sshd.service: tokenizer ok"
    assert redact(text, [""]) == text


def test_terminal_controls_are_taken_out() -> None:
    assert redact("\x1b[31mred\x1b[0m\x1b]0;title\x07 a\x00b\r\nc\u202e", []) == "red ab\nc"


@pytest.mark.parametrize("unit", ["a", "password", "token=", "://", "-----BEGIN PRIVATE KEY-----", "bearer ", "\x1b["])
def test_hostile_text_takes_no_time(unit: str) -> None:
    began = time.process_time()
    redact(unit * (1_000_000 // len(unit)), ["secret-of-ours"])
    assert time.process_time() - began < 5
