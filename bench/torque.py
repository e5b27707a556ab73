"""Torque with Maui: one reading of a server with 5,000 nodes and 100,000 queued jobs."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from saltext.dynamiccluster.batch.commands import Completed, ProcessRunner, Take
from saltext.dynamiccluster.batch.torque import Torque
from saltext.dynamiccluster.model import Reservation
from saltext.dynamiccluster.settings.torque import TorqueSettings

from . import torque_inputs as inputs
from .cases import Case, Sample, Stopwatch, peak_mb
from .floor import read_seconds

QSTAT, PBSNODES, PRIORITIES = "torque-qstat.xml", "torque-pbsnodes.xml", "torque-diagnose-p.txt"
MOST_PROCESSES = 5
NOW = 1_795_400_000.0


class Server:
    """Answers commands as the server and Maui would: listings come from files, through a process, as the real ones do."""

    def __init__(self, folder: Path) -> None:
        self.calls = 0
        self._listings = {"qstat": folder / QSTAT, "pbsnodes": folder / PBSNODES, "diagnose": folder / PRIORITIES}
        self._process = ProcessRunner({})

    def __call__(self, argv: tuple[str, ...], *, timeout: float) -> Completed:
        self.calls += 1
        program = PurePosixPath(argv[0]).name
        if program in self._listings:
            return self._process(("cat", str(self._listings[program])), timeout=timeout)
        captured = {"qmgr": "A15-qmgr-ps", "showres": "A13-showres-n-none"}.get(program)
        return Completed(0, (inputs.CAPTURES / f"{captured}.out").read_bytes() if captured else b"")

    def stream(self, argv: tuple[str, ...], take: Take, *, timeout: float) -> Completed:
        self.calls += 1
        return self._process.stream(("cat", str(self._listings[PurePosixPath(argv[0]).name])), take, timeout=timeout)


def _prepare(folder: Path) -> None:
    """Write the listings that are not there yet; those of a real server are taken when they are."""
    writers = {QSTAT: inputs.write_qstat, PBSNODES: inputs.write_pbsnodes, PRIORITIES: inputs.write_priorities}
    for name, write in writers.items():
        if not (folder / name).exists():
            write(folder / name)


def _first(folder: Path) -> Sample:
    server, watch = Server(folder), Stopwatch()
    system = Torque(TorqueSettings(), (Reservation(),), run=server, clock=lambda: NOW)
    with watch.running():
        view = system.observe()
    peak = peak_mb()
    _check(server, system)
    if not view.jobs or not view.hosts:
        raise SystemExit("nothing was read")
    return Sample(watch.seconds, read_seconds(folder / QSTAT, folder / PBSNODES), peak)


def _check(server: Server, system: Torque) -> None:
    """See to it that a cycle needs few processes: the second one, as the first one also asks for what seldom changes."""
    server.calls = 0
    system.observe()
    if server.calls > MOST_PROCESSES:
        raise SystemExit(f"a cycle took {server.calls} processes")


CASES = (Case("torque-first", "observe 5,000 nodes and 100,000 queued jobs for the first time", 2.0, _first, _prepare),)
