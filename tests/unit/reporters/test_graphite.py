"""Graphite: version 1's names, and numbers that survive carbon's absence."""

from __future__ import annotations

import socket
import threading

import pytest

from saltext.dynamiccluster.ports import Report
from saltext.dynamiccluster.reporters.graphite import Graphite, lines, numbers
from saltext.dynamiccluster.reporters.report import make_report
from saltext.dynamiccluster.settings.plugins import GraphiteSettings

STATES = {"total": 9, "starting": 1, "idle": 2, "busy": 1, "error": 1, "deleting": 1, "holding": 2, "held": 1}
REPORT = Report(
    at=1_700_000_000.7,
    cluster="default",
    nodes=STATES,
    cores={state: 4 * count for state, count in STATES.items()},
    resources={"burst": {"nodes": 3, "cores": 12, "min": 0, "max": 8}, "a b/c": {"nodes": 0, "cores": 0, "min": 0, "max": 1}},
    jobs={"pending": 5, "held": 7, "running": 2},
)


def test_names_of_version_1() -> None:
    found = dict(numbers(REPORT))
    for kind in ("nodes", "cores"):
        for state in ("total", "starting", "deleting", "busy", "idle", "vacating", "error"):
            assert f"{kind}.{state}" in found
    assert found["nodes.total"] == 9 and found["cores.busy"] == 4 and found["nodes.vacating"] == 3
    assert found["resource.burst.nodes"] == 3 and found["resource.burst.cores"] == 12


def test_defect_queued_jobs_are_those_that_could_start() -> None:
    assert dict(numbers(REPORT))["jobs.queued"] == 5


def test_lines_are_carbons() -> None:
    text = list(lines(REPORT, "head.dc"))
    assert "head.dc.nodes.total 9 1700000000\n" in text
    assert all(len(line.split()) == 3 for line in text) and any("resource.a_b_c.nodes" in line for line in text)


class Carbon:
    """Something that reads lines on a port; `close` it and it is away."""

    def __init__(self, port: int = 0):
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        self.heard = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            with line:
                while chunk := line.recv(65536):
                    self.heard += chunk

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(60)


def test_defect_a_socket_error_does_not_end_it_and_loses_nothing() -> None:
    carbon = Carbon()
    graphite = Graphite(GraphiteSettings(hostname="127.0.0.1", port=carbon.port, prefix="dc"))
    graphite.report(REPORT)
    assert carbon.heard.count(b"dc.nodes.total") == 1
    carbon.close()
    for _ in range(3):
        with pytest.raises(OSError):
            graphite.report(REPORT)
    again = Carbon(carbon.port)
    graphite.report(REPORT)
    again.close()
    assert again.heard.count(b"dc.nodes.total") == 4


def test_what_waits_is_bounded() -> None:
    carbon = Carbon()
    carbon.close()
    graphite = Graphite(GraphiteSettings(hostname="127.0.0.1", port=carbon.port))
    for _ in range(200):
        with pytest.raises(OSError):
            graphite.report(REPORT)
    assert len(graphite._waiting) == 120


def test_numbers_of_a_document() -> None:
    node = {"resource": "burst", "num_proc": 4, "state_name": "Busy"}
    document = {
        "engine": {"alive_at": 5.0},
        "cluster": {"name": "lab"},
        "nodes": [node, node],
        "totals": {"nodes": {"total": 2, "busy": 2}, "cores": {"total": 8, "busy": 8}, "jobs": {"running": 2}},
        "resources": [{"name": "burst", "current_num": 2, "min_num": 0, "max_num": 8}],
    }
    report = make_report(document)
    assert report.nodes["busy"] == 2 and report.nodes["held"] == 0 and report.resources["burst"]["cores"] == 8
    assert report.document is document and report.cluster == "lab"
