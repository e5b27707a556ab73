"""Where a job may run: -q lists with wildcards, host groups, the queues of a parallel environment, and queues' limits, as Places."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from ...model import Place
from .cell import Cell
from .config import Environment, Queue
from .units import read_amount, read_seconds

_NEGATED = re.compile(r"[!&()]")


def find_places(
    cell: Cell, environment: Environment | None, queues: Iterable[str], hosts: str, asked: Mapping[str, str]
) -> tuple[Place, ...]:
    """Return the places that satisfy a job's parallel environment, -q list, -l hostname expression and limits.

    Users, projects and calendars of queues are not looked at: Grid Engine alone decides on those.
    """
    patterns = tuple(queues) or ("*",)
    found: dict[Place, None] = {}
    for queue, where in _candidates(cell, environment):
        if not allows(queue, cell, asked):
            continue
        for pattern in patterns:
            found.update(dict.fromkeys(_places(cell, queue, where, pattern, hosts)))
    return tuple(found)


def allows(queue: Queue, cell: Cell, asked: Mapping[str, str]) -> bool:
    """Tell whether a queue's limits (h_rt, h_vmem ...) leave room for what is asked, on any of its hosts."""
    return all(
        _amount(value, cell, name) <= max(_amount(limit, cell, name) for limit in queue[name].values)
        for name, value in asked.items()
        if name in queue.attributes and _kind(cell, name) in ("TIME", "MEMORY")
    )


def host_patterns(expression: str) -> tuple[str, ...]:
    """Return the shell patterns of a host expression `n1|n2`; one with negations is taken as any host.

    A pattern cannot say "any but n1", and a job that only shuns some host must not be kept from new ones.
    """
    if not expression or _NEGATED.search(expression):
        return ("*",)
    return tuple(part.strip() for part in expression.split("|") if part.strip()) or ("*",)


def _candidates(cell: Cell, environment: Environment | None) -> Iterator[tuple[Queue, str]]:
    if environment is not None:
        return cell.queues_with(environment.name)
    return ((queue, "") for queue in cell.queues.values() if queue.is_batch)


def _places(cell: Cell, queue: Queue, where: str, pattern: str, hosts: str) -> Iterator[Place]:
    name, at, host = pattern.partition("@")
    if not fnmatchcase(queue.name, name or "*"):
        return
    wanted = host_patterns(hosts)
    for host_pattern, group in _hosts(cell, host if at else ""):
        for other in wanted:
            if (both := _narrower(host_pattern, other)) is not None:
                yield from _at(queue.name, both, group, where)


def _hosts(cell: Cell, part: str) -> Iterator[tuple[str, str]]:
    """Return (host pattern, host group) for what stands after the @ of a queue request."""
    if not part.startswith("@"):
        yield part or "*", ""
        return
    known = [group for group in cell.groups if fnmatchcase(group, part)]
    yield from (("*", group) for group in known or [part])


def _narrower(one: str, other: str) -> str | None:
    """Return the pattern of two that the other contains, None when they exclude each other."""
    if fnmatchcase(one, other):
        return one
    return other if fnmatchcase(other, one) else None


def _at(queue: str, host: str, group: str, where: str) -> Iterator[Place]:
    """Combine with where the queue offers the environment: everywhere, in a host group or on a host."""
    if not where:
        yield Place(queue, host, group)
    elif not where.startswith("@"):
        if (both := _narrower(where, host)) is not None:
            yield Place(queue, both, group)
    elif group in ("", where):
        yield Place(queue, host, where)
    else:
        yield Place(queue, host, group)


def _kind(cell: Cell, name: str) -> str:
    found = cell.complex(name)
    return found.kind if found else ""


def _amount(value: str, cell: Cell, name: str) -> float:
    try:
        return read_seconds(value) if _kind(cell, name) == "TIME" else read_amount(value)
    except ValueError:
        return math.inf if not value else 0.0
