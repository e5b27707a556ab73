"""HTTP as clients expect it: entity tags, gzip, pages, methods, headers, and what makes no sense."""

from __future__ import annotations

import gzip
import json
import socket

import pytest

from saltext.dynamiccluster.web.encoding import dumps, encode, pack

from .house import OPERATOR, House

TAGGED = ["/workernode", "/resource", "/resource/burst", "/job?state=all", "/status", "/server/status", "/server/config", "/orphans", "/openapi.json"]


@pytest.mark.parametrize("path", TAGGED)
def test_what_has_not_changed_is_not_sent_again(shown: House, path: str) -> None:
    first = shown.get(path)
    etag = first.headers["Etag"]
    assert etag.startswith('W/"') and first.headers["Last-Modified"]
    for given in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        again = shown.get(path, If_None_Match=given)
        assert (again.status, again.body, again.headers["Etag"]) == (304, b"", etag)
    assert shown.get(path, If_None_Match='"other"').status == 200


def test_growing_older_is_no_change(house: House) -> None:
    paths = ["/workernode", "/resource", "/status"]
    before = {path: house.get(path) for path in paths}
    house.status.in_flight += 1
    for row in (house.world.clock,):
        row.advance(3.0)
    house.publish()
    for path in paths:
        after = house.get(path, If_None_Match=before[path].headers["Etag"])
        assert after.status == 304, path
    fresh = house.get("/workernode").json[0]
    assert fresh["time_in_current_state"] == pytest.approx(before["/workernode"].json[0]["time_in_current_state"] + 3.0)
    house.put("/resource/burst?num=1")
    house.pass_time(30)
    for path in paths:
        assert house.get(path, If_None_Match=before[path].headers["Etag"]).status == 200, path


@pytest.mark.parametrize("accepted, packed", [("gzip", True), ("br;q=1.0, gzip;q=0.5", True), ("*", True), ("gzip;q=0", False), ("br", False), ("", False)])
def test_gzip_for_those_who_take_it(shown: House, accepted: str, packed: bool) -> None:
    answer = shown.get("/workernode", Accept_Encoding=accepted)
    assert (answer.headers.get("Content-Encoding") == "gzip") is packed and "Accept-Encoding" in answer.headers["Vary"]
    body = gzip.decompress(answer.body) if packed else answer.body
    assert len(json.loads(body)) == 3


def test_pages(shown: House) -> None:
    whole = shown.get("/workernode").json
    first = shown.get("/workernode?limit=2&state=busy")
    assert first.json == whole[:2] and first.headers["X-Total-Count"] == "3"
    link = first.headers["Link"]
    assert link.endswith('; rel="next"')
    second = shown.get(link[1 : link.index(">")])
    assert second.json == whole[2:] and "Link" not in second.headers
    assert shown.get("/workernode?offset=100").json == []


@pytest.mark.parametrize("method", ["POST", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "DELETE"])
def test_other_methods_are_405(shown: House, method: str) -> None:
    answer = shown.ask(method, "/workernode")
    assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD"


def test_head_is_get_without_its_body(shown: House) -> None:
    answer = shown.ask("HEAD", "/status")
    assert (answer.status, answer.body) == (200, b"") and answer.headers["Etag"] == shown.get("/status").headers["Etag"]


@pytest.mark.parametrize("path", ["/workernode/%00", "/workernode/" + "x" * 300, "/job/%0a", "/explain/node/%7f", "/resource/..%2f..%2fetc"])
def test_odd_names_are_not_found(shown: House, path: str) -> None:
    assert shown.get(path).status == 404


def test_names_that_are_no_text_are_400(shown: House) -> None:
    assert shown.get("/workernode/%ff").status == 400


@pytest.mark.parametrize("path", ["/dashboard/../server.py", "/dashboard/%2e%2e/server.py", "/dashboard//etc/passwd", "/static/x", "/dashboard/nosuch.js"])
def test_no_file_but_the_dashboards(shown: House, path: str) -> None:
    assert shown.get(path).status in (403, 404)


def test_headers_of_every_answer(shown: House) -> None:
    for path in ("/status", "/nosuch", "/workernode/nosuch"):
        headers = shown.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff" and "default-src 'none'" in headers["Content-Security-Policy"]
        assert "Server" not in headers and "Access-Control-Allow-Origin" not in headers
    policy = shown.get("/dashboard").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy


def raw(house: House, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", house.port), 10) as line:
        line.sendall(data)
        line.settimeout(60)
        found = b""
        try:
            while chunk := line.recv(65536):
                found += chunk
        except (TimeoutError, ConnectionResetError):
            pass
        return found


def test_a_huge_body_is_413_before_it_is_sent(shown: House) -> None:
    head = f"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {10**10}\r\n\r\n"
    assert b" 413 " in raw(shown, head.encode() + b"x" * 1000)[:60] or b" 400 " in raw(shown, head.encode())[:60]


def test_a_huge_body_in_chunks_is_413(shown: House) -> None:
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    assert b" 413 " in raw(shown, head + chunk * 3)[:60]


def test_huge_headers_end_the_connection(shown: House) -> None:
    assert b" 200 " not in raw(shown, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 100_000 + b"\r\n\r\n")[:60]


def test_nonsense_ends_the_connection(shown: House) -> None:
    for data in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", shown.port), 10) as line:
            line.sendall(data)
    assert shown.get("/healthz").status == 200


def test_a_failure_of_ours_is_500_without_its_inside(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr("saltext.dynamiccluster.web.prepared.Prepared.select_nodes", fail)
    answer = house.get("/workernode")
    assert answer.status == 500 and b"inside" not in answer.body and "log" in answer.json["error"]


def test_not_a_number_is_null() -> None:
    assert dumps({"a": [float("nan"), 1.0], "b": float("inf")}) == b'{"a":[null,1.0],"b":null}'


def test_rows_that_stay_are_not_encoded_again() -> None:
    row = {"a": 1, "age": 1.0, "b": "x"}
    first = encode(row, ("age",))
    second = encode({**row, "age": 2.0}, ("age",), first)
    assert second.head is first.head and second.digest == first.digest
    assert json.loads(second.body) == {"a": 1, "b": "x", "age": 2.0}
    assert encode({**row, "b": "y"}, ("age",), first).digest != first.digest


def test_small_bodies_are_not_packed() -> None:
    assert pack(b"{}").packed == b"" and gzip.decompress(pack(b"x" * 5000).packed) == b"x" * 5000


def test_the_token_is_in_no_answer(shown: House) -> None:
    for path in ("/session", "/status", "/metrics", "/history"):
        assert OPERATOR.encode() not in shown.get(path).body
