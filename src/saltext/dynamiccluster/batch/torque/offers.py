"""What a node of a reservation will look like once it has joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...model import Offer, Reservation
from .hostview import ANY_QUEUE
from .maui import NodeReservation
from .server import Server

_SOON = 300.0  # seconds: a reservation that begins later does not keep jobs off yet


def make_offer(server: Server, reservation: Reservation) -> Offer:
    """Return what policy places jobs by; `problem` says what to create first."""
    properties = frozenset({reservation.property} if reservation.property else ())
    if problem := find_problem(server, reservation):
        return Offer(frozenset(), properties=properties, problem=problem)
    return Offer(frozenset({reservation.queue or ANY_QUEUE}), properties=properties)


def find_problem(server: Server, reservation: Reservation) -> str:
    """Return why nodes of a reservation could not join, "" when they can. Maui itself reserves for queues that nobody has."""
    queue = reservation.queue
    if not queue or queue in server.execution_queues:
        return ""
    if queue in server.queues:
        return f"queue {queue} is a routing queue, which runs no jobs: reserve for the execution queue that it leads to"
    return f"queue {queue} does not exist: create it (qmgr -c 'create queue {queue} queue_type = execution')"


def view_reservations(rows: Iterable[NodeReservation], server: Server) -> Mapping[str, Reservation]:
    """Return what keeps jobs off each node now: for a queue when its name is one's, else for an account.

    Reservations for users or of other kinds cannot be told apart by name; taken for an account's, they let in nobody, so that what they keep
    free is no supply.
    """
    found: dict[str, Reservation] = {}
    for row in rows:
        if row.starts_in > _SOON:
            continue
        known = found.get(row.node, Reservation())
        if row.name in server.queues:
            found[row.node] = Reservation(row.name, known.account)
        else:
            found[row.node] = Reservation(known.queue, row.name)
    return found
