"""What a node of a reservation will look like once it has joined, and where it has to be entered for that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...model import Host, Offer, Reservation
from .cell import Cell
from .config import Complex
from .resources import is_node_gpus, is_node_memory

ANY_AMOUNT = "inf"  # as much as the node's shape gives, which is not known here


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a node is entered: a host group, or a queue's own host list when there is no group; and the queues it gets slots in."""

    group: str = ""
    queues: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()  # queues that the group leads into and that the reservation excludes
    problem: str = ""


def plan_entry(cell: Cell, reservation: Reservation, host_group: str) -> Plan:
    """Return where nodes of a reservation go; `problem` says what to create first."""
    account = reservation.account
    group = f"@{account.lstrip('@')}" if account else ("" if reservation.queue else host_group)
    if reservation.queue and reservation.queue not in cell.queues:
        return Plan(problem=f"queue {reservation.queue} does not exist: create it (qconf -aq {reservation.queue})")
    if not group:
        return Plan(queues=frozenset({reservation.queue}))
    if group not in cell.groups:
        return Plan(problem=f"host group {group} does not exist: create it (qconf -ahgrp {group})")
    return _plan_group(cell, group, reservation.queue)


def make_offer(cell: Cell, reservation: Reservation, host_group: str, hosts: Iterable[Host]) -> Offer:
    """Return what policy places jobs by."""
    plan = plan_entry(cell, reservation, host_group)
    if plan.problem:
        return Offer(frozenset(), problem=plan.problem)
    groups = frozenset({plan.group}) | cell.groups_above(plan.group) if plan.group else frozenset()
    return Offer(plan.queues, groups, features={**_common(cell, hosts), **joined_features(cell)})


def joined_features(cell: Cell) -> dict[str, str]:
    """Return what joining configures on every node, by complex."""
    features = {}
    for found in cell.complexes.values():
        if found.name in cell.globals:
            continue
        if found.is_exclusive:
            features[found.name] = "true"
        elif (is_node_memory(found) and not _would_kill(found)) or is_node_gpus(found):
            features[found.name] = ANY_AMOUNT
    return features


def _would_kill(found: Complex) -> bool:
    """Tell whether configuring a limit (h_vmem ...) on a host would end jobs there: one that does not ask for it gets the default, 0."""
    return found.name[:2] in ("h_", "s_") and found.default == "0" and not found.is_forced


def _plan_group(cell: Cell, group: str, queue: str) -> Plan:
    reached = cell.queues_of_group(group)
    if not reached:
        return Plan(problem=f"no queue contains host group {group}: qconf -aattr queue hostlist {group} QUEUE")
    if not queue:
        return Plan(group, reached)
    if queue not in reached:
        return Plan(problem=f"queue {queue} does not contain host group {group}: qconf -aattr queue hostlist {group} {queue}")
    return Plan(group, frozenset({queue}), reached - {queue})


def _common(cell: Cell, hosts: Iterable[Host]) -> dict[str, str]:
    """Return the words (such as arch) that all hosts share which were heard of: a new node is likely to share them too."""
    known = [host.features for host in hosts if host.reported is not None]
    if not known:
        return {}
    first, *others = known
    return {
        name: value
        for name, value in first.items()
        if (found := cell.complex(name)) and found.kind in ("STRING", "RESTRING") and not found.name.startswith("m_topology")
        and all(other.get(name) == value for other in others)
    }  # fmt: skip
