"""Every kind of trouble for minutes, one after the other, while the engine is killed again and again and the jobs keep coming."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from lab import services
from lab.api import Lab
from lab.demo import burst
from lab.demo.burst import Run, Submitted, Wish
from lab.demo.dialects import DIALECTS
from lab.errors import LabError
from lab.layout import ACCESS_KEY
from lab.state import now

_BETWEEN_KILLS_S = (10.0, 30.0)  # faster than the master starts an engine again would show nothing
_CALM_S = (3.0, 8.0)  # between two troubles
_BETWEEN_JOBS_S = (2.0, 6.0)
_MOST_WAITING = 10  # unfinished jobs: the load is to be steady, not to pile up
_DIRECTORY = "/var/cache/salt/master/dynamiccluster/lab"
_SMALL = "/run/small"
_WISHES = (
    Wish("serial", seconds=6), Wish("long", seconds=20), Wish("smp", "-pe smp 2"), Wish("wide", "-pe fill 3", seconds=6), Wish("array", "-t 1-3", seconds=5, tasks=3),
)


@dataclass(frozen=True)
class Trouble:
    """One kind of trouble. `begin(lab, dice)` returns what was done, "" when there is nothing to trouble just now, and how to mend it."""

    name: str
    begin: Callable[[Lab, random.Random], tuple[str, Callable[[], object]]]
    seconds: tuple[float, float]


def _nothing() -> None:
    """Mend what mends itself."""


def kill_qmaster(lab: Lab, dice: random.Random) -> tuple[str, Callable[[], object]]:
    """Kill the qmaster; it starts again when the trouble is over."""
    lab.head("kill -9 $(pgrep -x sge_qmaster)", check=False)
    return "the qmaster is killed", lambda: start_qmaster(lab)


def start_qmaster(lab: Lab) -> None:
    """Start the qmaster and wait until it answers."""
    lab.head("/usr/lib/gridengine/sge_qmaster >/dev/null 2>&1 </dev/null", check=False)
    lab.wait_for(lambda: lab.head("qconf -sql", check=False).returncode == 0, within=60, what="the qmaster")


def kill_master(lab: Lab, dice: random.Random) -> tuple[str, Callable[[], object]]:
    """Kill the salt-master with all its processes, the engine among them; it starts again when the trouble is over."""
    lab.head("kill -9 $(pgrep -f '[s]alt-master')", check=False)
    return "the salt-master is killed", lambda: start_master(lab)


def start_master(lab: Lab) -> None:
    """Start the salt-master, and listen to its new bus."""
    services.start_master(lab.state)
    lab.head("kill $(pgrep -f '[l]ab.events')", check=False)
    lab.follow_events()


def hang_endpoint(lab: Lab, dice: random.Random) -> tuple[str, Callable[[], object]]:
    """Let no call of the engine to its cloud be answered."""
    lab.faults("add", action="*", fault="hang", caller=ACCESS_KEY, seconds=60.0)
    return "the cloud's endpoint hangs", lambda: lab.faults("clear")


def fill_disk(lab: Lab, dice: random.Random) -> tuple[str, Callable[[], object]]:
    """Fill the small disk that the journal lies on."""
    lab.head(f"dd if=/dev/zero of={_SMALL}/filler bs=4k", check=False)
    return "the engine's disk is full", lambda: lab.head(f"rm -f {_SMALL}/filler")


def cut_network(lab: Lab, dice: random.Random) -> tuple[str, Callable[[], object]]:
    """Cut the network of a node."""
    node = _some_node(lab, dice)
    index = lab.node(node, "cat /sys/class/net/eth0/iflink", check=False).stdout.strip() if node else ""
    port = lab.head(f"ip -o link show type veth | sed -n 's/^{index}: \\([^@:]*\\).*/\\1/p'").stdout.strip() if index.isdecimal() else ""
    if not port:
        return "", _nothing
    lab.head(f"ip link set {port} down")
    return f"{node} is cut off the network", lambda: lab.head(f"ip link set {port} up", check=False)


def cut_power(lab: Lab, dice: random.Random) -> tuple[str, Callable[[], object]]:
    """Cut the power of a node."""
    node = _some_node(lab, dice)
    if not node:
        return "", _nothing
    lab.poweroff(node, "stopped")
    return f"{node} loses its power", _nothing


def _some_node(lab: Lab, dice: random.Random) -> str:
    names = sorted(lab.nodes())
    return dice.choice(names) if names else ""


TROUBLES = (
    Trouble("qmaster", kill_qmaster, (5, 12)),
    Trouble("salt-master", kill_master, (2, 6)),
    Trouble("endpoint", hang_endpoint, (8, 20)),
    Trouble("network", cut_network, (10, 40)),
    Trouble("disk", fill_disk, (8, 15)),
    Trouble("power", cut_power, (1, 2)),
)


@dataclass
class Storm:
    """What goes wrong until `ends` (the clock of lab.state.now). `step` is called about once a second and takes a moment at most."""

    lab: Lab
    dice: random.Random
    ends: float
    troubles: tuple[Trouble, ...] = TROUBLES
    kills: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    submitted: list[Submitted] = field(default_factory=list)
    _left: list[Trouble] = field(default_factory=list)
    _mend: Callable[[], object] | None = None
    _next_change: float = 0.0
    _next_kill: float = 0.0
    _next_job: float = 0.0

    def prepare(self) -> None:
        """Move the engine's directory to a small disk of its own. The engine is killed for that; it starts again there."""
        self.lab.head(f"mkdir -p {_SMALL} && mount -t tmpfs -o size=16m,mode=700 small {_SMALL}")
        self.lab.kill_engine()
        self.lab.head(f"cp -a {_DIRECTORY}/. {_SMALL}/ && mount --bind {_SMALL} {_DIRECTORY}")

    @property
    def over(self) -> bool:
        return now() >= self.ends

    def step(self, records: dict[str, Run]) -> list[str]:
        """Do what is due and say what was done."""
        if self.over:
            return self.calm()
        return [*self._kill(), *self._submit(records), *self._change()]

    def calm(self) -> list[str]:
        """End the trouble that goes on."""
        mend, self._mend = self._mend, None
        if mend is None:
            return []
        mend()
        return [] if mend is _nothing else ["chaos: that is over"]

    def faults(self, records: dict[str, Run]) -> list[str]:
        """Return what shows that the troubles did not happen as meant."""
        missing = [trouble.name for trouble in self.troubles if not self.happened[trouble.name]]
        return [*([] if self.kills else ["the engine was never killed"]), *(f"the trouble {name} never came" for name in missing)]

    def _kill(self) -> list[str]:
        if now() < self._next_kill:
            return []
        self._next_kill = now() + self.dice.uniform(*_BETWEEN_KILLS_S)
        if not self.lab.kill_engine():
            return []
        self.kills += 1
        return ["chaos: the engine is killed (SIGKILL)"]

    def _change(self) -> list[str]:
        """Begin a trouble, or end it; each comes once before any comes again."""
        if now() < self._next_change:
            return []
        if self._mend is not None:
            self._next_change = now() + self.dice.uniform(*_CALM_S)
            return self.calm()
        self._left = self._left or self.dice.sample(self.troubles, len(self.troubles))
        trouble = self._left.pop()
        said, self._mend = trouble.begin(self.lab, self.dice)
        if not said:
            self._left.insert(0, trouble)
            self._mend = None
            return []
        self.happened[trouble.name] += 1
        self._next_change = now() + self.dice.uniform(*trouble.seconds)
        return [f"chaos: {said}"]

    def _submit(self, records: dict[str, Run]) -> list[str]:
        """Have the next job come. While the qmaster is away it comes later."""
        if now() < self._next_job or len(burst.unfinished(self.submitted, records)) >= _MOST_WAITING:
            return []
        self._next_job = now() + self.dice.uniform(*_BETWEEN_JOBS_S)
        try:
            self.submitted += burst.submit(self.lab, (self.dice.choice(_WISHES),), True, DIALECTS["gridengine"])
        except LabError:
            return []
        return []
