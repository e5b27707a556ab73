"""Numbers arrive in Debian's real carbon, also after it was away."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from saltext.dynamiccluster.reporters.graphite import Graphite
from saltext.dynamiccluster.settings.plugins import GraphiteSettings
from tests.unit.reporters.test_graphite import REPORT
from tests.unit.web.house import free_port

CARBON, FETCH = shutil.which("carbon-cache"), shutil.which("whisper-fetch")
pytestmark = pytest.mark.integration


class Carbon:
    """A carbon-cache of its own, below a directory."""

    def __init__(self, root: Path):
        self.root, self.port = root, free_port()
        for name in ("conf", "storage", "log"):
            (root / name).mkdir()
        ports = {"LINE_RECEIVER": self.port, "PICKLE_RECEIVER": free_port(), "CACHE_QUERY": free_port()}
        lines = [f"{name}_INTERFACE = 127.0.0.1\n{name}_PORT = {port}" for name, port in ports.items()]
        settings = f"[cache]\nSTORAGE_DIR = {root}/storage\nLOCAL_DATA_DIR = {root}/storage\nLOG_DIR = {root}/log\nMAX_UPDATES_PER_SECOND = inf\nMAX_CREATES_PER_MINUTE = inf\n"
        (root / "conf" / "carbon.conf").write_text(settings + "\n".join(lines) + "\n")
        (root / "conf" / "storage-schemas.conf").write_text("[all]\npattern = .*\nretentions = 1s:1h\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [CARBON, f"--config={self.root}/conf/carbon.conf", f"--pidfile={self.root}/pid", "--nodaemon", "start"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.root)  # type: ignore[arg-type]

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(20)
            self._process = None

    def values(self, path: str) -> dict[int, float]:
        """Return the numbers kept under a name, by time."""
        file = self.root / "storage" / (path.replace(".", "/") + ".wsp")
        if not file.exists():
            return {}
        text = subprocess.run([str(FETCH), str(file)], capture_output=True, text=True, timeout=20, check=True).stdout
        pairs = (line.split() for line in text.splitlines())
        return {int(at): float(value) for at, value in pairs if value != "None"}


@pytest.fixture
def carbon(tmp_path: Path) -> Iterator[Carbon]:
    made = Carbon(tmp_path)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def send(graphite: Graphite, at: float, within: float = 120.0) -> None:
    """Report until carbon takes it."""
    until = time.monotonic() + within
    while True:
        try:
            graphite.report(replace(REPORT, at=at))
            return
        except OSError:
            graphite._waiting.pop()
            assert time.monotonic() < until
            time.sleep(0.2)


def arrived(carbon: Carbon, path: str, at: int, within: float = 120.0) -> float:
    until = time.monotonic() + within
    while at not in (found := carbon.values(path)):
        assert time.monotonic() < until, found
        time.sleep(0.2)
    return found[at]


def test_numbers_arrive_and_those_of_an_absence_follow(carbon: Carbon) -> None:
    graphite = Graphite(GraphiteSettings(hostname="127.0.0.1", port=carbon.port, prefix="head.dynamiccluster"))
    now = int(time.time()) - 60
    send(graphite, now)
    assert arrived(carbon, "head.dynamiccluster.nodes.total", now) == 9.0
    assert arrived(carbon, "head.dynamiccluster.resource.burst.cores", now) == 12.0
    assert arrived(carbon, "head.dynamiccluster.jobs.queued", now) == 5.0
    carbon.stop()
    with pytest.raises(OSError):
        graphite.report(replace(REPORT, at=now + 10))
    carbon.start()
    send(graphite, now + 20)
    assert arrived(carbon, "head.dynamiccluster.nodes.busy", now + 20) == 1.0
    assert arrived(carbon, "head.dynamiccluster.nodes.busy", now + 10) == 1.0
