"""Server, scheduler and time together; and the one way in: a command line goes in, a reply comes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lab.torque import control, faults, jobcommands, mauicommands, mauijobs, mauireservations, pbsnodes, qmgr, qstat, qsub
from lab.torque.context import Context
from lab.torque.maui import Maui
from lab.torque.records import Queue, Reply
from lab.torque.server import Server

_MOST_STEPS = 2000  # a long jump of the clock is cut into so many steps at most

COMMANDS: dict[str, Callable[[Context], Reply]] = {
    "qsub": qsub.qsub, "qstat": qstat.qstat, "qmgr": qmgr.qmgr, "pbsnodes": pbsnodes.pbsnodes,
    "qdel": jobcommands.qdel, "qsig": jobcommands.qsig, "qrerun": jobcommands.qrerun,
    "qhold": jobcommands.qhold, "qrls": jobcommands.qrls,
    "checknode": mauicommands.checknode, "diagnose": mauicommands.diagnose, "showq": mauijobs.showq,
    "checkjob": mauijobs.checkjob, "releasehold": mauijobs.releasehold, "setspri": mauijobs.setspri, "showconfig": mauijobs.showconfig,
    "showres": mauireservations.showres, "setres": mauireservations.setres, "releaseres": mauireservations.releaseres,
}


@dataclass
class World:
    """One Torque with its Maui. `clock` gives Unix seconds; `broken` names the parts that do not answer.

    Parts: server (stopped), unroutable (its host does not answer), trqauthd, maui.
    """

    server: Server = field(default_factory=Server)
    clock: Callable[[], float] = time.time
    broken: set[str] = field(default_factory=set)
    maui: Maui = field(init=False)

    def __post_init__(self) -> None:
        self.maui = Maui(self.server)
        self.server.now = self.clock()

    @classmethod
    def fresh(cls, clock: Callable[[], float] = time.time, *, version: str = "4.2.10", name: str = "tqm.tq.test") -> World:
        """Return a world with the queue `batch` and no node."""
        server = Server(name=name, version=version)
        server.queues["batch"] = Queue("batch", attributes={"resources_default.walltime": "01:00:00"})
        server.attributes = {
            "scheduling": "True", "acl_hosts": name, "managers": f"root@{name}", "operators": f"root@{name}", "default_queue": "batch",
            "log_events": "511", "mail_from": "adm", "query_other_jobs": "True", "scheduler_iteration": "600", "node_check_rate": "30",
            "tcp_timeout": "30", "job_stat_rate": "45", "poll_jobs": "True", "mom_job_sync": "True", "keep_completed": "60",
            "submit_hosts": name.partition(".")[0],
        }
        return cls(server, clock)

    @property
    def server_up(self) -> bool:
        return not self.broken & {"server", "unroutable"}

    def advance(self) -> None:
        """Let everything happen that was due until now, in its order."""
        target = self.clock()
        gap = target - self.server.now
        steps = max(1, min(_MOST_STEPS, int(gap)))
        for number in range(1, steps + 1):
            self.server.now = target - gap * (steps - number) / steps
            if self.server_up:
                self.server.step()
            if "maui" not in self.broken:
                self.maui.step(self.server.now, self.server_up)

    def stop(self, part: str) -> None:
        """Have a part not answer any more."""
        self.advance()
        self.broken.add(part)

    def start(self, part: str) -> None:
        """Have a part answer again. A server that starts makes all moms know all nodes."""
        self.broken.discard(part)
        if part == "server":
            self.server.restart()
        if part == "maui":
            # what it knew is gone, reservations are in its checkpoint
            self.maui.seen.clear()
            self.maui.polled = -1e9
        self.advance()

    def call(self, words: Sequence[str], *, user: str = "root", stdin: str = "", script: str | None = None,
             directory: str = "", environment: Mapping[str, str] | None = None) -> Reply:
        """Run one command of `user` and return what it says. `script` is the text of the file that qsub was given."""
        self.advance()
        name = words[0].rpartition("/")[2]
        if name in _SWITCHES:
            return _SWITCHES[name](self, tuple(words[1:])) if user == "root" else Reply(1, err=f"{name}: must be run as root\n")
        context = Context(self.server, self.maui, name, tuple(words[1:]), user, stdin, script, directory, dict(environment or {}))
        refusal = faults.refusal(context, self.broken)
        if refusal is not None:
            return refusal
        command = COMMANDS.get(name)
        return command(context) if command else Reply(127, err=f"{name}: command not found\n")


_SWITCHES: dict[str, Callable[[World, tuple[str, ...]], Reply]] = {
    "torque-standin": control.control,
    "qterm": lambda world, _: control.qterm(world),
    "pbs_server": lambda world, _: control.pbs_server(world),
}
