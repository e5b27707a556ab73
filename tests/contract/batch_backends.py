"""The batch systems that the contract suite runs against. A further one (Torque, Slurm) is one more class here and one more line in BACKENDS."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from saltext.dynamiccluster.batch.commands import Completed, ProcessRunner
from saltext.dynamiccluster.batch.gridengine import GridEngine
from saltext.dynamiccluster.model import Chunk, Request, Reservation
from saltext.dynamiccluster.ports import BatchSystem
from saltext.dynamiccluster.settings.sge import SgeSettings
from saltext.dynamiccluster.sim.batch import SimBatch
from saltext.dynamiccluster.sim.clock import VirtualClock
from tests.contract.batch_torque import torque_4, torque_6
from tests.unit.batch.fake_gridengine import FakeGridEngine, FakeJob


class Backend(Protocol):
    """One kind of batch system, with machines, users and an administrator of its own."""

    batch: BatchSystem

    def boot(self, name: str) -> str:
        """Start a machine whose name resolves; return its address."""

    def start_daemon(self, name: str) -> None:
        """Start the execution daemon of a machine that has joined."""

    def power_off(self, name: str) -> None:
        """Cut the machine's power."""

    def run_job(self, name: str, *, rerunnable: bool = False) -> str:
        """Have a job run on a host that is released; return its id once it runs."""

    def submit(self, *, held: bool = False) -> str:
        """Submit a job that no host can run, or one that its user holds; return its id."""

    def disable(self, name: str) -> None:
        """Take the host out of service as an administrator would."""

    def stop_server(self) -> None:
        """Stop the batch system's server."""

    def start_server(self) -> None:
        """Start it again."""

    def settle(self) -> None:
        """Let as much time pass as a change needs to be seen."""


class Simulated:
    """The simulated batch system on virtual time."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.batch = SimBatch(self.clock)
        self._addresses: dict[str, str] = {}
        self.batch.names = lambda name: self._addresses.get(name, "")

    def boot(self, name: str) -> str:
        self._addresses[name] = f"10.0.0.{len(self._addresses) + 1}"
        return self._addresses[name]

    def start_daemon(self, name: str) -> None:
        assert self.batch.start_daemon(name)

    def power_off(self, name: str) -> None:
        self._addresses.pop(name)
        self.batch.power_off(name)

    def run_job(self, name: str, *, rerunnable: bool = False) -> str:
        job = self.batch.submit(duration=1e6, rerunnable=rerunnable)
        self.batch.schedule()
        assert name in job.taken
        return job.id

    def submit(self, *, held: bool = False) -> str:
        return self.batch.submit(Request((Chunk(1, 99),)), held=held).id

    def disable(self, name: str) -> None:
        from saltext.dynamiccluster.model import HoldBy

        self.batch.hosts[name].hold = HoldBy.ADMINISTRATOR

    def stop_server(self) -> None:
        self.batch.down = True

    def start_server(self) -> None:
        self.batch.down = False

    def settle(self) -> None:
        self.clock.advance(120)


class InMemory:
    """The Grid Engine adapter over a cell in memory."""

    def __init__(self) -> None:
        self.clock, self.cell = VirtualClock(), FakeGridEngine()
        self.batch = GridEngine(SgeSettings(), [Reservation()], run=self.cell, clock=self.clock.now)
        self._jobs = 0

    def boot(self, name: str) -> str:
        self.cell.boot(name, "10.0.0.9")
        return "10.0.0.9"

    def start_daemon(self, name: str) -> None:
        self.cell.start_execd(name)

    def power_off(self, name: str) -> None:
        self.cell.power_off(name)

    def run_job(self, name: str, *, rerunnable: bool = False) -> str:
        self._jobs += 1
        self.cell.run_job(name, str(self._jobs), rerunnable=rerunnable)
        return str(self._jobs)

    def submit(self, *, held: bool = False) -> str:
        self._jobs += 1
        self.cell.jobs[str(self._jobs)] = FakeJob(str(self._jobs), "hqw" if held else "qw")
        return str(self._jobs)

    def disable(self, name: str) -> None:
        self.cell.machines[name].disabled = set(self.cell.queues)

    def stop_server(self) -> None:
        self.cell.down = True

    def start_server(self) -> None:
        self.cell.down = False

    def settle(self) -> None:
        self.clock.advance(120)


class LabRun:
    """Runs the adapter's commands on a lab's head."""

    def __init__(self, lab: object, user: str = "root") -> None:
        self._before = tuple(lab.head_argv(user))  # type: ignore[attr-defined]
        self._run = ProcessRunner({})

    def __call__(self, argv: tuple[str, ...], *, timeout: float) -> Completed:
        return self._run((*self._before, *argv), timeout=timeout)


class Real:
    """The Grid Engine adapter over the real thing, in a lab."""

    def __init__(self, lab: object) -> None:
        self.lab = lab
        self.batch = GridEngine(SgeSettings(), [Reservation()], run=LabRun(lab))

    def boot(self, name: str) -> str:
        return self.lab.start_node(name)  # type: ignore[attr-defined]

    def start_daemon(self, name: str) -> None:
        self.lab.start_execd(name)  # type: ignore[attr-defined]
        self._wait(lambda: next(host for host in self.batch.observe().hosts if host.name == name).up is True)

    def power_off(self, name: str) -> None:
        self.lab.poweroff(name)  # type: ignore[attr-defined]

    def run_job(self, name: str, *, rerunnable: bool = False) -> str:
        job_id = self._qsub(f"-q all.q@{name} -r {'y' if rerunnable else 'n'}")
        self._wait(lambda: any(job.id == job_id and job.hosts == (name,) for job in self.batch.observe().jobs))
        return job_id

    def submit(self, *, held: bool = False) -> str:
        job_id = self._qsub("-h" if held else "-pe smp 999")
        self._wait(lambda: any(job.id == job_id and not job.reason.endswith("known yet") for job in self.batch.observe().jobs))
        return job_id

    def disable(self, name: str) -> None:
        self.lab.head(["qmod", "-d", f"*@{name}"])  # type: ignore[attr-defined]

    def stop_server(self) -> None:
        self.lab.head("pkill -KILL sge_qmaster")  # type: ignore[attr-defined]
        self._wait(lambda: self.lab.head("qstat", check=False).returncode != 0)  # type: ignore[attr-defined]

    def start_server(self) -> None:
        self.lab.head("sge_qmaster")  # type: ignore[attr-defined]
        self._wait(lambda: self.lab.head("qconf -sel", check=False).returncode == 0)  # type: ignore[attr-defined]

    def settle(self) -> None:
        time.sleep(1)

    def _qsub(self, options: str) -> str:
        done = self.lab.head(f"cd /tmp && qsub -terse -b y -j y -o /dev/null {options} sleep 900", user="alice")  # type: ignore[attr-defined]
        return done.stdout.split()[0].partition(".")[0]

    def _wait(self, condition: object) -> None:
        self.lab.wait_for(condition, within=60)  # type: ignore[attr-defined]


@contextmanager
def simulated() -> Iterator[Backend]:
    yield Simulated()


@contextmanager
def in_memory() -> Iterator[Backend]:
    yield InMemory()


@contextmanager
def real() -> Iterator[Backend]:
    from lab.api import Lab

    with Lab(name=f"batch-contract-{os.getpid()}") as lab:
        yield Real(lab)


BACKENDS = {"simulated": simulated, "gridengine-in-memory": in_memory, "gridengine": real, "torque-4": torque_4, "torque-6": torque_6}
NEED_ROOT = frozenset({"gridengine"})
