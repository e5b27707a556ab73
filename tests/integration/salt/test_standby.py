"""Two real masters, one place: one engine acts, the other tells so and answers; after a crash it goes on, and a frozen one ends when it wakes."""

from __future__ import annotations

import http.client
import json
import os
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .clusters import engine_pid, good_pillar, has_ended, running, serving
from .daemons import Master, eventually, free_ports

LEASE = 8


def pillar(place: Path, port: int) -> str:
    text = good_pillar(port=port)
    return text.replace("auto_mode: True,", f"auto_mode: True, standby: {{url: 'file://{place}', lease: {LEASE}}},")


def role(master: Master) -> tuple[str, str]:
    found = running(master)
    return (found["engine"]["standby"]["role"], found["engine"]["standby"]["acting"]) if found else ("", "")


def ask(port: int, method: str, path: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except OSError:
        return 0, None
    finally:
        connection.close()


def acting(master: Master) -> str:
    """Return the name of the engine that acts, once this master's does."""
    return eventually(lambda: role(master)[0] == "acting" and role(master)[1], 120, "the right to act")


def test_one_acts_the_other_takes_over_and_a_frozen_one_ends_when_it_wakes(tmp_path: Path) -> None:
    one, two = free_ports(2)
    with ExitStack() as masters:
        first = masters.enter_context(serving(tmp_path / "a", pillar(tmp_path / "place", one)))
        name = acting(first)
        second = masters.enter_context(serving(tmp_path / "b", pillar(tmp_path / "place", two)))
        eventually(lambda: role(second) == ("standing by", name), 120, "the stand-by")
        assert eventually(lambda: ask(two, "GET", "/healthz")[0] == 200, 120, "the admin server")
        assert ask(two, "GET", "/healthz")[1]["status"] == "standing by" and ask(two, "GET", "/healthz")[1]["acting"] == name
        code, value, text = second.ask("dynamiccluster.freeze", "cloud1")
        assert code != 0 and f"{name} acts" in value["error"], text
        assert first.ask("dynamiccluster.freeze", "cloud1")[0] == 0

        frozen = engine_pid(first)
        os.kill(frozen, signal.SIGSTOP)
        try:
            other = acting(second)
        finally:
            os.kill(frozen, signal.SIGCONT)
        assert other != name
        assert running(second)["resources"]["cloud1"]["flag_name"] == "Frozen"
        eventually(lambda: has_ended(frozen), 120, "the end of the frozen engine")
        eventually(lambda: role(first) == ("standing by", other), 120, "standing by again")

        os.kill(second.pid, signal.SIGKILL)  # the master; its engine dies with it
        assert acting(first) == name
        assert running(first)["resources"]["cloud1"]["flag_name"] == "Frozen"
