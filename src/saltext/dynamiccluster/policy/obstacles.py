"""Why a resource's nodes cannot serve a request, in one sentence; of several resources the one that comes nearest."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..model import Chunk, Shape
from .matching import UNKNOWN, Ask, Free, Kind, unmet_account, unmet_need, unmet_property, usable_queues


@dataclass(frozen=True, slots=True, order=True)
class Obstacle:
    """`rank`: how far the request came; `limit`: how much there is of what it lacks. The greatest obstacle is the nearest miss."""

    rank: int
    limit: float
    text: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """Nodes that a request is held against: a resource's, or those that exist. `most`: how many there can be."""

    name: str
    kind: Kind
    shape: Shape
    spare_memory: int
    most: int


def nearest_miss(ask: Ask, candidates: list[Candidate]) -> str:
    """Return the sentence of the resource that comes nearest; the first of them where several do."""
    found = [obstacle for candidate in candidates if (obstacle := find_obstacle(ask, candidate)) is not None]
    if not found:
        return "no resource is configured that could serve it"
    best = max((one.rank, one.limit) for one in found)
    return next(one.text for one in found if (one.rank, one.limit) == best)


def find_obstacle(ask: Ask, candidate: Candidate) -> Obstacle | None:
    """Return what keeps the request off the candidate's nodes, None when nothing does."""
    return _wrong_kind(ask, candidate) or _too_big(ask, candidate) or _too_many(ask, candidate)


def _wrong_kind(ask: Ask, candidate: Candidate) -> Obstacle | None:
    request, kind, name = ask.request, candidate.kind, candidate.name
    if not usable_queues(request, kind, ""):
        return Obstacle(0, 0, f"it may only run in {_places(ask)}; nodes of {name} are in {_among(kind.queues)}")
    if reserved := unmet_account(request, kind):
        return Obstacle(1, 0, f"nodes of {name} are reserved for {reserved}")
    if lacking := unmet_property(request, kind):
        if lacking == kind.only_for:
            return Obstacle(2, 0, f"nodes of {name} are kept for jobs that ask for property {lacking}")
        return Obstacle(2, 0, f"it asks for property {lacking}, which nodes of {name} do not have")
    if need := unmet_need(request, kind):
        have = dict(kind.features).get(need[0])
        return Obstacle(3, 0, f"it asks for {need[0]}={need[1]}; nodes of {name} have {f'{need[0]}={have}' if have else f'no {need[0]}'}")
    if candidate.spare_memory != UNKNOWN and request.node_memory_mb > candidate.spare_memory:
        text = f"it asks for {request.node_memory_mb} MiB free on a node; nodes of {name} have {candidate.spare_memory} MiB free"
        return Obstacle(4, candidate.spare_memory, text)
    return None


def _too_big(ask: Ask, candidate: Candidate) -> Obstacle | None:
    shape, name = candidate.shape, candidate.name
    for piece in ask.pieces:
        for rank, asked, limit, unit in (
            (5, piece.gpus, shape.gpus, "GPUs"),
            (6, piece.memory_mb, shape.memory_mb or math.inf, "MiB of memory"),
            (7, piece.cores, shape.cores, "cores"),
        ):
            if asked > limit:
                return Obstacle(rank, limit, f"it asks for {asked} {unit} on one node; nodes of {name} have {limit}")
    return None


def _too_many(ask: Ask, candidate: Candidate) -> Obstacle | None:
    needed = sum(math.ceil(piece.count / _capacity(ask, piece, candidate)) for piece in ask.pieces)
    if ask.single or needed <= candidate.most:
        return None
    text = f"it needs {needed} nodes of {candidate.name} at once; there may be {candidate.most} at most"
    return Obstacle(8, candidate.most, text)


def _capacity(ask: Ask, piece: Chunk, candidate: Candidate) -> int:
    """Return how many of a task's pieces an empty node takes; at least one, as too big ones are told apart before."""
    shape = candidate.shape
    free = Free((shape.cores,), shape.cores, shape.memory_mb or UNKNOWN, shape.gpus, True)
    return 1 if piece.distinct else max(ask.capacity(free, piece, (0,)), 1)


def _places(ask: Ask) -> str:
    places = ask.request.places or ()
    words = [f"queue {place.queue or '*'}{_where(place.host, place.group)}" for place in places[:3]]
    return " or ".join(words) + (" ..." if len(places) > 3 else "") if words else "no queue that is known"


def _where(host: str, group: str) -> str:
    return (f" on host {host}" if host != "*" else "") + (f" in {group}" if group else "")


def _among(names: tuple[str, ...]) -> str:
    return ", ".join(name for name in names if name) or "no queue"
