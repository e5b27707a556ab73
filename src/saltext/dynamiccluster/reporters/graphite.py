"""Graphite: the numbers under version 1's names, by carbon's plaintext protocol."""

from __future__ import annotations

import re
import socket
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

from ..ports import Report
from ..settings.plugins import GraphiteSettings

_STATES = ("total", "starting", "deleting", "busy", "idle", "error")
_KEPT = 120  # reports that wait for carbon to come back
_TIMEOUT = 10.0
_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")


class Graphite:
    """Implements ports.Reporter. A connection for each report: one that was cut in between would swallow numbers silently."""

    def __init__(self, settings: GraphiteSettings):
        self._settings = settings
        self.interval = settings.interval
        self._waiting: deque[bytes] = deque(maxlen=_KEPT)

    def report(self, report: Report) -> None:
        """Send the report, and those that could not be sent before. Raises OSError; they are then kept, two hours of them."""
        self._waiting.append("".join(lines(report, self._settings.prefix)).encode())
        with socket.create_connection((self._settings.hostname, self._settings.port), _TIMEOUT) as carbon:
            while self._waiting:
                carbon.sendall(self._waiting[0])
                self._waiting.popleft()
            _finish(carbon)

    def close(self) -> None:
        """Nothing is open between reports."""


def lines(report: Report, prefix: str) -> Iterator[str]:
    """Yield carbon's lines: `path value time`."""
    for path, value in numbers(report):
        yield f"{prefix}.{path} {value} {int(report.at)}\n"


def numbers(report: Report) -> Iterator[tuple[str, int]]:
    """Yield version 1's names and their values. What it called vacating is holding and held; queued jobs are those that could start."""
    for name, found in (("nodes", report.nodes), ("cores", report.cores)):
        for state in _STATES:
            yield f"{name}.{state}", found[state]
        yield f"{name}.vacating", found["holding"] + found["held"]
    for resource, sizes in report.resources.items():
        path = _UNFIT.sub("_", resource)
        yield f"resource.{path}.nodes", sizes["nodes"]
        yield f"resource.{path}.cores", sizes["cores"]
    yield "jobs.queued", report.jobs.get("pending", 0)


def _finish(carbon: socket.socket) -> None:
    """Wait until carbon has read everything and closes, too: a reset would otherwise go unnoticed. One that never closes is as good."""
    carbon.shutdown(socket.SHUT_WR)
    with suppress(TimeoutError):
        while carbon.recv(4096):
            pass
