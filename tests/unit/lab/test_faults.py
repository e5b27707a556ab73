"""The fault proxy: which calls are struck, and what their clients see, for EC2's language and for APIs in JSON."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.ec2_front import Server
from lab.ec2_messages import Answer, Request, chain
from lab.faults import Faults, Rule, Table, control
from lab.layout import CHECKOUT

LISTING = (
    '<?xml version="1.0"?><DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet>'
    + "".join(f"<item><instancesSet><item><instanceId>i-0000000{n}</instanceId></item></instancesSet></item>" for n in range(4))
    + "</reservationSet></DescribeInstancesResponse>"
).encode()
LAUNCHED = b"<RunInstancesResponse><instancesSet><item><instanceId>i-00000009</instanceId></item></instancesSet></RunInstancesResponse>"
SERVERS = json.dumps({"servers": [{"id": f"s{n}"} for n in range(4)]}).encode()
SERVER = "/v2.1/servers/0f1e2d3c-0000-4000-8000-00000000000a"


class Cloud:
    """A backend that counts what reaches it."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def __call__(self, request: Request) -> Answer:
        self.heard.append(request.action or f"{request.method} {request.target}")
        kind = {"Content-Type": "text/xml" if request.action else "application/json"}
        if request.action == "RunInstances":
            return Answer(200, kind, LAUNCHED)
        if request.method == "POST" and not request.action:
            return Answer(202, kind, b'{"server": {"id": "s9"}}')
        return Answer(200, kind, LISTING if request.action else SERVERS)


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def now() -> list[float]:
    """Return the time that the front goes by, to be moved."""
    return [0.0]


@pytest.fixture
def front(cloud: Cloud, table: Table, now: list[float]) -> Iterator[int]:
    server = Server(("127.0.0.1", 0), chain([Faults(table, lambda: now[0])], cloud))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.server_address[1]
    table.clear()
    server.shutdown()
    server.server_close()


def ask(port: int, action: str, **parameters: str) -> tuple[int, bytes]:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return send(port, "POST", "/", urllib.parse.urlencode({"Action": action, **parameters}), form)


def send(port: int, method: str, path: str, body: str = "", headers: dict[str, str] | None = None, timeout: float = 60.0) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def ids(body: bytes) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(body).iter() if element.tag.endswith("instanceId")]


def test_without_a_rule_everything_passes(front, cloud):
    assert ask(front, "DescribeInstances") == (200, LISTING) and cloud.heard == ["DescribeInstances"]


@pytest.mark.parametrize(
    ("fault", "status", "code", "other"),
    [
        ("throttled", 503, "RequestLimitExceeded", 429),
        ("throttling", 400, "Throttling", 429),
        ("no-capacity", 500, "InsufficientInstanceCapacity", 500),
        ("vcpu-quota", 400, "VcpuLimitExceeded", 403),
        ("unauthorised", 403, "UnauthorizedOperation", 403),
        ("bad-parameter", 400, "InvalidParameterValue", 400),
        ("internal", 500, "InternalError", 500),
        ("unavailable", 503, "Unavailable", 503),
    ],
)
def test_refusal_comes_in_the_cloud_s_own_words_and_nothing_was_done(front, cloud, table, fault, status, code, other):
    table.add(Rule("*", fault))
    got, body = ask(front, "RunInstances")
    assert got == status and f"<Code>{code}</Code>".encode() in body
    got, body = send(front, "POST", "/v2.1/servers", "{}")
    assert got == other and next(iter(json.loads(body).values()))["code"] == other
    assert cloud.heard == []


@pytest.mark.parametrize(("fault", "heard"), [("cut", []), ("lost-reply", ["RunInstances"])])
def test_connection_that_breaks_before_and_after_the_call(front, cloud, table, fault, heard):
    table.add(Rule("RunInstances", fault))
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(front, "RunInstances")
    assert cloud.heard == heard


@pytest.mark.parametrize(("fault", "heard"), [("hang", []), ("hang-after", ["RunInstances"])])
@pytest.mark.thorough
def test_call_hangs_longer_than_its_client_waits(front, cloud, table, fault, heard):
    table.add(Rule("RunInstances", fault, seconds=60))
    with pytest.raises(TimeoutError):
        send(front, "POST", "/?Action=RunInstances", timeout=0.3)
    ends = time.monotonic() + 60
    while cloud.heard != heard and time.monotonic() < ends:
        time.sleep(0.01)
    assert cloud.heard == heard


def test_calls_that_hang_are_let_go_with_their_rule(front, table):
    table.add(Rule("*", "slow", seconds=60))
    began = time.monotonic()
    threading.Timer(0.2, table.clear).start()
    assert ask(front, "DescribeInstances")[0] == 200 and time.monotonic() - began < 50


def test_answers_that_are_cut_off_and_that_are_no_documents(front, table):
    number = table.add(Rule("*", "truncated"))
    with pytest.raises(http.client.IncompleteRead):
        ask(front, "DescribeInstances")
    table.clear(number)
    table.add(Rule("*", "malformed"))
    status, body = ask(front, "DescribeInstances")
    assert status == 200
    with pytest.raises(ElementTree.ParseError):
        ElementTree.fromstring(body)
    with pytest.raises(ValueError):
        json.loads(send(front, "GET", "/v2.1/servers/detail")[1])


