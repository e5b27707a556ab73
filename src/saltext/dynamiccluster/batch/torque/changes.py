"""Changing Torque's nodes: they join, are held and released, and leave. Each change is idempotent and read back: refusals exit with 0."""

from __future__ import annotations

import re
from collections.abc import Callable

from ...errors import BatchRefused, HostHasJobs, NameUnresolvable
from ...model import HoldBy, Shape
from ...ports import Joining
from ..commands import Completed
from .hostview import NOT_SENT, OUR_NOTE, whose_hold
from .nodes import NodeRecord
from .offers import find_problem
from .replies import UNKNOWN_NODE, check_created, check_reached
from .reservations import Reservations
from .server import Server
from .tools import CHANGE_TIMEOUT, Tools

_JOINED = "not in service yet"
_NOTE_LENGTH = 200  # Torque takes 256
_UNPRINTABLE = re.compile(r"[^ -~]|[`$\\\"']")
_NO_ATTRIBUTE = re.compile("undefined attribute", re.IGNORECASE)
_NO_NOTE = "n"  # pbsnodes' own word for an empty note


class Changes:
    """The changes of one server's nodes. The caller sees to it that two never run at once."""

    def __init__(self, tools: Tools, reservations: Reservations, created: Callable[[str], None]) -> None:
        """`created` is called with the name of each node that was newly defined."""
        self._tools = tools
        self._reservations = reservations
        self._created = created

    def join(self, node: Joining, server: Server) -> None:
        """Define a node, offline, before its daemon starts. Raises NameUnresolvable, BatchRefused."""
        name = node.hostname
        if problem := find_problem(server, node.reservation):
            raise BatchRefused(f"{name} cannot join: {problem}")
        if not self._tools.resolves(name):
            raise NameUnresolvable(f"{name} does not resolve on the head yet")
        record = self._tools.node(name)
        if record is None:
            check_created(self._tools.attempt(self._tools.settings.add_node_command, name), name)
            self._created(name)
        self._take_offline(self._require(name), _JOINED, joining=True)
        self._give(self._require(name), node.shape, node.reservation.property)
        self._check_joined(node)
        self._reservations.ensure(name, node.reservation)

    def hold(self, hostname: str, why: str) -> None:
        """Take a node offline with our note. What an administrator took offline stays his. Raises BatchRefused."""
        self._take_offline(self._require(hostname), why)

    def unhold(self, hostname: str) -> None:
        """Bring a node back, whoever took it offline. Raises BatchRefused."""
        record = self._require(hostname)
        if not record.offline and not record.note.startswith(OUR_NOTE):
            return
        template = self._tools.settings.pbsnodes_command
        done = self._tools.attempt(template, "-c", record.name)
        check_reached(done, f"pbsnodes -c {record.name}")
        if record.note.startswith(OUR_NOTE):
            # last, so that a crash in between leaves no hold that looks an administrator's; left there, it would make his next one look ours
            self._tools.run(self._tools.program(template, "-N", _NO_NOTE, record.name), CHANGE_TIMEOUT)
        after = self._require(hostname)
        if after.offline or after.note.startswith(OUR_NOTE):
            raise BatchRefused(f"{hostname} is still offline, or still has our note: {done.brief or 'pbsnodes said nothing'}")

    def remove(self, hostname: str, *, gone: bool) -> None:
        """Delete a node and end its reservation. Raises HostHasJobs, BatchRefused."""
        record = self._tools.node(hostname)
        if record is not None and not gone:
            self._check_ours(record)
            self._take_offline(record, "leaving")
            record = self._tools.node(hostname)
        if record is not None and record.jobs:
            raise HostHasJobs(f"{hostname} still lists {_enumerate(record.jobs)}")
        name = record.name if record else hostname
        self._reservations.end(name)
        if record is not None:
            template = self._tools.settings.remove_node_command
            self._tools.change(template, name, harmless=UNKNOWN_NODE)
            if self._tools.node(hostname) is not None:
                raise BatchRefused(f"{hostname} is still there after it was deleted")

    # -- steps

    def _require(self, hostname: str) -> NodeRecord:
        record = self._tools.node(hostname)
        if record is None:
            raise BatchRefused(f"{hostname} is no node of this server")
        if record.broken:
            raise BatchRefused(f"{hostname}: {record.broken}")
        return record

    def _check_ours(self, record: NodeRecord) -> None:
        """Refuse a node that somebody took offline meanwhile and wrote why. Without a note it may be half joined: the caller knows."""
        if whose_hold(record) is HoldBy.ADMINISTRATOR and record.note:
            raise BatchRefused(f"{record.name} was taken offline by an administrator ({record.note}): pbsnodes -c {record.name} lets it go")

    def _take_offline(self, record: NodeRecord, why: str, *, joining: bool = False) -> None:
        """Mark and close a node. A node that was just made is offline without a note; any other such is an administrator's."""
        if record.offline and NOT_SENT not in record.flags and (record.note or not joining):
            return
        done = self._close(record.name, f"{OUR_NOTE} held: {_clean(why)}"[:_NOTE_LENGTH])
        check_reached(done, f"pbsnodes -o {record.name}")
        after = self._require(record.name)
        if NOT_SENT in after.flags:
            raise BatchRefused(f"{record.name} was defined a moment ago ({NOT_SENT}): what is set now does not last, it is asked for again")
        if not after.offline or not after.note.startswith(OUR_NOTE):
            raise BatchRefused(f"{record.name} did not go offline with our note: {done.brief or 'pbsnodes said nothing'}")

    def _close(self, name: str, note: str) -> Completed:
        """Set the note and the state, in one call where the command is not the site's own (else the mark first)."""
        template = self._tools.settings.pbsnodes_command
        plain = self._tools.values(template, "-o", name)
        if self._tools.is_plain(template):
            return self._tools.run(self._tools.program(template, "-o", "-N", note, name), CHANGE_TIMEOUT)
        self._tools.run(self._tools.program(template, "-N", note, name), CHANGE_TIMEOUT)
        return self._tools.run(plain, CHANGE_TIMEOUT)

    def _give(self, record: NodeRecord, shape: Shape, wanted: str) -> None:
        template = self._tools.settings.set_node_command
        if record.np != shape.cores:
            self._tools.change(template, record.name, "np", "=", shape.cores)
        if shape.gpus and record.gpus != shape.gpus:
            self._tools.change(template, record.name, "gpus", "=", shape.gpus, harmless=_NO_ATTRIBUTE)
        if wanted and wanted not in record.properties:  # += twice would give it twice
            self._tools.change(template, record.name, "properties", "+=", wanted)

    def _check_joined(self, node: Joining) -> None:
        """Read back what was set."""
        record = self._require(node.hostname)
        if record.np != node.shape.cores:
            raise BatchRefused(f"{node.hostname} has {record.np} slots, {node.shape.cores} were set")
        if node.reservation.property and node.reservation.property not in record.properties:
            raise BatchRefused(f"{node.hostname} did not get the property {node.reservation.property}")
        if not record.offline:
            raise BatchRefused(f"{node.hostname} is not offline, so that jobs could start before it is configured")


def _clean(why: str) -> str:
    """Return a reason as a note may hold it."""
    return " ".join(_UNPRINTABLE.sub(" ", why).split()) or "no reason given"


def _enumerate(jobs: tuple[str, ...]) -> str:
    shown = ", ".join(jobs[:5]) + (" ..." if len(jobs) > 5 else "")
    return f"{'job' if len(jobs) == 1 else 'jobs'} {shown}"
