"""Checks between settings that each are well-formed alone. They run over whatever part could be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations

from ..errors import Fault
from .aws import AwsSettings
from .cluster import ClusterSettings
from .general import General
from .plain import ROOT, join
from .plugins import PluginSettings
from .resource import ResourceSettings


@dataclass(frozen=True)
class Machinery:
    """What this installation can drive. None: not checked (schema only)."""

    batch_systems: frozenset[str] | None = None
    clouds: frozenset[str] | None = None
    reporters: frozenset[str] | None = None
    spot: bool = True


@dataclass(frozen=True)
class Parts:
    """The parts of the settings that could be read; the others have faults of their own."""

    general: General | None
    cluster: ClusterSettings | None
    resources: Mapping[str, ResourceSettings]
    plugins: Mapping[str, PluginSettings]


def check_parts(parts: Parts) -> Iterator[Fault]:
    """Find what does not fit together."""
    yield from _check_prefixes(parts.resources)
    if parts.general is not None:
        yield from _check_limits(parts.general, parts.resources)
    if parts.cluster is not None and parts.cluster.type == "sge":
        yield from _check_host_groups(parts.resources)


def check_machinery(parts: Parts, machinery: Machinery) -> Iterator[Fault]:
    """Find what is well-formed, but has nothing here that could carry it out."""
    if parts.cluster is not None:
        yield from _check_built("cluster:type", parts.cluster.type, machinery.batch_systems)
    for name, resource in parts.resources.items():
        yield from _check_built(f"cloud:{name}:type", resource.type, machinery.clouds)
        if isinstance(resource.config, AwsSettings) and resource.config.spot_bid and not machinery.spot:
            yield Fault(
                join(ROOT, "cloud", name, "config", "spot_bid"),
                "this version launches no spot instances",
                "remove spot_bid and spot_timeout to launch on demand",
            )
    for name, plugin in parts.plugins.items():
        if plugin.is_builtin:
            yield from _check_built(f"plugins:{name}:class_name", plugin.class_name, machinery.reporters)


def _check_built(path: str, kind: str, built: frozenset[str] | None) -> Iterator[Fault]:
    if built is None or kind in built:
        return
    available = f"available: {', '.join(sorted(built))}" if built else "there is none yet"
    yield Fault(join(ROOT, path), f"{kind} is known, but this version cannot drive it", available)


def _check_prefixes(resources: Mapping[str, ResourceSettings]) -> Iterator[Fault]:
    """Names tell resources of one account apart: no prefix may begin with another's."""
    for (name, resource), (other, rival) in permutations(resources.items(), 2):
        mine, theirs = resource.config.instance_name_prefix, rival.config.instance_name_prefix
        if _account(resource) != _account(rival) or not mine.startswith(theirs):
            continue
        if mine == theirs and list(resources).index(name) < list(resources).index(other):
            continue  # told once, at the later one
        relation = "is also" if mine == theirs else f"begins with {theirs!r}, which is"
        yield Fault(
            join(ROOT, "cloud", name, "config", "instance_name_prefix"),
            f"{mine!r} {relation} the prefix of {other}, in the same cloud account",
            "give each resource a prefix of its own, none the beginning of another",
        )


def _account(resource: ResourceSettings) -> tuple[str | None, ...]:
    config = resource.config
    if isinstance(config, AwsSettings):
        return ("aws", config.endpoint_url, config.access_key_id)
    return ("openstack", config.auth_url, config.project, config.application_credential_id)


def _check_limits(general: General, resources: Mapping[str, ResourceSettings]) -> Iterator[Fault]:
    limits = general.limits
    least = sum(resource.quantity.min for resource in resources.values())
    if limits.max_nodes is not None and least > limits.max_nodes:
        yield Fault(
            join(ROOT, "dynamic-cluster", "limits", "max_nodes"),
            f"{limits.max_nodes} is less than the {least} nodes that the resources want at least",
            "raise max_nodes, or lower a quantity:min",
        )
    for name, resource in resources.items():
        if limits.max_cost_per_day is not None and resource.price is None:
            yield Fault(
                join(ROOT, "cloud", name, "price"),
                "missing, so that max_cost_per_day could not be held",
                "give the price of a node and hour (0 if it costs nothing), or remove max_cost_per_day",
            )


def _check_host_groups(resources: Mapping[str, ResourceSettings]) -> Iterator[Fault]:
    for name, resource in resources.items():
        account = resource.reservation.account
        if account and not account.startswith("@"):
            yield Fault(
                join(ROOT, "cloud", name, "reservation", "account"),
                f"{account!r} is not a host group, which is what Grid Engine reserves by",
                f"host groups begin with @: '@{account}'",
            )
