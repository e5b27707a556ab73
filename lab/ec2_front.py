"""The EC2 API as clients of the lab see it: an HTTP server before moto that adds what real EC2 does and moto does not.

A request passes through filters, each of which may answer, change or delay it, before it reaches moto: `Filter(request, forward) -> Answer`.
Run as `python -m lab.ec2_front [--faults SOCKET] UPSTREAM_HOST:PORT LOG NOTIFY_SOCKET HOST:PORT [KEY ...]`; without a key any is taken. Faults are
switched on at SOCKET.
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lab.ec2_counts import Counts
from lab.ec2_messages import Answer, Filter, Forward, Request, chain, error, read_parameters
from lab.ec2_tokens import ClientTokens
from lab.faults import Faults, Table
from lab.faults.control import listen as listen_for_faults

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "expect"})
_TIMEOUT_S = 60.0
# What changes which machines run; the hypervisor is told at once instead of finding out by asking.
_CHANGES = frozenset({"RunInstances", "TerminateInstances", "StopInstances", "StartInstances", "CreateFleet", "RequestSpotInstances",
                      "CancelSpotInstanceRequests", "RebootInstances"})


class Upstream:
    """Carries requests to moto. One connection a request: moto's server closes them anyway."""

    def __init__(self, address: str) -> None:
        self.host, _, self.port = address.rpartition(":")

    def __call__(self, request: Request) -> Answer:
        connection = http.client.HTTPConnection(self.host, int(self.port), timeout=_TIMEOUT_S)
        try:
            # The host header goes along: it is part of what was signed, and moto reads service and region from it.
            connection.request(request.method, request.target, request.body, {**request.headers, "content-length": str(len(request.body))})
            got = connection.getresponse()
            return Answer(got.status, {k: v for k, v in got.getheaders() if k.lower() not in _HOP_BY_HOP}, got.read())
        except OSError as problem:
            return error(503, "Unavailable", f"the lab's EC2 backend does not answer: {problem}")
        finally:
            connection.close()


class Recorder:
    """Writes one line of JSON for each EC2 call, so that what was sent can be checked as well as what came of it. Never the signature."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def __call__(self, request: Request, forward: Forward) -> Answer:
        began = time.time()
        answer = forward(request)
        if request.action:
            key, region = request.caller
            kept = {name: value for name, value in request.parameters.items() if not name.startswith("X-Amz-")}
            self._write({"time": began, "seconds": round(time.time() - began, 4), "key": key, "region": region, "status": answer.status, "parameters": kept})
        return answer

    def _write(self, row: dict[str, object]) -> None:
        with self._lock, self._path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")


class Accounts:
    """Refuses keys of no account, as EC2 does; moto takes any. Whether the secret belongs to the key is not checked."""

    def __init__(self, *keys: str) -> None:
        self._keys = frozenset(keys)

    def __call__(self, request: Request, forward: Forward) -> Answer:
        if request.action and request.caller[0] not in self._keys:
            return error(401, "AuthFailure", "AWS was not able to validate the provided access credentials")
        return forward(request)


class OneChange:
    """Lets one change at a time reach moto, whose data are not made for several at once; reading is not held up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __call__(self, request: Request, forward: Forward) -> Answer:
        if request.action.startswith("Describe"):
            return forward(request)
        with self._lock:
            return forward(request)


class Notifier:
    """Tells the hypervisor that machines may have changed. Its answer is not waited for; it also looks by itself."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __call__(self, request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        if answer.good and request.action in _CHANGES:
            threading.Thread(target=self._tell, daemon=True).start()
        return answer

    def _tell(self) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(10)
                client.connect(self._path)
                client.sendall(b'{"do": "changed"}\n')
                client.recv(4096)
        except OSError as problem:
            print(f"ec2_front: the hypervisor was not told: {problem}", file=sys.stderr, flush=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        parameters = read_parameters(self.path, body, headers.get("content-type", ""))
        answer = self.server.forward(Request(self.command, self.path, headers, body, parameters))
        if answer.sent is not None:
            self.close_connection = True
        if answer.sent == -1:
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: answer.sent])

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815 (http.server's names)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Say nothing: the recorder keeps what matters."""


class Server(ThreadingHTTPServer):
    """The front at one address."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, where: tuple[str, int], forward: Forward) -> None:
        self.forward = forward
        super().__init__(where, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that left before their answer came: their time was up."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--faults", type=Path)
    for name in ("upstream", "log", "notify", "listen"):
        parser.add_argument(name)
    parser.add_argument("keys", nargs="*")
    given = parser.parse_args()
    host, _, port = given.listen.rpartition(":")
    filters: list[Filter] = [Recorder(Path(given.log)), *([Accounts(*given.keys)] if given.keys else [])]
    if given.faults:
        table = Table()
        listen_for_faults(given.faults, table)
        filters.append(Faults(table))
    forward = chain([*filters, Notifier(given.notify), ClientTokens(), Counts(), OneChange()], Upstream(given.upstream))
    Server((host, int(port)), forward).serve_forever()


if __name__ == "__main__":
    main()
