"""What tests need to speak EC2 without Amazon: moto's server as a process, and an endpoint that answers what it is told to."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3

from saltext.dynamiccluster.settings.aws import AwsSettings

CHECKOUT = Path(__file__).parents[2]
SECRET = "wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY"
IMAGE = "ami-12c6146b"  # moto knows it


def settings(endpoint: str, **more: Any) -> AwsSettings:
    """Return settings of a resource at that endpoint."""
    given = {
        "access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "secret_access_key": SECRET,
        "region_name": "us-east-1",
        "endpoint_url": endpoint,
        "image_id": IMAGE,
        "instance_type": "c5.9xlarge",
        "instance_name_prefix": "wn-",
        **more,
    }
    return AwsSettings.model_validate(given)


def raw_client(endpoint: str) -> Any:
    """Return a client of somebody else with the same account."""
    keys = {"aws_access_key_id": "AKIAOTHER", "aws_secret_access_key": "other"}
    return boto3.client("ec2", endpoint_url=endpoint, region_name="us-east-1", **keys)


def free_port() -> int:
    """Return a port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(argv: list[str], url: str, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run a server process until the block ends; yield its URL once it answers."""
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    try:
        _await_answer(url, process)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@contextmanager
def moto_server() -> Iterator[str]:
    """Run moto's server on the loopback; yield its URL."""
    port = free_port()
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(argv, f"http://127.0.0.1:{port}") as url:
        yield url


@contextmanager
def ec2_front(moto: str, log: Path) -> Iterator[str]:
    """Run the lab's front before a moto server: it remembers client tokens, and writes every call into `log`."""
    port = free_port()
    address = moto.removeprefix("http://")
    argv = [sys.executable, "-m", "lab.ec2_front", address, str(log), str(log.parent / "nobody"), f"127.0.0.1:{port}"]
    with running(argv, f"http://127.0.0.1:{port}", {**os.environ, "PYTHONPATH": str(CHECKOUT)}) as url:
        yield url


def recorded(log: Path, action: str) -> list[dict[str, str]]:
    """Return the parameters of all calls of an action that the front saw."""
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [row["parameters"] for row in rows if row["parameters"].get("Action") == action]


def _await_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/moto-api/", timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} does not answer at {url} (exit status {process.poll()})")


def error_document(code: str, message: str) -> bytes:
    """Return an error as EC2 words it."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        "<RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>"
    ).encode()


class Endpoint:
    """An HTTP endpoint on the loopback. It gives `answers` in turn, the last one again and again, and keeps what it was asked and how."""

    def __init__(self, *answers: tuple[int, bytes]):
        self.answers = deque(answers)
        self.requests: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Endpoint:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                endpoint.requests.append(dict(urllib.parse.parse_qsl(body)))
                endpoint.headers.append({name.lower(): value for name, value in self.headers.items()})
                status, answer = endpoint.answers.popleft() if len(endpoint.answers) > 1 else endpoint.answers[0]
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                return

        return Handler


@contextmanager
def silent_port() -> Iterator[str]:
    """Yield the URL of a server that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
