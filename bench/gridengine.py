"""Grid Engine: one reading of a cell with 5,000 nodes and 100,000 queued jobs, and the decision on it."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath

from saltext.dynamiccluster.batch.commands import Completed, ProcessRunner, Take
from saltext.dynamiccluster.batch.gridengine import GridEngine
from saltext.dynamiccluster.model import BatchView, Reservation, Shape
from saltext.dynamiccluster.settings.sge import SgeSettings

from . import sge_inputs as inputs
from .cases import Case, Sample, Stopwatch, peak_mb
from .floor import is_judged, read_seconds
from .verdict import check, count_outcomes
from .worlds import RESOURCE, Engine

QSTAT, QHOST = "gridengine-qstat.xml", "gridengine-qhost.xml"
QSTAT_CHANGED, QSTAT_AGED, QHOST_AGED = "gridengine-qstat-changed.xml", "gridengine-qstat-aged.xml", "gridengine-qhost-aged.xml"
NOW = 1_795_400_000.0
CYCLE = 15.0  # seconds between two readings


class Cell:
    """Answers commands as the cell would: listings come from files, through a process, as the real ones do."""

    def __init__(self, folder: Path) -> None:
        self.listings = {"qstat": folder / QSTAT, "qhost": folder / QHOST}
        self.hosts = inputs.read_host_names(folder / QHOST)
        self._queues = (inputs.CAPTURES / "conf-sq-star.out").read_text().replace("slots                 0,", f"slots  {inputs.SLOTS},")
        self._groups = {"@allhosts": " ".join(self.hosts), "@long": "n4", "@short": "n5", "@dynamiccluster_held": ""}
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
                return inputs.host_configuration(name)
            case "-sc":
                return inputs.complexes()
        captured = {"-spl": "conf-spl", "-sp": f"conf-sp-{name}"}[option]
        return (inputs.CAPTURES / f"{captured}.out").read_text()


def _details(numbers: list[str]) -> bytes:
    """Return what `qstat -xml -j` says of jobs: the captured job, under each of the numbers."""
    captured = (inputs.CAPTURES / "qstat-xml-j-restart.out").read_bytes()
    head, middle, rest = captured.partition(b"    <element>\n      <JB_job_number>2<")
    body, _, end = rest.rpartition(b"    </element>\n")
    return head + b"".join([middle.replace(b">2<", b">%s<" % number.encode()) + body + b"    </element>\n" for number in numbers]) + end


class _Bench:
    """One engine that reads a cell and decides, cycle by cycle. `restless`: see Engine."""

    def __init__(self, folder: Path, restless: float) -> None:
        self.now = NOW
        self.cell = Cell(folder)
        self.system = GridEngine(SgeSettings(), (Reservation(),), run=self.cell, clock=lambda: self.now)
        self.engine = Engine(self.cell.hosts, NOW, restless=restless)
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

    def look(self) -> None:
        """Take for a new node's shape what the biggest node has, as the cloud would tell it."""
        assert self.view is not None
        known = [host.reported for host in self.view.hosts if host.reported is not None]
        biggest = max(known, key=lambda shape: (shape.cores, shape.memory_mb), default=Shape(inputs.SLOTS))
        self.engine.shapes = {RESOURCE: biggest}

    def check(self, given: bool) -> None:
        """See to it that all jobs were served; of given ones, some of which may be impossible here, tell how many were."""
        assert self.view is not None
        if not given:
            check(self.engine, self.view)
            return
        told = ", ".join(f"{jobs} {outcome.value}" for outcome, jobs in count_outcomes(self.engine.plan).items())
        print(f"what becomes of the jobs that were given: {told or 'there are none'}", file=sys.stderr)


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
    bench, watch = _Bench(folder, restless=60.0), Stopwatch()
    with watch.running():
        bench.observe()
    return _sample(bench, watch, folder)


def _first_decision(folder: Path) -> Sample:
    """Measure the decision that gives the orders: here jobs came so fast that the batch window is over."""
    bench, watch = _Bench(folder, restless=60.0), Stopwatch()
    bench.observe()
    bench.look()
    with watch.running():
        bench.decide()
    return _sample(bench, watch, folder)


def _changed(folder: Path) -> Sample:
    return _next(folder, folder / QSTAT_CHANGED, folder / QHOST)


def _aged(folder: Path) -> Sample:
    return _next(folder, folder / QSTAT_AGED, folder / QHOST_AGED)


def _next(folder: Path, qstat: Path, qhost: Path) -> Sample:
    """Measure the second cycle. In the first one the queue is new, so that orders wait; in the second one they have waited long enough, and are given."""
    bench, watch = _Bench(folder, restless=0.0), Stopwatch()
    bench.observe()
    bench.look()
    bench.decide()
    bench.next_cycle()
    bench.cell.listings = {"qstat": qstat, "qhost": qhost}
    with watch.running():
        bench.observe()
        bench.decide()
    return _sample(bench, watch, folder)


def _sample(bench: _Bench, watch: Stopwatch, folder: Path) -> Sample:
    peak = peak_mb()  # before the floor is taken, which reads the listings whole, and before anything is checked
    if bench.engine.plan is None:  # it is not measured, but tells whether all was read
        bench.look()
        bench.decide()
    bench.check((folder / QSTAT).is_symlink() or (folder / QHOST).is_symlink())
    listings = (folder / QSTAT, folder / QHOST)
    return Sample(watch.seconds, read_seconds(*listings), peak, is_judged(*listings))


CASES = (
    Case("gridengine-first", "observe 5,000 nodes and 100,000 queued jobs for the first time", 2.0, _first, _prepare, 200),
    Case("gridengine-first-decide", "decide on them, and order what they need", 0.5, _first_decision, _prepare, 200),
    Case("gridengine-next", "observe and decide, 1% of the jobs changed", 1.0, _changed, _prepare),
    Case("gridengine-next-aged", "observe and decide, 1% of the jobs replaced, every priority and load changed", 2.0, _aged, _prepare),
)
