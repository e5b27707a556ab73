"""The instance metadata service, version 2, as EC2's machines see it at 169.254.169.254: each machine is told about itself alone.

Run as `python -m lab.metadata STATE_DIR` on the head. Who asks is known by the address that the question comes from; what is announced stands in
`notices.json`: {instance id: {path below meta-data: text}}.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lab.layout import METADATA

Facts = Callable[[str], "Mapping[str, str] | None"]
_TTL = "x-aws-ec2-metadata-token-ttl-seconds"
_LONGEST_LIFE = 21600
SPOT, REBALANCE, MAINTENANCE = "spot/instance-action", "events/recommendations/rebalance", "events/maintenance/scheduled"


class Server(ThreadingHTTPServer):
    """The service at one address. `facts(client address)` returns {path: text} below meta-data for the machine that asks, None for a stranger."""

    daemon_threads = True

    def __init__(self, where: tuple[str, int], facts: Facts) -> None:
        self.facts = facts
        self.tokens: dict[str, tuple[str, float]] = {}
        super().__init__(where, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_PUT(self) -> None:
        """Give a token; one that came by way of a proxy gets none, as at AWS."""
        life = self.headers.get(_TTL, "")
        if self.path != "/latest/api/token" or not life.isdigit() or not 0 < int(life) <= _LONGEST_LIFE:
            return self._answer(400, "")
        if "x-forwarded-for" in self.headers:
            return self._answer(403, "")
        token = secrets.token_urlsafe(32)
        self.server.tokens[token] = (self.client_address[0], time.monotonic() + int(life))
        return self._answer(200, token)

    def do_GET(self) -> None:
        """Answer what is below meta-data; nothing without a token of this very machine."""
        owner, ends = self.server.tokens.get(self.headers.get("x-aws-ec2-metadata-token", ""), ("", 0.0))
        if owner != self.client_address[0] or time.monotonic() > ends:
            return self._answer(401, "")
        facts = self.server.facts(owner)
        path = self.path.removeprefix("/latest/meta-data/").rstrip("/")
        if facts is None or not self.path.startswith("/latest/meta-data/") or path not in facts:
            return self._answer(404, "")
        return self._answer(200, facts[path])

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Say nothing: machines ask all the time."""


def spot_action(action: str, at: float) -> str:
    """Return what a spot machine is told two minutes before its end; `at`: Unix seconds."""
    return json.dumps({"action": action, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))})


def rebalance(at: float) -> str:
    """Return what a spot machine is told when it is likely to be interrupted."""
    return json.dumps({"noticeTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))})


def maintenance(code: str, at: float) -> str:
    """Return what a machine is told of a scheduled event."""
    when = time.strftime("%d %b %Y %H:%M:%S GMT", time.gmtime(at))
    event = {"Code": code, "Description": f"scheduled {code}", "EventId": "instance-event-0d59937288b749b32", "NotBefore": when, "State": "active"}
    return json.dumps([event])


def read_facts(state: Path, address: str) -> dict[str, str] | None:
    """Return what the machine with this address is told, None when no machine has it."""
    nodes = json.loads((state / "nodes.json").read_text(encoding="utf-8"))
    found = next(((name, node) for name, node in nodes.items() if node["address"] == address and node["instance"]), None)
    if found is None:
        return None
    name, node = found
    told = state / "notices.json"
    announced = json.loads(told.read_text(encoding="utf-8")).get(node["instance"], {}) if told.exists() else {}
    known = {"instance-id": node["instance"], "ami-launch-index": str(node["launched"]), "local-ipv4": address, "local-hostname": name}
    return {**known, MAINTENANCE: "[]", **announced}


def main() -> None:
    """Serve until killed."""
    state = Path(sys.argv[1])
    Server((METADATA, 80), lambda address: read_facts(state, address)).serve_forever()


if __name__ == "__main__":
    main()
