"""Maui's reservations: made exactly for one node, looked at afterwards, ended with the node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...errors import BatchRefused
from ...model import Reservation
from ..commands import Completed
from .maui import NodeReservation, parse_created
from .replies import check_maui
from .tools import MAUI_TIMEOUT, Tools, same_host

_NO_MATCH = ("no matches found", "cannot determine nodelist")


class Reservations:
    """The reservations of nodes of ours. `known` are those that resources may have."""

    def __init__(self, tools: Tools, known: Iterable[Reservation]) -> None:
        self._tools = tools
        self._names = frozenset(name for reservation in known for _, name in _parts(reservation))

    def ensure(self, hostname: str, wanted: Reservation) -> None:
        """See to it that the node has exactly the reservations wanted, among those that resources may have.

        Raises BatchRefused, also while Maui does not know the node yet: it looks for new ones every RMPOLLINTERVAL (30 s).
        """
        if not self._names:
            return
        parts = tuple(_parts(wanted))
        if parts and not self._tools.maui_state(hostname):
            raise BatchRefused(f"Maui does not know {hostname} yet (it looks every RMPOLLINTERVAL): it is reserved as soon as it does")
        rows = self._tools.reservations(hostname)
        present = {row.name for row in rows if same_host(row.node, hostname) and _is_only_for(row, hostname, rows)}
        # one that a former machine of this name left behind would keep everybody else off
        self._end((row for row in rows if row.name not in {name for _, name in parts}), hostname, rows)
        for flag, name in parts:
            if name not in present:
                self._make(flag, name, hostname)

    def end(self, hostname: str) -> None:
        """End what is reserved for just this node. One that holds other nodes as well stays."""
        if self._names:
            rows = self._tools.reservations(hostname)
            self._end(rows, hostname, rows)

    def _end(self, rows: Iterable[NodeReservation], hostname: str, all_rows: tuple[NodeReservation, ...]) -> None:
        for row in rows:
            if row.name in self._names and same_host(row.node, hostname) and _is_only_for(row, hostname, all_rows):
                self._release(row, hostname)

    def _make(self, flag: str, name: str, hostname: str) -> None:
        said = check_maui(self._ask(flag, name, hostname), f"setres {flag} {name} {hostname}")
        made = parse_created(said)
        rows = self._tools.reservations(hostname)
        if not made:
            made = next((row.id for row in rows if row.name == name and same_host(row.node, hostname)), "")
        others = sorted({row.node for row in rows if row.id == made and not same_host(row.node, hostname)})
        if others:
            self._release(next(row for row in rows if row.id == made), hostname)
            raise BatchRefused(f"setres reserved {', '.join(others)} when it was asked for {hostname}: {made} was ended again")
        if not any(row.id == made and same_host(row.node, hostname) for row in rows):
            raise BatchRefused(f"setres {flag} {name} {hostname} left {hostname} without a reservation: {said.strip()[:200]}")

    def _ask(self, flag: str, name: str, hostname: str) -> Completed:
        """Run setres. To Maui a node's name is a pattern that matches anywhere: node1 is found in node10, and so is anchored."""
        template = self._tools.settings.setres_command
        plain = self._tools.values(template, flag, name, hostname)  # checks the values, too
        if self._tools.is_plain(template):
            done = self._tools.run(self._tools.program(template, flag, name, f"^{hostname}$"), MAUI_TIMEOUT)
            if not (done.status and any(text in done.text for text in _NO_MATCH)):
                return done
        return self._tools.run(plain, MAUI_TIMEOUT)

    def _release(self, row: NodeReservation, hostname: str) -> None:
        """End one reservation by its id, or as the site's own command does it; look whether it is gone."""
        template = self._tools.settings.releaseres_command
        if template.is_builtin or (template.program_argv() and not template.needs_shell):
            argv = self._tools.program(template, row.id)
        else:
            argv = self._tools.values(template, hostname, row.name)
        done = self._tools.run(argv, MAUI_TIMEOUT)
        if "cannot locate reservation" not in done.text:
            check_maui(done, " ".join(argv))
        if any(found.id == row.id for found in self._tools.reservations(hostname)):
            raise BatchRefused(f"reservation {row.id} of {row.node} is still there: {done.brief}")


def _parts(reservation: Reservation) -> Iterator[tuple[str, str]]:
    """Yield setres's option and value for each part that Maui enforces; a property is Torque's."""
    if reservation.queue:
        yield "-q", reservation.queue
    if reservation.account:
        yield "-a", reservation.account


def _is_only_for(row: NodeReservation, hostname: str, rows: Iterable[NodeReservation]) -> bool:
    return all(same_host(other.node, hostname) for other in rows if other.id == row.id)
