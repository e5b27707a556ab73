"""Who sits where: from tasks placed lot by lot to the nodes of each job and the jobs of each node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ..model import Job
from .bins import Spot, Stage
from .demand import Lot
from .packing import Placed, Take

SILENT = (Stage.BUSY, Stage.DOUBT, Stage.DOUBT_PHYSICAL)  # nothing is ordered, kept or let in again on account of the jobs that go there


class Entry(NamedTuple):
    """Tasks of a lot that were placed, from its task number `first` on."""

    lot: Lot
    first: int
    placed: Placed


@dataclass(slots=True)
class Seating:
    """`jobs` by stage and name of their node, but for nodes of the stages in SILENT.

    Of lots of one task and one piece a job, which most are, `rows` has by the lot's identity where its first jobs sit, in their order. Of all
    others `spots` has the places by job, `tasks` how many tasks of each job found room.
    """

    jobs: dict[Stage, dict[str, tuple[Job, ...]]] = field(default_factory=lambda: {stage: {} for stage in Stage})
    rows: dict[int, list[Take]] = field(default_factory=dict)
    spots: dict[str, list[tuple[Stage, Spot]]] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)

    def _note(self, job: Job, stage: Stage, spot: Spot) -> None:
        there = self.jobs[stage].get(spot.name, ())
        if stage not in SILENT and (not there or there[-1].id != job.id):
            self.jobs[stage][spot.name] = (*there, job)
        seats = self.spots.setdefault(job.id, [])
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
            _seat_plain(seating, lot.jobs, first, placed.takes[0])
            continue
        shares = list(_shares(lot, first, placed.tasks))
        for job, tasks in shares:
            seating.tasks[job.id] = seating.tasks.get(job.id, 0) + tasks
        for piece, takes in zip(lot.ask.pieces, placed.takes, strict=True):
            if piece.distinct and placed.tasks > 1:
                _seat_apart(seating, shares, placed.tasks, takes)
            else:
                _seat_along(seating, [(job, tasks * piece.count) for job, tasks in shares], takes)
    return seating


def _seat_plain(seating: Seating, jobs: tuple[Job, ...], at: int, takes: Iterable[Take]) -> None:
    """Seat jobs of one task and one piece, from number `at` on."""
    for stage, spots, each in takes:
        if stage in SILENT:
            at += each * len(spots)
            continue
        seated = seating.jobs[stage]
        for spot in spots:
            here, there = jobs[at : at + each], seated.get(spot.name)
            seated[spot.name] = here if there is None else there + here
            at += each


def _shares(lot: Lot, first: int, tasks: int) -> Iterator[tuple[Job, int]]:
    """Yield (job, how many of the placed tasks are its own)."""
    passed, end = 0, first + tasks
    for job in lot.jobs:
        low, high = max(passed, first), min(passed + job.tasks, end)
        passed += job.tasks
        if high > low:
            yield job, high - low
        if passed >= end:
            return


def _seats(takes: Iterable[Take]) -> Iterator[tuple[Stage, Spot, int]]:
    return ((take.stage, spot, take.each) for take in takes for spot in take.spots)


def _seat_along(seating: Seating, shares: list[tuple[Job, int]], takes: Iterable[Take]) -> None:
    """Seat one job's pieces after the other's."""
    jobs = iter(shares)
    job, left = next(jobs)
    for stage, spot, each in _seats(takes):
        while each:
            if not left:
                job, left = next(jobs)
            done = min(each, left)
            each -= done
            left -= done
            seating._note(job, stage, spot)


def _seat_apart(seating: Seating, shares: list[tuple[Job, int]], tasks: int, takes: Iterable[Take]) -> None:
    """Seat pieces in turns, so that no task has two on one node (a node has at most as many as there are tasks)."""
    owners = [job for job, count in shares for _ in range(count)]
    number = 0
    for stage, spot, each in _seats(takes):
        for _ in range(each):
            seating._note(owners[number % tasks], stage, spot)
            number += 1
