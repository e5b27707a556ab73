"""What Torque and Maui need after the cluster grew: jobs that Maui put off considered again, and Torque 4 restarted for its new nodes.

Both are changes, made at the end of a reading because they become possible only some time after a node was let in: when Maui has seen it.
A job that is stuck after a restart of the engine shows by itself, so that what was begun before is finished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ...errors import BatchError, BatchRefused
from ...model import Job, JobState
from .jobs import JobRecord
from .memory import MauiReading
from .nodes import NodeRecord
from .tools import Tools

PATIENCE = 900.0  # seconds after which a node that Maui does not show as usable is no longer waited for
RESTART_TIMEOUT = 120.0
BETWEEN_RESTARTS = 600.0
_AT_ONCE = 40  # jobs in one call of releasehold
_LAST_BAD_MAJOR = 5  # 4.2 has the fault, 6.1 does not
_OCCUPIES = frozenset({"R", "E", "S", "T"})
_UNUSABLE = frozenset({"", "Down", "Drained", "Draining", "Unknown"})


@dataclass(frozen=True)
class Reading:
    """One observation, as the follow-up of growth looks at it."""

    records: tuple[JobRecord, ...]
    nodes: tuple[NodeRecord, ...]
    jobs: tuple[Job, ...]
    maui: MauiReading
    now: float

    @property
    def usable(self) -> frozenset[str]:
        return frozenset(node.name for node in self.nodes if not node.offline and not node.down)


@dataclass
class Deferred:
    """Gives the jobs that Maui put off another chance, once it has seen the nodes that were let in."""

    tools: Tools
    _waiting: dict[str, float] = field(default_factory=dict)
    _trouble: str = ""

    def released(self, hostname: str, now: float) -> None:
        """Take in that a node was let in."""
        self._waiting.pop(hostname, None)
        self._waiting[hostname] = now

    def tend(self, reading: Reading) -> str:
        """Release holds when it is time; return a warning or ""."""
        self._waiting = {name: at for name, at in self._waiting.items() if reading.now - at < PATIENCE}
        ready = [name for name in self._waiting if name in reading.usable]
        missing = _missing(reading) if ready and reading.maui.up else frozenset()
        if not missing:
            return self._trouble
        try:
            # the last one let in is the last one that Maui sees
            if self.tools.maui_state(ready[-1]) in _UNUSABLE:
                return self._trouble
            self._release(missing)
        except BatchError as error:
            self._trouble = f"jobs that Maui deferred could not be released ({error}): set DEFERTIME 0 in maui.cfg"
            return self._trouble
        for name in ready:
            del self._waiting[name]
        self._trouble = ""
        return ""

    def _release(self, missing: frozenset[str]) -> None:
        blocked = [number for number in self.tools.blocked_jobs() if number in missing]
        # elements of arrays last: should a Maui not understand how they are named, the others are released all the same
        for numbers in ([one for one in blocked if "[" not in one], [one for one in blocked if "[" in one]):
            for at in range(0, len(numbers), _AT_ONCE):
                self.tools.release_holds(numbers[at : at + _AT_ONCE])


@dataclass
class Restart:
    """Torque 4 never starts a job over several nodes that were defined since pbs_server started: it must be restarted."""

    tools: Tools
    _new: set[str] = field(default_factory=set)
    _restarted: float = float("-inf")

    def joined(self, hostname: str) -> None:
        """Take in that a node was defined."""
        self._new.add(hostname)

    def server_was_down(self) -> None:
        """Take in that pbs_server was surely not running: it knows all nodes again."""
        self._new.clear()

    def tend(self, reading: Reading, version: Callable[[], str]) -> str:
        """Restart the server if that helps and can harm no job, and return what an administrator should know, or ""."""
        self._learn(reading)
        stuck = tuple([record for record in reading.records if record.state == "R" and is_stuck(record)])
        waiting = _waiting_over_nodes(reading) if self._new & reading.usable else 0
        if not (stuck or waiting) or not is_affected(version()):
            return ""
        return self._restart(
            reading, f"{len(stuck) + waiting} jobs over several nodes cannot start on nodes added since pbs_server started"
        )

    def _learn(self, reading: Reading) -> None:
        """Forget nodes that were deleted, and those on which a job over several nodes does run."""
        self._new &= {node.name for node in reading.nodes}
        for record in reading.records if self._new else ():
            if record.state == "R" and len(record.hosts) > 1 and record.session not in ("", "0"):
                self._new.difference_update(record.hosts)

    def _restart(self, reading: Reading, what: str) -> str:
        command = self.tools.settings.restart_server_command
        if command is None:
            return f"{what} (Torque {_LAST_BAD_MAJOR - 1}): restart it when no job runs, or set restart_server_command"
        running = _count_running(reading.records)
        if running:
            return f"{what}: it is restarted as soon as no job runs ({running} do)"
        if reading.now - self._restarted < BETWEEN_RESTARTS:
            return f"{what}: it was restarted {reading.now - self._restarted:.0f} s ago, which did not help yet"
        try:
            if _count_running(self.tools.jobs()):
                return f"{what}: a job has just started"
            self._restarted = reading.now
            self._run(command.argv())
        except BatchError as error:
            return f"{what}, and restart_server_command failed: {error}"
        self._new.clear()
        return ""

    def _run(self, argv: tuple[str, ...]) -> None:
        done = self.tools.run(argv, RESTART_TIMEOUT)
        if done.status:
            raise BatchRefused(f"status {done.status}: {done.brief or 'no message'}")


def _count_running(records: Iterable[JobRecord]) -> int:
    return sum(record.state in _OCCUPIES and not is_stuck(record) for record in records)


def is_affected(version: str) -> bool:
    """Tell whether a version of Torque has the fault; one that does not tell its version has not."""
    major = version.partition(".")[0]
    return major.isdigit() and int(major) <= _LAST_BAD_MAJOR


def is_stuck(record: JobRecord) -> bool:
    """Tell whether a job over several nodes is only said to run: started again and again, without a session."""
    return record.state == "R" and len(record.hosts) > 1 and record.session == "0" and record.starts > 1


def _missing(reading: Reading) -> frozenset[str]:
    """Return the numbers of pending jobs that Maui does not list as ones it would start."""
    priorities: Mapping[str, float] = reading.maui.priorities
    numbers: Iterable[str] = (job.id.partition(".")[0] for job in reading.jobs if job.state is JobState.PENDING)
    return frozenset(number for number in numbers if number not in priorities)


def _waiting_over_nodes(reading: Reading) -> int:
    """Count the jobs for which a restart can do something: as long as there are too few nodes it would only be spent too early."""
    return sum(record.state == "Q" and 1 < record.nodes <= len(reading.usable) for record in reading.records)