def test_listings_that_lack_machines(front, table):
    number = table.add(Rule("*", "empty"))
    assert ids(ask(front, "DescribeInstances")[1]) == []
    assert json.loads(send(front, "GET", "/v2.1/servers/detail")[1]) == {"servers": []}
    table.clear(number)
    table.add(Rule("*", "partial"))
    assert ids(ask(front, "DescribeInstances")[1]) == ["i-00000000", "i-00000002"]
    assert json.loads(send(front, "GET", "/v2.1/servers/detail")[1]) == {"servers": [{"id": "s0"}, {"id": "s2"}]}


def test_old_answer_comes_again(front, cloud, table):
    ask(front, "DescribeInstances")
    number = table.add(Rule("Describe*", "stale"))
    assert ask(front, "DescribeInstances") == (200, LISTING) and len(cloud.heard) == 1
    assert ask(front, "DescribeInstances", MaxResults="5")[0] == 200 and len(cloud.heard) == 2  # another question: never asked before
    table.clear(number)
    ask(front, "DescribeInstances")
    assert len(cloud.heard) == 3


def test_new_machine_is_unknown_for_a_while(front, table, now):
    table.add(Rule("*", "unknown-yet", seconds=30))
    assert ask(front, "RunInstances") == (200, LAUNCHED)
    status, body = ask(front, "DescribeInstances", **{"InstanceId.1": "i-00000009"})
    assert status == 400 and b"InvalidInstanceID.NotFound" in body
    assert ask(front, "CreateTags", **{"ResourceId.1": "i-00000009"})[0] == 400
    assert len(ids(ask(front, "DescribeInstances")[1])) == 4  # the others are known
    now[0] += 31
    assert ask(front, "DescribeInstances", **{"InstanceId.1": "i-00000009"})[0] == 200


def test_end_is_acknowledged_and_not_done(front, cloud, table):
    table.add(Rule("*", "not-done"))
    status, body = ask(front, "TerminateInstances", **{"InstanceId.1": "i-00000001"})
    assert status == 200 and ids(body) == ["i-00000001"] and b"shutting-down" in body
    assert send(front, "DELETE", SERVER) == (204, b"")
    assert cloud.heard == []


# -- which calls are struck -------------------------------------------------------------------------------------------


def test_rule_strikes_only_what_it_names(front, cloud, table):
    table.add(Rule("DELETE /v2.1/servers/ID", "internal"))
    assert send(front, "DELETE", SERVER)[0] == 500
    assert send(front, "GET", SERVER)[0] == 200
    table.add(Rule("*", "no-capacity"))
    assert ask(front, "DescribeInstances")[0] == 200 and ask(front, "RunInstances")[0] == 500  # no listing lacks capacity


def test_rule_strikes_so_often_and_not_before():
    table = Table()
    table.add(Rule("A", "internal", count=2, after=1))
    struck = [table.draw("A", "", lambda _: True) is not None for _ in range(5)]
    assert struck == [False, True, True, False, False]
    assert table.struck() == {"A internal": 2}
    table.clear()
    assert table.rules() == [] and table.struck() == {"A internal": 2}


def test_rule_concerns_one_caller():
    table = Table()
    table.add(Rule("A", "internal", caller="k1"))
    assert [table.draw("A", caller, lambda _: True) is not None for caller in ("k1", "k2", "")] == [True, False, False]


def test_probability_and_seed():
    def draws(seed: int) -> list[str]:
        table = Table(seed)
        table.add(Rule("A", "internal,cut", probability=0.2))
        return [struck[0] if (struck := table.draw("A", "", lambda _: True)) else "" for _ in range(1000)]

    assert draws(7) == draws(7) != draws(8)
    assert 150 < sum(bool(one) for one in draws(7)) < 250 and set(draws(7)) == {"", "internal", "cut"}


# -- from another process ---------------------------------------------------------------------------------------------


def test_faults_are_switched_over_a_socket_that_only_its_owner_opens(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a path may be too long for a socket
    path, table = Path("f"), Table()
    control.listen(path, table)
    assert path.stat().st_mode & 0o777 == 0o600
    number = control.ask(path, do="add", action="RunInstances", fault="lost-reply", count=1)["number"]
    assert [row["fault"] for row in control.ask(path, do="show")["rules"]] == ["lost-reply"]
    for wrong in ({"do": "add", "action": "A", "fault": "nonsense"}, {"do": "dance"}, {"do": "add", "action": "A", "fault": "cut", "x": 1}):
        with pytest.raises(ValueError):
            control.ask(path, **wrong)
    control.ask(path, do="clear", number=number)
    assert table.rules() == []



def test_proxy_stands_before_any_api_over_http(front: int, tmp_path: Path, monkeypatch):
    """In a process of its own; the front of this module is what it stands before."""
    monkeypatch.chdir(tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [sys.executable, "-m", "lab.faults", f"127.0.0.1:{front}", f"127.0.0.1:{port}", "f"]
    proxy = subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": str(CHECKOUT)})
    try:
        await_port(port)
        assert json.loads(send(port, "GET", "/v2.1/servers/detail")[1])["servers"][0] == {"id": "s0"}
        control.ask(Path("f"), do="add", action="GET /v2.1/servers/*", fault="throttled", count=1)
        assert [send(port, "GET", "/v2.1/servers/detail")[0] for _ in range(2)] == [429, 200]
    finally:
        proxy.kill()
        proxy.wait()


def await_port(port: int) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the proxy does not listen")
