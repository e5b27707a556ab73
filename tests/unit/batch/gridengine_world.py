"""The adapter over a cell in memory, on virtual time."""

from __future__ import annotations

from saltext.dynamiccluster.batch.gridengine import GridEngine
from saltext.dynamiccluster.model import Host, Reservation, Shape
from saltext.dynamiccluster.ports import Joining
from saltext.dynamiccluster.settings.sge import SgeSettings
from saltext.dynamiccluster.sim.clock import VirtualClock

from .fake_gridengine import FakeGridEngine


class World:
    def __init__(self, *reservations: Reservation, **settings: object) -> None:
        self.cell, self.clock = FakeGridEngine(), VirtualClock()
        self.engine = GridEngine(SgeSettings(**settings), reservations or (Reservation(),), run=self.cell, clock=self.clock.now)

    def add(self, name: str, reservation: Reservation = Reservation(), cores: int = 4) -> None:
        self.cell.boot(name)
        self.engine.join(Joining(name, "10.0.0.1", Shape(cores, 8000), reservation))
        self.cell.start_execd(name)

    def host(self, name: str) -> Host:
        return {host.name: host for host in self.engine.observe().hosts}[name]
