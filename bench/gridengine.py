"""Grid Engine: one reading of a cell with 5,000 nodes and 100,000 queued jobs, and the decision on it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from saltext.dynamiccluster.batch.commands import Completed, ProcessRunner, Take
from saltext.dynamiccluster.batch.gridengine import GridEngine
from saltext.dynamiccluster.model import BatchView, Reservation
from saltext.dynamiccluster.settings.sge import SgeSettings

from . import sge_inputs as inputs
from .cases import Case, Sample, Stopwatch, peak_mb
from .floor import read_seconds
from .worlds import Engine

QSTAT, QHOST = "gridengine-qstat.xml", "gridengine-qhost.xml"
QSTAT_CHANGED, QSTAT_AGED, QHOST_AGED = "gridengine-qstat-changed.xml", "gridengine-qstat-aged.xml", "gridengine-qhost-aged.xml"
NOW = 1_795_400_000.0
CYCLE = 15.0  # seconds between two readings


class Cell:
    """Answers commands as the cell would: listings come from files, through a process, as the real ones do."""

    def __init__(self, folder: Path) -> None:
        self.listings = {"qstat": folder / QSTAT, "qhost": folder / QHOST}
        hosts = " ".join(inputs.host_names())
        self._queues = (inputs.CAPTURES / "conf-sq-star.out").read_text().replace("slots                 0,", f"slots  {inputs.SLOTS},")
        self._groups = {"@allhosts": hosts, "@long": "n4", "@short": "n5", "@dynamiccluster_held": ""}
        self._process = ProcessRunner({})

    def __call__(self, argv: tuple[str, ...], *, timeout: float) -> Completed:
        program = PurePosixPath(argv[0]).name
        if program == "qstat" and "-j" in argv:
            return Completed(0, _details(argv[-1].split(",")))
        return Completed(0, self._configuration(*argv[1:]).encode())

    def stream(self, argv: tuple[str, ...], take: Take, *, timeout: float) -> Completed:
        return self._process.stream(("cat", str(self.listings[PurePosixPath(argv[0]).name])), take, timeout=timeout)

    def _configuration(self, option: str, name: str = "") -> str:
        match option:
            case "-sq":
                return self._queues
            case "-shgrpl":
                return "\n".join(self._groups)
            case "-shgrp":
                return f"group_name {name}\nhostlist {self._groups.get(name) or 'NONE'}\n"
            case "-se" if name == "global":
                return (inputs.CAPTURES / "conf-se-global.out").read_text()
            case "-se":
                return f"hostname              {name}\ncomplex_values        exclusive=true,h_vmem=64G\nprocessors            {inputs.SLOTS}\n"
        captured = {"-spl": "conf-spl", "-sp": f"conf-sp-{name}", "-sc": "conf-sc"}[option]
        return (inputs.CAPTURES / f"{captured}.out").read_text()


def _details(numbers: list[str]) -> bytes:
    """Return what `qstat -xml -j` says of jobs: the captured job, under each of the numbers."""
    captured = (inputs.CAPTURES / "qstat-xml-j-restart.out").read_bytes()
    head, middle, rest = captured.partition(b"    <element>\n      <JB_job_number>2<")
    body, _, end = rest.rpartition(b"    </element>\n")
    return head + b"".join([middle.replace(b">2<", b">%s<" % number.encode()) + body + b"    </element>\n" for number in numbers]) + end


class _Bench:
    """One engine that reads a cell and decides, cycle by cycle."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.cell = Cell(folder)
        self.system = GridEngine(SgeSettings(), (Reservation(),), run=self.cell, clock=lambda: self.now)
        self.engine = Engine(inputs.host_names(), NOW)
        self.view: BatchView | None = None
        self.serial = 0

    def observe(self) -> None:
        self.view = self.system.observe()
        self.serial += 1

    def decide(self) -> None:
        assert self.view is not None
        self.engine.decide(self.view, self.now, self.serial)

    def next_cycle(self) -> None:
        self.now += CYCLE


def _prepare(folder: Path) -> None:
    """Write the listings that are not there yet; those of a real cell are taken when they are."""
    qstat, qhost = folder / QSTAT, folder / QHOST
    if not qstat.exists():
        inputs.write_qstat(qstat)
    if not qhost.exists():
        inputs.write_qhost(qhost)
    made = {
        QSTAT_CHANGED: lambda: inputs.change_some(qstat.read_bytes(), 0.01),
        QSTAT_AGED: lambda: inputs.replace_some_and_all_priorities(qstat.read_bytes(), 0.01),
        QHOST_AGED: lambda: inputs.change_loads(qhost.read_bytes()),
    }
    for name, make in made.items():
        if not (folder / name).exists():
            (folder / name).write_bytes(make())


def _first(folder: Path) -> Sample:
    bench, watch = _Bench(folder), Stopwatch()
    with watch.running():
        bench.observe()
    bench.decide()
    return _sample(watch, folder)


def _first_decision(folder: Path) -> Sample:
    bench, watch = _Bench(folder), Stopwatch()
    bench.observe()
    with watch.running():
        bench.decide()
    return _sample(watch, folder)


def _changed(folder: Path) -> Sample:
    return _next(folder, folder / QSTAT_CHANGED, folder / QHOST)


def _aged(folder: Path) -> Sample:
    return _next(folder, folder / QSTAT_AGED, folder / QHOST_AGED)


def _next(folder: Path, qstat: Path, qhost: Path) -> Sample:
    bench, watch = _Bench(folder), Stopwatch()
    bench.observe()
    bench.decide()
    bench.next_cycle()
    bench.cell.listings = {"qstat": qstat, "qhost": qhost}
    with watch.running():
        bench.observe()
        bench.decide()
    return _sample(watch, folder)


def _sample(watch: Stopwatch, folder: Path) -> Sample:
    peak = peak_mb()  # before the floor is taken, which reads the listings whole
    return Sample(watch.seconds, read_seconds(folder / QSTAT, folder / QHOST), peak)


CASES = (
    Case("gridengine-first", "observe 5,000 nodes and 100,000 queued jobs for the first time", 2.0, _first, _prepare, 200),
    Case("gridengine-first-decide", "decide on them", 0.5, _first_decision, _prepare, 200),
    Case("gridengine-next", "observe and decide, 1% of the jobs changed", 1.0, _changed, _prepare),
    Case("gridengine-next-aged", "observe and decide, 1% of the jobs replaced, every priority and load changed", 2.0, _aged, _prepare),
)
