"""What every command of the stand-in runs: it sends its own command line to the daemon and prints the answer."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from typing import Any

SOCKET = "/run/torque-standin/socket"
_READS_INPUT = frozenset({"qsub", "qmgr"})
_PASSED_ON = ("PBS_DEFAULT", "HOME", "PATH", "SHELL")


def main(words: list[str]) -> int:
    """Run one command and return its exit status."""
    name = os.path.basename(words[0])
    request = {"words": [name, *words[1:]], "stdin": "", "script": None, "directory": os.getcwd(),
               "environment": {key: os.environ[key] for key in _PASSED_ON if key in os.environ}}
    if name in _READS_INPUT:
        _add_input(name, words[1:], request)
    try:
        status, out, err, seconds = _ask(os.environ.get("TORQUE_STANDIN", SOCKET), request)
    except OSError:
        status, out, err, seconds = _nobody_there(name)
    time.sleep(seconds)
    _print(out, err)
    return status


def _add_input(name: str, words: list[str], request: dict[str, Any]) -> None:
    if name == "qmgr":
        request["stdin"] = "" if "-c" in words else sys.stdin.read()
        return
    from lab.torque.qsub import script_of

    script = script_of(words)
    if not script:
        request["stdin"] = sys.stdin.read()
        return
    try:
        with open(script, encoding="utf-8", errors="surrogateescape") as file:
            request["script"] = file.read()
    except OSError:
        return  # the daemon says what is missing


def _ask(path: str, request: dict[str, Any]) -> tuple[int, str, str, float]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(path)
        connection.sendall(json.dumps(request).encode() + b"\n")
        parts = []
        while part := connection.recv(1 << 20):
            parts.append(part)
    if not parts:
        raise ConnectionError("no answer")
    status, out, err, seconds = json.loads(b"".join(parts))
    return status, out, err, seconds


def _nobody_there(name: str) -> tuple[int, str, str, float]:
    from lab.torque import faults

    host = socket.gethostname()
    reply = faults.maui_down(host) if name in faults.MAUI else faults.stopped(name, host, "127.0.0.1")
    return reply.status, reply.out, reply.err, reply.seconds


def _print(out: str, err: str) -> None:
    try:
        sys.stderr.write(err)
        sys.stdout.write(out)
        sys.stdout.flush()
    except BrokenPipeError:
        # as `qstat | head` does to the real one; Python must not complain about it at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
