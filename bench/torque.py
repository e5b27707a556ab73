"""Torque with Maui: one reading of a server with 5,000 nodes and 100,000 queued jobs."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from saltext.dynamiccluster.batch.commands import Completed, ProcessRunner, Take
from saltext.dynamiccluster.batch.torque import Torque
from saltext.dynamiccluster.model import BatchView, Reservation
from saltext.dynamiccluster.settings.torque import TorqueSettings

from . import torque_inputs as inputs
from .cases import Case, Sample, Stopwatch, peak_mb
from .floor import is_judged, read_seconds
from .verdict import check_served
from .worlds import RESOURCE, UNBOUND, Engine, make_settings, resource

QSTAT, PBSNODES, PRIORITIES = "torque-qstat.xml", "torque-pbsnodes.xml", "torque-diagnose-p.txt"
MOST_PROCESSES = 5  # a cycle
MAUI_SETTINGS = 1  # process more in the first cycle, and again once in ten minutes: showconfig tells what does not change while Maui runs
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
    clock = [NOW]
    system = Torque(TorqueSettings(), (Reservation(),), run=server, clock=lambda: clock[0])
    with watch.running():
        view = system.observe()
    peak = peak_mb()
    _check_processes(server.calls, MOST_PROCESSES + MAUI_SETTINGS)
    for clock[0] in (NOW + 15.0, NOW + 75.0):  # with the server's configuration of the first cycle, and when that is read again
        server.calls = 0
        system.observe()
        _check_processes(server.calls, MOST_PROCESSES)
    if not (folder / QSTAT).is_symlink():
        _check_all_read(view)
    return Sample(watch.seconds, read_seconds(folder / QSTAT, folder / PBSNODES), peak, is_judged(folder / QSTAT, folder / PBSNODES))


def _check_processes(count: int, most: int) -> None:
    if count > most:
        raise SystemExit(f"a cycle took {count} processes instead of {most}")


def _check_all_read(view: BatchView) -> None:
    """See to it that a decision on what was read serves every job: nothing of it was left out."""
    if len(view.jobs) != inputs.QUEUED or len(view.hosts) != inputs.NODES:
        raise SystemExit(f"{len(view.jobs)} jobs and {len(view.hosts)} nodes were read")
    engine = Engine((host.name for host in view.hosts), NOW, make_settings({RESOURCE: resource(UNBOUND)}, "torque"))
    engine.decide(view, NOW, 1)
    check_served(engine, view)


CASES = (Case("torque-first", "observe 5,000 nodes and 100,000 queued jobs for the first time; 5 processes a cycle, the first has a sixth (showconfig)", 2.0, _first, _prepare),)
