"""What a job asks for with `-l nodes=...`, and which nodes can give it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from lab.torque.records import Node


@dataclass(frozen=True)
class Chunk:
    """One part of a nodes specification: `count` nodes, each giving `ppn` processors, with these properties."""

    count: int = 1
    ppn: int = 1
    gpus: int = 0
    host: str = ""
    properties: frozenset[str] = field(default_factory=frozenset)

    def fits(self, node: Node) -> bool:
        """Tell whether a node has what the chunk needs, whoever uses it now."""
        return (not self.host or node.name == self.host) and node.np >= self.ppn and node.gpus >= self.gpus and self.properties <= set(node.properties)


def read_nodes(text: str, known: Iterable[str]) -> tuple[Chunk, ...]:
    """Return the chunks of a nodes specification. A first word that names a node is a host; other words are properties."""
    hosts = set(known)
    return tuple(_read_chunk(part, hosts) for part in text.partition("#")[0].split("+"))


def _read_chunk(text: str, hosts: set[str]) -> Chunk:
    count, ppn, gpus, host, properties = 1, 1, 0, "", set()
    for place, word in enumerate(text.split(":")):
        key, _, value = word.partition("=")
        if place == 0 and word.isdigit():
            count = int(word)
        elif key == "ppn":
            ppn = int(value)
        elif key == "gpus":
            gpus = int(value)
        elif place == 0 and word in hosts:
            host = word
        else:
            properties.add(word)
    return Chunk(count, ppn, gpus, host, frozenset(properties))


def chunks_of(resources: dict[str, str], known: Iterable[str], *, by_maui: bool = False) -> tuple[Chunk, ...]:
    """Return what a job with these resources needs. Maui takes `procs` for one task, whatever its number."""
    if "nodes" in resources:
        return read_nodes(resources["nodes"], known)
    if "ncpus" in resources:
        return (Chunk(ppn=int(resources["ncpus"])),)
    if "procs" in resources and not by_maui:
        return (Chunk(count=int(resources["procs"])),)
    host, feature = resources.get("host", ""), resources.get("feature", "")
    return (Chunk(host=host if by_maui else "", properties=frozenset({feature} if feature and by_maui else ())),)


def processors(resources: dict[str, str], known: Iterable[str], *, by_maui: bool = False) -> int:
    """Return the processors that the whole job takes."""
    return sum(chunk.count * chunk.ppn for chunk in chunks_of(resources, known, by_maui=by_maui))


def place(chunks: Iterable[Chunk], nodes: Iterable[Node], free: dict[str, int]) -> list[tuple[str, int]] | None:
    """Return (node, processors) for every piece of every chunk, first fit; None when they do not fit into `free`."""
    nodes, left, chosen = list(nodes), dict(free), []
    for chunk in chunks:
        for _ in range(chunk.count):
            # pieces share a node where they can: nodes=2 ends on one node of two processors
            name = next((node.name for node in nodes if chunk.fits(node) and left[node.name] >= chunk.ppn), None)
            if name is None:
                return None
            left[name] -= chunk.ppn
            chosen.append((name, chunk.ppn))
    return chosen


def rejection(resources: dict[str, str], nodes: list[Node], nodect: int) -> str:
    """Return why pbs_server refuses a job at submission, "" when it takes it. Nodes that are down or offline count.

    `nodect` is the server's resources_available.nodect: it lifts the limit for specifications without ppn.
    """
    if "procs" in resources and int(resources["procs"]) > sum(node.np for node in nodes):
        return "cannot locate feasible nodes (nodes file is empty or requested nodes exceed system)"
    if "nodes" not in resources:
        return ""
    chunks = read_nodes(resources["nodes"], (node.name for node in nodes))
    if nodect and all(chunk.ppn == 1 and not chunk.gpus for chunk in chunks) and sum(chunk.count for chunk in chunks) <= nodect:
        return ""
    for chunk in chunks:
        if sum(chunk.fits(node) for node in nodes) < chunk.count:
            return "cannot locate feasible nodes (nodes file is empty, all systems are busy, or no nodes have the requested feature)"
    if sum(chunk.count for chunk in chunks) > len(nodes):
        return "cannot locate feasible nodes (nodes file is empty or requested nodes exceed all systems)"
    return ""


def seconds_of(text: str) -> int:
    """Return the seconds of a walltime: `3600`, `10:00`, `01:00:00`."""
    total = 0
    for part in text.split(":"):
        total = total * 60 + int(part)
    return total


def clock_of(seconds: float) -> str:
    """Return seconds as Torque writes a walltime: hours may have more than two digits."""
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def long(seconds: float) -> str:
    """Return a duration as Maui writes it: days come before a colon, and hours have no leading zero from one on."""
    whole = int(seconds)
    if whole >= 86400:
        return f"{whole // 86400}:{clock_of(whole % 86400)}"
    text = clock_of(whole)
    return text[1:] if whole >= 3600 and text.startswith("0") else text


def signed(seconds: float) -> str:
    """Return a moment relative to now: `-00:00:12`, `00:59:48`."""
    return ("-" if seconds < 0 else "") + long(abs(seconds))


def array_indices(text: str) -> tuple[list[int], int]:
    """Return the indices and the slot limit (0: none) of `-t 1-5,7%2`. Raises ValueError for any other text."""
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*(%\d+)?", text):
        raise ValueError(text)
    ranges, _, limit = text.partition("%")
    found: list[int] = []
    for one in ranges.split(","):
        first, _, last = one.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found, int(limit or 0)
