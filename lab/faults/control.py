"""Switching faults on and off from outside the front's process: a unix socket that only its owner may open.

One line of JSON each way: {"do": "add", "action": "RunInstances", "fault": "lost-reply", "count": 1}, {"do": "clear"}, {"do": "show"}.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from typing import Any

from lab.faults.effects import EFFECTS
from lab.faults.table import Rule, Table


class _Handler(StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        try:
            answer = obey(self.server.table, json.loads(self.rfile.readline(65536)))
        except (ValueError, TypeError, KeyError) as error:
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        self.wfile.write(json.dumps(answer).encode() + b"\n")


class _Server(ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: str, table: Table) -> None:
        self.table = table
        super().__init__(path, _Handler)


def listen(path: Path, table: Table) -> None:
    """Take commands at a socket from now on, in a thread."""
    path.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        server = _Server(str(path), table)
    finally:
        os.umask(before)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def obey(table: Table, request: dict[str, Any]) -> dict[str, Any]:
    """Carry out one command. Raises ValueError, TypeError or KeyError when it makes no sense."""
    do = request.pop("do")
    if do == "add":
        rule = Rule(**request)
        unknown = [name for name in rule.faults if name not in EFFECTS]
        if unknown or not rule.faults:
            raise ValueError(f"there is no fault {', '.join(unknown) or 'named'}; there are {', '.join(sorted(EFFECTS))}")
        return {"ok": True, "number": table.add(rule)}
    if do == "clear":
        table.clear(request.get("number"))
        return {"ok": True}
    if do == "show":
        return {"ok": True, "rules": table.rules(), "struck": table.struck()}
    raise ValueError(f"{do!r} is not add, clear or show")


def ask(path: Path, **request: Any) -> dict[str, Any]:
    """Send one command to a front and return its answer. Raises ValueError when it refuses, OSError when none listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(json.dumps(request).encode() + b"\n")
        answer: dict[str, Any] = json.loads(client.makefile("rb").readline() or b'{"ok": false, "error": "no answer"}')
    if not answer["ok"]:
        raise ValueError(answer["error"])
    return answer
