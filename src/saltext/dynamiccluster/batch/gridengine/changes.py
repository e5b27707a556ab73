"""Changing the cell: hosts join, are held and released, and leave. Each change is idempotent and read back."""

from __future__ import annotations

from collections.abc import Iterable

from ...errors import BatchRefused, HostHasJobs, NameUnresolvable
from ...model import HoldBy, Shape
from ...ports import Joining
from .cell import HELD_GROUP, Cell
from .hosts import HostRecord
from .hostview import whose_hold
from .offers import Plan, joined_features, plan_entry
from .resources import GPUS
from .tools import Tools, same_host

_THERE = "already exists"
_GONE = r"does not exist in|does not exist$|not found$|not defined|is not an execution host|can't resolve|unable to resolve"
_SET = "already in the specified state"
_ADDED = "Adding new element"


class Changes:
    """The changes of one cell. The caller sees to it that two never run at once: qconf loses updates then."""

    def __init__(self, tools: Tools, host_group: str) -> None:
        self._tools = tools
        self._host_group = host_group

    def join(self, node: Joining, cell: Cell) -> None:
        """Enter a host, disabled, with slots, before its daemon starts. Raises NameUnresolvable, BatchRefused."""
        plan = plan_entry(cell, node.reservation, self._host_group)
        if plan.problem:
            raise BatchRefused(f"{node.hostname} cannot join: {plan.problem}")
        # asked before the qmaster is: it refuses a name for a minute after it failed to resolve it once
        if not self._tools.resolves(node.hostname):
            raise NameUnresolvable(f"{node.hostname} does not resolve on the head yet")
        self._mark(node.hostname)
        self._enter(node.hostname, plan)
        self._disable(node.hostname)
        self._give(node.hostname, node.shape, plan, cell)
        self._check_joined(node, plan)

    def hold(self, hostname: str) -> None:
        """Disable all queues of a host and mark it as held by us; one that an administrator holds stays theirs. Raises BatchRefused."""
        record = self._require(hostname)
        name = record.name
        if whose_hold(record, frozenset(self._tools.group(HELD_GROUP))) is HoldBy.ADMINISTRATOR:
            return
        # marked first: a crash in between leaves a mark without a hold, which is no hold; the other way it would look an administrator's
        self._mark(name)
        self._disable(name)

    def unhold(self, hostname: str) -> None:
        """Enable all queues of a host, whoever disabled them. Raises BatchRefused."""
        name = self._require(hostname).name
        self._tools.change(self._tools.settings.qmod_command, "-e", name, harmless=_SET)
        self._unmark(name)

    def remove(self, hostname: str, *, gone: bool) -> None:
        """Take a host out everywhere. Raises HostHasJobs, BatchRefused when it is still there afterwards."""
        if not gone:  # no job may start while it goes
            self._tools.change(self._tools.settings.qmod_command, "-d", hostname, harmless=f"{_SET}|invalid queue")
        record = self._tools.host(hostname)
        name = record.name if record else hostname
        if record and (record.jobs or record.used):
            raise HostHasJobs(f"{name} still lists {_enumerate(record.jobs)}")
        if record:
            self._tools.configure("-ke", name, harmless=".")  # a daemon that is gone already cannot be ended
        self._leave(name, self._tools.memberships())
        self._delete(name)
        self._check_left(name)

    # -- steps of joining and holding

    def _require(self, hostname: str) -> HostRecord:
        record = self._tools.host(hostname)
        if record is None:
            raise BatchRefused(f"{hostname} is no execution host")
        return record

    def _mark(self, name: str) -> None:
        entry = ("-aattr", "hostgroup", "hostlist", name, HELD_GROUP)
        try:
            self._tools.configure(*entry, harmless=_THERE)
        except BatchRefused as refusal:
            if f'"{HELD_GROUP}" does not exist' not in str(refusal):
                raise
            self._tools.create_group(HELD_GROUP, harmless=_THERE)
            self._tools.configure(*entry, harmless=_THERE)

    def _unmark(self, name: str) -> None:
        self._tools.configure("-dattr", "hostgroup", "hostlist", name, HELD_GROUP, harmless=_GONE)

    def _disable(self, name: str) -> None:
        self._tools.change(self._tools.settings.qmod_command, "-d", name, harmless=_SET)

    def _enter(self, name: str, plan: Plan) -> None:
        if plan.group:
            self._tools.change(self._tools.settings.hostgroup_command, "-aattr", name, plan.group, harmless=_THERE)
            return
        for queue in plan.queues:
            self._tools.configure("-aattr", "queue", "hostlist", name, queue, harmless=_THERE)

    def _give(self, name: str, shape: Shape, plan: Plan, cell: Cell) -> None:
        for queue in sorted(plan.queues | plan.others):
            slots = shape.cores if queue in plan.queues else 0
            self._tools.change(self._tools.settings.set_slots_command, slots, queue, name)
        given = _values(shape, cell)
        if len(plan.queues) > 1:
            given["slots"] = str(shape.cores)  # else each queue fills the host on its own
        values = ",".join(f"{key}={value}" for key, value in given.items())
        if values:
            self._tools.configure("-mattr", "exechost", "complex_values", values, name, harmless=_ADDED)

    def _check_joined(self, node: Joining, plan: Plan) -> None:
        """Read back: some refusals are silent."""
        found = {queue.name: queue for queue in self._require(node.hostname).queues}
        missing = sorted(plan.queues - set(found))
        if missing:
            raise BatchRefused(f"{node.hostname} did not get into {', '.join(missing)}")
        wrong = [queue.name for queue in found.values() if queue.name in plan.queues and queue.slots != node.shape.cores]
        if wrong:
            raise BatchRefused(f"{node.hostname} did not get {node.shape.cores} slots in {', '.join(wrong)}")
        if enabled := [queue.name for queue in found.values() if "d" not in queue.state]:
            raise BatchRefused(f"{node.hostname} is not disabled in {', '.join(enabled)}")

    # -- steps of removing

    def _leave(self, name: str, cell: Cell) -> None:
        """Take a host out of all groups and queues, and drop what queues configure for it."""
        for group, members in cell.groups.items():
            if group != HELD_GROUP and _contains(members, name):
                self._tools.change(self._tools.settings.hostgroup_command, "-dattr", name, group, harmless=_GONE)
        for queue in cell.queues.values():
            if _contains(queue.hosts, name):
                self._tools.configure("-dattr", "queue", "hostlist", name, queue.name, harmless=_GONE)
            if overridden := queue.overridden(name):
                self._purge(queue.name, name, overridden)

    def _purge(self, queue: str, name: str, overridden: tuple[str, ...]) -> None:
        if "slots" in overridden:
            self._tools.change(self._tools.settings.unset_slots_command, queue, name, harmless=_GONE)
        if set(overridden) - {"slots"}:
            self._tools.configure("-purge", "queue", "*", f"{queue}@{name}", harmless=_GONE)

    def _delete(self, name: str) -> None:
        """Delete the host itself. Our mark goes late, since a crash before would make the hold look an administrator's."""
        self._unmark(name)
        self._tools.change(self._tools.settings.remove_node_command, name, harmless=_GONE)
        for option in ("-dh", "-ds", "-dconf"):
            self._tools.configure(option, name, harmless=_GONE)

    def _check_left(self, name: str) -> None:
        cell = self._tools.memberships()
        places = [group for group, members in cell.groups.items() if _contains(members, name)]
        places += [queue.name for queue in cell.queues.values() if _contains(queue.hosts, name) or queue.overridden(name)]
        if _contains(self._tools.exec_hosts(), name):
            places.append("the execution hosts")
        if places:
            raise BatchRefused(f"{name} was removed and is still in {', '.join(places)}")


def _contains(names: Iterable[str], host: str) -> bool:
    return any(not name.startswith("@") and same_host(name, host) for name in names)


def _values(shape: Shape, cell: Cell) -> dict[str, str]:
    """Return the complex values that the machine's shape stands for. Without them no job that asks for them could run there."""
    values = {}
    for name, value in joined_features(cell).items():
        if name in GPUS:
            amount = str(shape.gpus) if shape.gpus else ""
        elif cell.complexes[name].is_exclusive:
            amount = value
        else:
            amount = f"{shape.memory_mb}M" if shape.memory_mb else ""
        if amount:
            values[name] = amount
    return values


def _enumerate(jobs: tuple[str, ...]) -> str:
    if not jobs:
        return "used slots"
    shown = ", ".join(jobs[:5]) + (" ..." if len(jobs) > 5 else "")
    return f"{'job' if len(jobs) == 1 else 'jobs'} {shown}"
