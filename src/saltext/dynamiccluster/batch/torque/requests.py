"""Translating what a job asks for into model.Request. Pure; each different request is translated once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ...model import Chunk, Place, Request
from .jobs import RawRequest
from .server import Server
from .spec import Piece, Spec, parse_spec, read_count
from .units import read_memory_mb

_ALONE = frozenset({"singlejob", "singletask"})


@dataclass(frozen=True)
class World:
    """What a request is read against: the hosts' names, the queues, and how Maui places jobs."""

    server: Server = field(default_factory=Server)
    hosts: frozenset[str] = frozenset()
    maui: Mapping[str, str] = field(default_factory=dict)

    def find_host(self, word: str) -> str:
        """Return the host that a word of `nodes=` names, by its full or its short name, "" when it names none."""
        if word in self.hosts:
            return word
        return next((name for name in self.hosts if name.partition(".")[0] == word), "")


class Translator:
    """Translates requests for one world and remembers the answers, so that equal jobs share one Request."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._known: dict[RawRequest, Request] = {}
        self._same: dict[Request, Request] = {}
        self._exact = "EXACTNODE" in world.maui.get("JOBNODEMATCHPOLICY", "")
        self._alone = world.maui.get("NODEACCESSPOLICY", "").lower() in _ALONE

    def __call__(self, raw: RawRequest) -> Request:
        """Return what a job asks for; one that cannot be understood is impossible, with the reason."""
        known = self._known.get(raw)
        if known is None:
            found = self._translate(raw)
            known = self._known[raw] = self._same.setdefault(found, found)
        return known

    def _translate(self, raw: RawRequest) -> Request:
        asked = dict(raw.resources)
        try:
            spec, free = _read_shape(asked)
            chunks = tuple(self._chunks(spec, asked, free, self._extra(raw, asked)))
        except ValueError as error:
            said = ", ".join(f"{name}={value}" for name, value in raw.resources)[:100]
            return Request(places=(), account=raw.account, impossible=f"what it asks for ({said}) cannot be understood: {error}")
        alone = self._alone or spec.exclusive or asked.get("naccesspolicy", "").lower() in _ALONE
        return Request(chunks, self._places(raw, spec, asked), raw.account, exclusive=alone)

    def _extra(self, raw: RawRequest, asked: Mapping[str, str]) -> frozenset[str]:
        """Return the properties that all nodes of the job must have: its queue's, and those of -l feature=."""
        words = asked.get("feature", "").replace(",", ":").split(":")
        default = self.world.server.default_nodes(raw.queue)
        if default and asked.get("neednodes") == default:
            words += default.split(":")
        return frozenset(word for word in words if word)

    def _chunks(self, spec: Spec, asked: Mapping[str, str], free: bool, extra: frozenset[str]) -> Iterator[Chunk]:
        slots = spec.cores
        for piece in spec.pieces:
            yield Chunk(
                count=piece.count,
                cores=piece.cores,
                memory_mb=_memory(asked, piece.cores, slots),
                gpus=piece.gpus,
                properties=extra | {word for word in piece.words if not self.world.find_host(word)},
                distinct=not free and piece.count > 1 and self._exact,
            )

    def _places(self, raw: RawRequest, spec: Spec, asked: Mapping[str, str]) -> tuple[Place, ...]:
        """Return where it may run. Only a job all of whose pieces name a host is bound to hosts: for the others a new node may do."""
        named = [self._named_host(piece) for piece in spec.pieces] if "host" not in asked else [asked["host"]]
        if not all(named):
            return (Place(raw.queue),)
        return tuple(Place(raw.queue, host) for host in dict.fromkeys(named))

    def _named_host(self, piece: Piece) -> str:
        return next((host for word in piece.words if (host := self.world.find_host(word))), "")


def _read_shape(asked: Mapping[str, str]) -> tuple[Spec, bool]:
    """Return the pieces asked for, and whether they may lie in any way on any nodes (procs=). Raises ValueError.

    A default of nodes=1 must not hide procs= or ncpus=; where somebody gives both, the greater one counts.
    """
    spec = parse_spec(asked["nodes"]) if asked.get("nodes") else Spec((Piece(),))
    procs = Spec((Piece(count=read_count(asked["procs"])),)) if asked.get("procs") else None
    if procs is not None and procs.cores > spec.cores:
        return procs, True
    if asked.get("ncpus") and spec.is_trivial:
        return Spec((Piece(cores=max(read_count(asked["ncpus"]), 1)),)), False
    return spec, procs is not None and spec.is_trivial


def _memory(asked: Mapping[str, str], cores: int, slots: int) -> int:
    """Return MiB of one piece: the job's share by cores, or so much for each process, whichever is more.

    Virtual memory counts like memory: machines in clouds have no swap to speak of.
    """
    shares = [math.ceil(read_memory_mb(asked[name]) * cores / slots) for name in ("mem", "vmem") if asked.get(name)]
    processes = [read_memory_mb(asked[name]) * cores for name in ("pmem", "pvmem") if asked.get(name)]
    return max([*shares, *processes], default=0)
