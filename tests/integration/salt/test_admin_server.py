"""The admin server in a real engine below a real master: Salt's tokens, Salt's access lists, events of Salt's bus."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from .clusters import SECRETS, good_pillar
from .daemons import Master, eventually, free_ports

SHARED = "the-shared-secret"
READS = ["dynamiccluster.status", "dynamiccluster.nodes", "dynamiccluster.history"]
ACCESS = {"sharedsecret": {"alice": [{"@runner": ["dynamiccluster.*"]}], "rita": [{"@runner": READS}], "mona": ["test.*"]}}


class Site:
    """A master with an engine, and its admin server's port."""

    def __init__(self, master: Master, port: int):
        self.master, self.port = master, port

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        known = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            known["Content-Type"] = "application/json"
        connection.request(method, path, None if body is None else json.dumps(body), known)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, json.loads(text) if text.startswith(("{", "[")) else text, dict(answer.getheaders())

    def log_in(self, user: str, password: str = SHARED) -> tuple[int, Any, dict[str, str]]:
        return self.ask("POST", "/login", {"username": user, "password": password})

    def token(self, user: str, **more: Any) -> str:
        import salt.auth

        opts = {**self.master.opts(), **more}
        return str(salt.auth.LoadAuth(opts).mk_token({"username": user, "password": SHARED, "eauth": "sharedsecret"})["token"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    (port,) = free_ports(1)
    config = {"external_auth": ACCESS, "sharedsecret": SHARED}
    daemon = Master(tmp_path_factory.mktemp("w"), engines=[{"dynamiccluster": {}}], **config)
    daemon.pillar("top.sls", "base:\n  the_master:\n    - cluster\n")
    daemon.pillar("cluster.sls", good_pillar(port=port))
    daemon.start()
    try:
        daemon.wait_until_up()
        made = Site(daemon, port)
        eventually(lambda: _is_up(made), 120, "the admin server")
        yield made
    finally:
        daemon.stop()


def _is_up(site: Site) -> bool:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", site.port)) != 0:
            return False
    return site.ask("GET", "/healthz")[0] == 200


def test_tokens_of_salt_have_the_rights_of_salts_lists(site: Site) -> None:
    alice, rita, mona = (site.token(user) for user in ("alice", "rita", "mona"))
    expected = {
        ("GET", "/status"): (200, 200, 403),
        ("GET", "/workernode"): (200, 200, 403),
        ("GET", "/resource"): (200, 403, 403),
        ("PUT", "/server/auto?test=true"): (200, 403, 403),
        ("PUT", "/resource/nosuch/freeze"): (404, 403, 403),
        ("DELETE", "/workernode/nosuch"): (404, 403, 403),
    }
    for (method, path), statuses in expected.items():
        found = tuple(site.ask(method, path, X_Auth_Token=token)[0] for token in (alice, rita, mona))
        assert found == statuses, (method, path)
        assert site.ask(method, path)[0] == site.ask(method, path, X_Auth_Token="0" * 64)[0] == 401


def test_a_token_that_has_expired(site: Site) -> None:
    token = site.token("alice", token_expire=1)
    eventually(lambda: site.ask("GET", "/status", X_Auth_Token=token)[0] == 401, 120, "the token's end")


def test_commands_are_the_runners(site: Site) -> None:
    token = site.token("alice")
    status, answer, _ = site.ask("PUT", "/resource/cloud1/freeze", X_Auth_Token=token, Prefer="return=representation")
    assert status == 200 and answer["data"] == {"resource": "cloud1", "state": "frozen"}
    code, value, text = site.master.run("dynamiccluster.freeze", "cloud1")
    refused = site.ask("PUT", "/resource/cloud1/freeze", X_Auth_Token=token)
    assert code != 0 and refused[0] == 400 and refused[1]["error"] in text and value
    assert site.ask("PUT", "/resource/cloud1/restore", X_Auth_Token=token)[1] == {"success": True}
    entries = site.ask("GET", "/history?kind=command", X_Auth_Token=token)[1]
    assert "alice" in {entry["data"]["by"] for entry in entries}


def test_logging_in_with_name_and_password(site: Site) -> None:
    assert site.log_in("alice", "guess")[0] == 401
    status, session, headers = site.log_in("alice")
    assert status == 200 and session["user"] == "alice" and "add" in session["rights"]
    cookie = headers["Set-Cookie"].partition(";")[0]
    assert site.ask("PUT", "/server/auto", Cookie=cookie)[0] == 403
    assert site.ask("PUT", "/server/auto", Cookie=cookie, X_CSRF_Token=session["csrf"])[1] == {"success": True}
    assert site.ask("POST", "/logout", Cookie=cookie, X_CSRF_Token=session["csrf"])[0] == 200
    assert site.ask("GET", "/status", Cookie=cookie)[0] == 401


def test_events_of_the_bus(site: Site) -> None:
    token = site.token("alice")
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    connection.request("GET", "/events", headers={"X-Auth-Token": token})
    stream = connection.getresponse()
    site.ask("PUT", "/resource/cloud1/freeze", X_Auth_Token=token)
    site.ask("PUT", "/resource/cloud1/restore", X_Auth_Token=token)
    wanted, heard = {"resource/cloud1/frozen", "resource/cloud1/restored"}, set()
    while not wanted <= heard:
        line = stream.readline().decode()
        assert line
        if line.startswith('data: {"tag"'):
            heard.add(json.loads(line[6:])["tag"].split("/", 2)[2])
    connection.close()


def test_nothing_tells_a_secret(site: Site) -> None:
    token = site.token("alice")
    for path in ("/status", "/server/config", "/resource", "/history", "/metrics", "/plan", "/orphans", "/workernode", "/job"):
        status, answer, _ = site.ask("GET", path, X_Auth_Token=token)
        assert status == 200 and not [secret for secret in (*SECRETS, SHARED, token) if secret in str(answer)], path


def test_a_pillar_that_cannot_be_used_from_the_start(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    daemon = Master(tmp_path, engines=[{"dynamiccluster": {}}], external_auth=ACCESS, sharedsecret=SHARED)
    daemon.pillar("top.sls", "base:\n  the_master:\n    - cluster\n")
    daemon.pillar("cluster.sls", good_pillar(port=port).replace("max: 3", "max: many").replace("sge", "sgee"))
    daemon.start()
    try:
        daemon.wait_until_up()
        site = Site(daemon, port)
        eventually(lambda: _health(site) == (503, "unusable"), 120, "the admin server with the faults")
        assert site.ask("GET", "/status")[0] == 401
        token = site.token("alice")
        engine = site.ask("GET", "/status", X_Auth_Token=token)[1]["engine"]
        assert {fault["path"] for fault in engine["config_faults"]} == {"dynamiccluster:cluster:type", "dynamiccluster:cloud:cloud1:quantity:max"}
        assert all(fault["problem"] and fault["hint"] for fault in engine["config_faults"])
        status, answer, _ = site.ask("PUT", "/resource/cloud1?num=1", X_Auth_Token=token)
        assert status == 503 and "cluster:type" in answer["error"]
        daemon.pillar("cluster.sls", good_pillar(port=port))
        assert site.ask("PUT", "/server/reconcile", X_Auth_Token=token)[0] == 200
        eventually(lambda: _health(site) == (200, "ok"), 120, "the engine with the mended pillar")
        assert site.ask("GET", "/status", X_Auth_Token=token)[1]["engine"]["config_faults"] == []
    finally:
        daemon.stop()


def _health(site: Site) -> tuple[int, str]:
    with suppress(OSError):
        status, answer, _ = site.ask("GET", "/healthz")
        return status, answer["status"]
    return 0, "nobody listens"


def test_the_engines_own_numbers(site: Site) -> None:
    text = site.ask("GET", "/metrics", X_Auth_Token=site.token("alice"))[1]
    for name in ("cloud_calls_total{", "batch_calls_total{", 'loop_seconds_count{part="core"}', 'nodes{resource="cloud1",state="idle"} 0.0'):
        assert f"dynamiccluster_{name}" in text, name
