"""Checks between settings that each are well-formed alone, and against what this installation can drive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from ..errors import Fault
from .outline import Outline, ResourceOutline
from .plain import ROOT, join


@dataclass(frozen=True)
class Machinery:
    """What this installation can drive. None: not checked (schema only)."""

    batch_systems: frozenset[str] | None = None
    clouds: frozenset[str] | None = None
    reporters: frozenset[str] | None = None


def check_together(found: Outline) -> Iterator[Fault]:
    """Find what does not fit together."""
    yield from _check_prefixes(found.resources)
    yield from _check_limits(found)
    if found.batch_system == "sge":
        yield from _check_host_groups(found.resources)


def check_machinery(found: Outline, machinery: Machinery) -> Iterator[Fault]:
    """Find what is well-formed, but has nothing here that could carry it out."""
    yield from _check_built(("cluster", "type"), found.batch_system, machinery.batch_systems)
    for resource in found.resources:
        yield from _check_built(("cloud", resource.name, "type"), resource.type, machinery.clouds)
    for name, kind in found.plugins.items():
        yield from _check_built(("plugins", name, "class_name"), kind, machinery.reporters)


def _check_built(path: tuple[str, ...], kind: str, built: frozenset[str] | None) -> Iterator[Fault]:
    if not kind or built is None or kind in built:
        return
    available = f"available: {', '.join(sorted(built))}" if built else "none is available: remove it"
    yield Fault(join(ROOT, *path), f"this version cannot drive {kind} yet", available)


def _check_prefixes(resources: tuple[ResourceOutline, ...]) -> Iterator[Fault]:
    """Names tell resources of one account apart: no prefix may begin with another's."""
    for first, second in combinations((resource for resource in resources if resource.prefix), 2):
        if first.account != second.account:
            continue
        if second.prefix.startswith(first.prefix):
            yield _clash(second, first)
        elif first.prefix.startswith(second.prefix):
            yield _clash(first, second)


def _clash(longer: ResourceOutline, shorter: ResourceOutline) -> Fault:
    same = longer.prefix == shorter.prefix
    relation = "is the prefix" if same else f"begins with {shorter.prefix!r}, which is the prefix"
    return Fault(
        join(ROOT, "cloud", longer.name, "config", "instance_name_prefix"),
        f"{longer.prefix!r} {relation} of {shorter.name}, in the same cloud account",
        "give each resource a prefix of its own, none the beginning of another",
    )


def _check_limits(found: Outline) -> Iterator[Fault]:
    limits = found.limits
    least = sum(resource.least for resource in found.resources)
    if limits.max_nodes is not None and least > limits.max_nodes:
        yield Fault(
            join(ROOT, "dynamic-cluster", "limits", "max_nodes"),
            f"{limits.max_nodes} is less than the {least} nodes that the resources want at least",
            "raise max_nodes, or lower a quantity:min",
        )
    for resource in found.resources:
        if limits.max_cost_per_day is not None and not resource.priced:
            yield Fault(
                join(ROOT, "cloud", resource.name, "price"),
                "missing, so that max_cost_per_day could not be held",
                "give the price of a node and hour (0 if it costs nothing), or remove max_cost_per_day",
            )


def _check_host_groups(resources: tuple[ResourceOutline, ...]) -> Iterator[Fault]:
    for resource in resources:
        group = resource.host_group
        if group and not group.startswith("@"):
            yield Fault(
                join(ROOT, "cloud", resource.name, "reservation", "account"),
                f"{group[:80]!r} is not a host group, which is what Grid Engine reserves by",
                "the name of a host group begins with @",
            )
