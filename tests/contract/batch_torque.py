"""The Torque adapter over the stand-in, for the contract suite: no process, no root, virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from saltext.dynamiccluster.batch.torque import Torque
from saltext.dynamiccluster.model import Reservation
from saltext.dynamiccluster.settings.torque import TorqueSettings
from tests.torque_standin import StandIn


class OnStandIn:
    """A batch system of the contract suite."""

    def __init__(self, version: str) -> None:
        self.standin = StandIn(version)
        self.standin.world.server.timing.unlisted = 0  # its effect on a join has a test of its own
        self.standin.qmgr("set server resources_available.nodect = 1000")
        self.batch = Torque(TorqueSettings(), [Reservation()], run=self.standin, clock=self.standin.clock.now)

    def boot(self, name: str) -> str:
        return self.standin.boot(name)

    def start_daemon(self, name: str) -> None:
        self.standin.start_mom(name)

    def power_off(self, name: str) -> None:
        self.standin.power_off(name)

    def run_job(self, name: str, *, rerunnable: bool = False) -> str:
        job_id = self.standin.submit(f"-l nodes={name} -r {'y' if rerunnable else 'n'}")
        self.standin.poll()
        assert any(job.id == job_id and job.hosts == (name,) for job in self.batch.observe().jobs)
        return job_id

    def submit(self, *, held: bool = False) -> str:
        return self.standin.submit("-h" if held else "-l nodes=900")

    def disable(self, name: str) -> None:
        self.standin.command(f"pbsnodes -o {name}")

    def stop_server(self) -> None:
        self.standin.world.stop("server")

    def start_server(self) -> None:
        self.standin.world.start("server")

    def settle(self) -> None:
        self.standin.wait(120)


@contextmanager
def torque_4() -> Iterator[OnStandIn]:
    yield OnStandIn("4.2.10")


@contextmanager
def torque_6() -> Iterator[OnStandIn]:
    yield OnStandIn("6.1.3")
