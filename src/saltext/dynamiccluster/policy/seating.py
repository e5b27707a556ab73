"""Who sits where: from tasks placed lot by lot to the nodes of each job and the jobs of each node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .bins import Spot, Stage
from .demand import Lot, get_id
from .packing import Placed, Take


class Entry(NamedTuple):
    """Tasks of a lot that were placed, from its task number `first` on."""

    lot: Lot
    first: int
    placed: Placed


@dataclass(slots=True)
class Seating:
    """`jobs` by stage and name of their node.

    Of lots of one task and one piece a job, which most are, `rows` has by the lot's identity where its first jobs sit, in their order. Of all
    others `spots` has the places by job, `tasks` how many tasks of each job found room.
    """

    jobs: dict[Stage, dict[str, list[str]]] = field(default_factory=lambda: {stage: {} for stage in Stage})
    rows: dict[int, list[Take]] = field(default_factory=dict)
    spots: dict[str, list[tuple[Stage, Spot]]] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)

    def _note(self, job_id: str, stage: Stage, spot: Spot) -> None:
        there = self.jobs[stage].setdefault(spot.name, [])
        if not there or there[-1] != job_id:
            there.append(job_id)
        seats = self.spots.setdefault(job_id, [])
        if not seats or seats[-1][1] != spot:
            seats.append((stage, spot))


def settle(entries: Iterable[Entry]) -> Seating:
    """Tell jobs apart: they get the places of their lot in order."""
    seating = Seating()
    for lot, first, placed in entries:
        if not placed.tasks:
            continue
        if lot.is_plain:
            seating.rows.setdefault(id(lot), []).extend(placed.takes[0])
            _seat_plain(seating, list(map(get_id, lot.jobs[first : first + placed.tasks])), placed.takes[0])
            continue
        shares = list(_shares(lot, first, placed.tasks))
        for job_id, tasks in shares:
            seating.tasks[job_id] = seating.tasks.get(job_id, 0) + tasks
        for piece, takes in zip(lot.ask.pieces, placed.takes, strict=True):
            if piece.distinct and placed.tasks > 1:
                _seat_apart(seating, shares, placed.tasks, takes)
            else:
                _seat_along(seating, [(job_id, tasks * piece.count) for job_id, tasks in shares], takes)
    return seating


def _seat_plain(seating: Seating, ids: list[str], takes: Iterable[Take]) -> None:
    """Seat jobs of one task and one piece."""
    at = 0
    for stage, spots, each in takes:
        jobs = seating.jobs[stage]
        for spot in spots:
            here = ids[at : at + each]
            at += each
            there = jobs.get(spot.name)
            if there is None:
                jobs[spot.name] = here
            else:
                there += here


def _shares(lot: Lot, first: int, tasks: int) -> Iterator[tuple[str, int]]:
    """Yield (job, how many of the placed tasks are its own)."""
    passed, end = 0, first + tasks
    for job in lot.jobs:
        low, high = max(passed, first), min(passed + job.tasks, end)
        passed += job.tasks
        if high > low:
            yield job.id, high - low
        if passed >= end:
            return


def _seats(takes: Iterable[Take]) -> Iterator[tuple[Stage, Spot, int]]:
    return ((take.stage, spot, take.each) for take in takes for spot in take.spots)


def _seat_along(seating: Seating, shares: list[tuple[str, int]], takes: Iterable[Take]) -> None:
    """Seat one job's pieces after the other's."""
    jobs = iter(shares)
    job_id, left = "", 0
    for stage, spot, each in _seats(takes):
        while each:
            if not left:
                job_id, left = next(jobs)
            done = min(each, left)
            each -= done
            left -= done
            seating._note(job_id, stage, spot)


def _seat_apart(seating: Seating, shares: list[tuple[str, int]], tasks: int, takes: Iterable[Take]) -> None:
    """Seat pieces in turns, so that no task has two on one node (a node has at most as many as there are tasks)."""
    owners = [job_id for job_id, count in shares for _ in range(count)]
    number = 0
    for stage, spot, each in _seats(takes):
        for _ in range(each):
            seating._note(owners[number % tasks], stage, spot)
            number += 1
