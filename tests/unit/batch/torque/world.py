"""An adapter over the fake server, on a clock that tests set."""

from __future__ import annotations

from typing import Any

from saltext.dynamiccluster.batch.torque import Torque
from saltext.dynamiccluster.model import Host, Job, Reservation, Shape
from saltext.dynamiccluster.ports import Joining
from saltext.dynamiccluster.settings.torque import TorqueSettings

from .fake_torque import FakeTorque


class World:
    """A fake server, its adapter, and short ways to use them."""

    def __init__(self, *reservations: Reservation, **settings: Any) -> None:
        self.fake, self.now = FakeTorque(), 1000.0
        self.batch = Torque(TorqueSettings(**settings), reservations or [Reservation()], run=self.fake, clock=lambda: self.now)

    def join(self, name: str, reservation: Reservation = Reservation(), cores: int = 4, gpus: int = 0) -> None:
        self.fake.boot(name)
        self.batch.join(Joining(name, "10.0.0.1", Shape(cores, 8000, gpus), reservation))

    def serve(self, name: str, reservation: Reservation = Reservation()) -> None:
        """Have a node join, boot and be released."""
        self.fake.boot(name)
        self.fake.seen[name] = "Down"
        self.join(name, reservation)
        self.fake.start_mom(name)
        self.batch.unhold(name)
        self.fake.poll()

    def hosts(self) -> dict[str, Host]:
        return {host.name: host for host in self.batch.observe().hosts}

    def jobs(self) -> dict[str, Job]:
        return {job.id.partition(".")[0]: job for job in self.batch.observe().jobs}

    def warnings(self) -> str:
        return "\n".join(self.batch.observe().warnings)
