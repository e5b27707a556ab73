"""The stand-in for Torque and Maui as the adapter runs it in tests: in this process, in virtual time."""

from __future__ import annotations

from lab.torque.moms import VirtualMom
from lab.torque.records import Reply
from lab.torque.world import World
from saltext.dynamiccluster.batch.commands import Completed
from saltext.dynamiccluster.errors import BatchUnreachable
from saltext.dynamiccluster.sim.clock import VirtualClock


class StandIn:
    """One Torque with machines, users and an administrator; its call is a `Run`. Commands take no time but what the real ones wait for."""

    def __init__(self, version: str = "4.2.10") -> None:
        self.clock = VirtualClock()
        self.world = World.fresh(self.clock.now, version=version)
        self.addresses: dict[str, str] = {"tqm.tq.test": "10.77.0.1"}
        self.world.server.resolve = lambda name: self.addresses.get(name, "")
        self.user = "root"
        self.calls: list[tuple[str, ...]] = []

    def __call__(self, argv: tuple[str, ...], *, timeout: float) -> Completed:
        self.calls.append(argv)
        reply = self._answer(argv)
        if reply.seconds > timeout:
            raise BatchUnreachable(f"{' '.join(argv)} did not answer within {timeout:g} s")
        return Completed(reply.status, reply.out.encode(), reply.err.encode())

    def _answer(self, argv: tuple[str, ...]) -> Reply:
        if argv[:2] == ("getent", "ahosts"):
            address = self.addresses.get(argv[2], "")
            return Reply(0, f"{address} STREAM {argv[2]}\n") if address else Reply(2)
        if argv[0] == "id":
            return Reply(0, f"{self.user}\n")
        return self.world.call(argv, user=self.user)

    def command(self, line: str, *, user: str = "root", stdin: str = "") -> Reply:
        """Run one command, words split at blanks."""
        return self.world.call(line.split(), user=user, stdin=stdin)

    def qmgr(self, text: str) -> Reply:
        """Run one request of qmgr as its manager."""
        return self.world.call(["qmgr", "-c", text])

    def boot(self, name: str) -> str:
        """Give a machine a name and an address; its mom is not started yet."""
        self.addresses[name] = f"10.77.1.{len(self.addresses)}"
        return self.addresses[name]

    def start_mom(self, name: str) -> None:
        """Start a machine's execution daemon and let the server and Maui hear of it."""
        self.world.server.moms[name] = VirtualMom(self.world.server, self.clock.now())
        self.wait(2)

    def power_off(self, name: str) -> None:
        """Cut a machine's power."""
        self.addresses.pop(name, None)
        mom = self.world.server.moms[name]
        assert isinstance(mom, VirtualMom)
        mom.powered = False

    def add_node(self, name: str, np: int = 2) -> None:
        """Have a node in service that Maui knows."""
        self.boot(name)
        self.qmgr(f"create node {name} np={np}")
        self.wait(self.world.server.timing.unlisted if self.world.server.v6 else 0)
        self.start_mom(name)
        self.command(f"pbsnodes -c {name}")
        self.poll()

    def submit(self, options: str = "", script: str = "sleep 100000", user: str = "alice") -> str:
        """Submit a job and return its id."""
        reply = self.command(f"qsub {options}", user=user, stdin=script)
        assert reply.status == 0, reply.err
        return reply.out.strip()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)
        self.world.advance()

    def poll(self) -> None:
        """Let Maui look at the server and start what can start, and look again."""
        for _ in range(2):
            self.wait(self.world.server.timing.poll)
