"""The EC2 front over real sockets, before a small server that stands for moto."""

from __future__ import annotations

import json
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab.ec2_front import Accounts, Notifier, Recorder, Server, Upstream
from lab.ec2_messages import Answer, Request, chain, read_parameters
from lab.ec2_tokens import ClientTokens


class Backend(BaseHTTPRequestHandler):
    count = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        type(self).count += 1
        answer = f"{type(self).count} {self.headers['host']} {body.decode()}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve():
    servers = []

    def start(server):
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def front(serve, tmp_path):
    Backend.count = 0
    port = serve(ThreadingHTTPServer(("127.0.0.1", 0), Backend))
    forward = chain([Recorder(tmp_path / "log"), ClientTokens()], Upstream(f"127.0.0.1:{port}"))
    return serve(Server(("127.0.0.1", 0), forward))


def post(port: int, **parameters: str) -> str:
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=KEY/20300101/r1/ec2/aws4_request, SignedHeaders=host, Signature=secretsignature"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", urllib.parse.urlencode(parameters).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def test_requests_pass_through_whole_and_tokens_are_kept(front):
    first = post(front, Action="RunInstances", ClientToken="a", ImageId="ami-1")
    assert first == f"1 127.0.0.1:{front} Action=RunInstances&ClientToken=a&ImageId=ami-1"
    assert post(front, Action="RunInstances", ClientToken="a", ImageId="ami-1") == first
    with pytest.raises(urllib.error.HTTPError, match="400"):
        post(front, Action="RunInstances", ClientToken="a", ImageId="ami-2")


def test_what_was_sent_is_recorded_without_the_signature(front, tmp_path):
    post(front, Action="DescribeInstances", **{"Filter.1.Name": "tag:x"})
    text = (tmp_path / "log").read_text()
    row = json.loads(text)
    assert (row["key"], row["region"], row["status"]) == ("KEY", "r1", 200)
    assert row["parameters"] == {"Action": "DescribeInstances", "Filter.1.Name": "tag:x"}
    assert "secretsignature" not in text


def test_a_backend_that_is_down_is_an_error_not_an_empty_answer(serve):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        front = serve(Server(("127.0.0.1", 0), Upstream(f"127.0.0.1:{unused.getsockname()[1]}")))
        with pytest.raises(urllib.error.HTTPError, match="503"):
            post(front, Action="DescribeInstances")


@pytest.mark.parametrize(("action", "status", "told"), [("RunInstances", 200, True), ("DescribeInstances", 200, False), ("RunInstances", 400, False)])
def test_the_hypervisor_is_told_of_changes_that_succeeded(tmp_path: Path, action, status, told):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(5 if told else 0.2)
        Notifier(str(path))(Request("POST", "/", {}, b"", {"Action": action}), lambda _: Answer(status, {}, b""))
        if not told:
            with pytest.raises(TimeoutError):
                listener.accept()
            return
        connection, _ = listener.accept()
        with connection:
            assert json.loads(connection.recv(100)) == {"do": "changed"}
            connection.sendall(b"{}\n")


def test_parameters_come_from_the_url_and_from_a_form():
    form = "application/x-www-form-urlencoded; charset=utf-8"
    assert read_parameters("/?Action=A&Empty=", b"Name=a%26b", form) == {"Action": "A", "Empty": "", "Name": "a&b"}
    assert read_parameters("/", b'{"a": 1}', "application/json") == {}


def test_a_key_of_no_account_is_refused_as_ec2_does():
    def credential(key: str) -> dict[str, str]:
        return {"authorization": f"AWS4-HMAC-SHA256 Credential={key}/20200101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0"}

    forward = chain([Accounts("lab")], lambda request: Answer(200, {}, b"fine"))
    asked = [forward(Request("POST", "/", credential(key), b"", {"Action": "DescribeVpcs"})) for key in ("lab", "other")]
    assert [answer.status for answer in asked] == [200, 401]
    assert b"<Code>AuthFailure</Code>" in asked[1].body
