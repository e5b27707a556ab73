"""Sorting a job's hard resource requests: memory, GPUs, exclusiveness, hosts, limits, and what is left."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from .cell import Cell
from .config import Complex
from .units import normalise, read_amount, read_finite_amount, read_seconds, read_truth

# Complexes that mean a node's main memory. Others of type MEMORY (scratch space, swap) are ordinary needs.
MEMORY = frozenset({"h_vmem", "s_vmem", "h_rss", "s_rss", "mem_free", "mem_total", "virtual_free", "virtual_total", "mem", "memory", "ram"})
GPUS = frozenset({"gpu", "gpus", "ngpus", "gpu_count"})
_REPORTED = frozenset({"mem_free", "mem_total", "virtual_free", "virtual_total"})
_WALLTIME = ("h_rt", "s_rt")


@dataclass(slots=True)
class Asked:
    """What a job asks for, sorted. `slot_*` count for each slot, `job_*` once for the job, node_memory_mb on each node it uses."""

    slot_memory_mb: float = 0.0
    job_memory_mb: int = 0
    node_memory_mb: int = 0
    slot_gpus: float = 0.0
    job_gpus: int = 0
    exclusive: bool = False
    hosts: str = ""
    queues: tuple[str, ...] = ()
    limits: dict[str, str] = field(default_factory=dict)
    needs: list[tuple[Complex, str]] = field(default_factory=list)
    unknown: tuple[tuple[str, str], ...] = ()
    walltime: float | None = None


def read_resources(cell: Cell, resources: Iterable[tuple[str, str]]) -> Asked:
    """Sort requests. A value that cannot be read stays a need, which no node meets: the job is told so."""
    asked = Asked()
    given = dict(resources)
    for name, value in (*_defaults(cell, given), *given.items()):
        found = cell.complex(name)
        if found is None:
            asked.unknown += ((name, value),)
            continue
        try:
            _sort(asked, found, value)
        except ValueError:
            asked.unknown += ((found.name, value),)
    return asked


def is_node_memory(found: Complex) -> bool:
    """Tell whether a complex is a consumable that stands for a node's memory."""
    return found.name in MEMORY and found.kind == "MEMORY" and found.is_consumable


def is_node_gpus(found: Complex) -> bool:
    return found.name in GPUS and found.is_consumable


def _defaults(cell: Cell, given: dict[str, str]) -> list[tuple[str, str]]:
    """Return the amounts of memory and GPUs that every job takes, asked or not."""
    return [
        (found.name, found.default)
        for found in cell.complexes.values()
        if (is_node_memory(found) or is_node_gpus(found))
        and found.name not in given
        and found.default not in ("0", "NONE", "")
    ]


def _sort(asked: Asked, found: Complex, value: str) -> None:
    if found.name == "hostname":
        asked.hosts = value
    elif found.name == "qname":
        asked.queues = tuple(value.split("|"))
    elif found.is_exclusive:
        if read_truth(value):
            asked.exclusive = True
            asked.needs.append((found, "true"))
    elif found.name in MEMORY and found.kind == "MEMORY":
        _sort_memory(asked, found, value)
    elif is_node_gpus(found):
        _sort_gpus(asked, found, value)
    elif found.relation in ("==", "<="):
        _sort_other(asked, found, value)
    # what remains asks for a low load (>=) or for another value than one (!=): true of a new node


def _sort_memory(asked: Asked, found: Complex, value: str) -> None:
    memory = read_finite_amount(value) / 1024**2
    asked.limits[found.name] = value
    match found.consumable:
        case "YES":
            asked.slot_memory_mb = max(asked.slot_memory_mb, memory)
        case "JOB":
            asked.job_memory_mb = max(asked.job_memory_mb, math.ceil(memory))
        case "HOST":
            asked.node_memory_mb = max(asked.node_memory_mb, math.ceil(memory))
        case _ if found.name in _REPORTED:
            asked.node_memory_mb = max(asked.node_memory_mb, math.ceil(memory))
    if found.is_consumable:
        asked.needs.append((found, normalise(value, found.kind)))


def _sort_gpus(asked: Asked, found: Complex, value: str) -> None:
    gpus = read_finite_amount(value)
    if found.consumable == "YES":
        asked.slot_gpus = max(asked.slot_gpus, gpus)
    else:
        asked.job_gpus = max(asked.job_gpus, math.ceil(gpus))
    if gpus:
        asked.needs.append((found, normalise(value, found.kind)))


def _sort_other(asked: Asked, found: Complex, value: str) -> None:
    if found.name in _WALLTIME:
        seconds = read_seconds(value)
        asked.walltime = seconds if asked.walltime is None or found.name == "h_rt" else asked.walltime
    if found.name[:2] in ("h_", "s_"):
        asked.limits[found.name] = value  # a limit of the queue's, nothing that a node has
        return
    wanted = normalise(value, found.kind)
    if found.kind == "BOOL" and wanted == normalise(found.default, found.kind):
        return
    if found.kind in ("INT", "DOUBLE") and found.is_consumable and not read_amount(value):
        return
    if found.name != "slots":
        asked.needs.append((found, wanted))
