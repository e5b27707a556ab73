"""CreateFleet of type instant: one call in which AWS chooses among instance types, subnets and spot pools. Pure functions.

Such a fleet is no standing order: AWS tries once, answers with the machines and with what it could not get, and asks for nothing later. What all
machines of a resource have in common lies in a launch template without any secret; user-data and tags ride in the call.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...model import BatchOrder, Instance, InstanceState, LaunchOrder, Shape
from ...settings.aws import AwsSettings
from ..ownership import is_owned, own_end, owner_tags
from .request import client_token, machine, tag_list, tags_of_batch, tags_of_order

_KEEPS = "dynamiccluster"  # begins the names of our launch templates


@dataclass(frozen=True, slots=True)
class Failure:
    """What AWS could not get, as it says for each offering that it tried."""

    offering: str
    code: str
    message: str


def needs_fleet(settings: AwsSettings) -> bool:
    """Tell whether there is anything for AWS to choose, or spot machines are wanted."""
    return settings.is_spot or len(settings.types) > 1 or len(settings.subnets) > 1


def market(settings: AwsSettings) -> str:
    return "spot" if settings.is_spot else "on-demand"


# -- the launch template ------------------------------------------------------------------------------------------


def template_data(cluster: str, resource: str, settings: AwsSettings, groups: tuple[str, ...]) -> dict[str, Any]:
    """Return what all machines of the resource have in common. Their volumes get the owner tags from here: the call tags machines only."""
    tags = tag_list({**settings.tags, **owner_tags(cluster, resource)})
    return {
        **machine(settings, groups),
        "InstanceType": settings.types[0],
        "TagSpecifications": [{"ResourceType": "volume", "Tags": tags}],
    }


def template_name(cluster: str, resource: str, data: Mapping[str, Any]) -> str:
    """Return a name that stands for exactly these data: other settings make another template."""
    text = json.dumps([cluster, resource, data], sort_keys=True)
    return f"{_KEEPS}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def template_request(cluster: str, resource: str, name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of CreateLaunchTemplate."""
    tags = tag_list(owner_tags(cluster, resource))
    return {
        "LaunchTemplateName": name,
        "LaunchTemplateData": dict(data),
        "TagSpecifications": [{"ResourceType": "launch-template", "Tags": tags}],
    }


def template_filters(cluster: str, resource: str) -> list[dict[str, Any]]:
    """Return the filters that find the resource's launch templates."""
    return [{"Name": f"tag:{key}", "Values": [value]} for key, value in owner_tags(cluster, resource).items()]


def is_own_template(raw: Mapping[str, Any], cluster: str, resource: str) -> bool:
    """Tell whether we made a template: by its tags, and by its name."""
    tags = {tag["Key"]: tag.get("Value", "") for tag in raw.get("Tags") or ()}
    return is_owned(tags, cluster, resource) and str(raw.get("LaunchTemplateName") or "").startswith(f"{_KEEPS}-")


# -- the call -----------------------------------------------------------------------------------------------------


def fleet_request(cluster: str, resource: str, settings: AwsSettings, order: LaunchOrder, template: str) -> dict[str, Any]:
    """Return the arguments of CreateFleet for one machine, its tags and its client token in the same call."""
    token = client_token(cluster, resource, order.intent, order.attempt)
    return _request(settings, order, template, token, tags_of_order(cluster, resource, settings, order), 1)


def batch_fleet_request(cluster: str, resource: str, settings: AwsSettings, order: BatchOrder, template: str) -> dict[str, Any]:
    """Return the arguments of CreateFleet for as many of the order's machines as there are."""
    token = client_token(cluster, resource, order.intent)
    return _request(settings, order, template, token, tags_of_batch(cluster, resource, settings, order), order.count)


def _request(
    settings: AwsSettings, order: LaunchOrder | BatchOrder, template: str, token: str, tags: list[dict[str, str]], count: int
) -> dict[str, Any]:
    specification = {"LaunchTemplateName": template, "Version": "1"}
    if order.user_data:
        specification["LaunchTemplateSpecificationUserData"] = base64.b64encode(order.user_data.encode()).decode()
    kind, options = market(settings), {"AllocationStrategy": "prioritized"}
    if settings.is_spot:
        options = {"AllocationStrategy": "price-capacity-optimized", "InstanceInterruptionBehavior": "terminate"}
    return {
        "Type": "instant",
        "ClientToken": token,
        "LaunchTemplateConfigs": [{"LaunchTemplateSpecification": specification, "Overrides": _overrides(settings, order.avoid)}],
        "TargetCapacitySpecification": {"TotalTargetCapacity": count, "DefaultTargetCapacityType": kind},
        "SpotOptions" if settings.is_spot else "OnDemandOptions": options,
        "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}],
    }


def _overrides(settings: AwsSettings, avoid: Iterable[str]) -> list[dict[str, Any]]:
    """Return one entry for each type and place, without those to avoid; with all of them when nothing would be left."""
    left_out = frozenset(avoid)
    places = settings.subnets or (settings.availability_zone or "",)
    pairs = [(number, kind, place) for number, kind in enumerate(settings.types) for place in places]
    wanted = [pair for pair in pairs if _offering(pair[1], pair[2], market(settings)) not in left_out] or pairs
    return [_override(settings, number, kind, place) for number, kind, place in wanted]


def _override(settings: AwsSettings, number: int, kind: str, place: str) -> dict[str, Any]:
    override: dict[str, Any] = {"InstanceType": kind}
    if not settings.is_spot:
        override["Priority"] = float(number)  # the first one listed is the preferred one
    else:
        override["MaxPrice"] = f"{settings.spot_bid:.6f}"
    if place:
        override["SubnetId" if settings.subnets else "AvailabilityZone"] = place
    return override


# -- its answer ---------------------------------------------------------------------------------------------------


def offering_of(raw: Mapping[str, Any]) -> str:
    """Return which offering an item of CreateFleet's answer is about, as `c5.large in subnet-1 (spot)`."""
    override = (raw.get("LaunchTemplateAndOverrides") or {}).get("Overrides") or {}
    kind = override.get("InstanceType") or raw.get("InstanceType") or "a machine"
    place = override.get("SubnetId") or override.get("AvailabilityZone") or ""
    return _offering(kind, place, raw.get("Lifecycle") or "")


def _offering(kind: str, place: str, bought: str) -> str:
    return kind + (f" in {place}" if place else "") + (" (spot)" if bought == "spot" else "")


def failures(answer: Mapping[str, Any]) -> tuple[Failure, ...]:
    """Return what AWS could not get."""
    return tuple(
        Failure(offering_of(raw), str(raw.get("ErrorCode") or ""), str(raw.get("ErrorMessage") or "")) for raw in answer.get("Errors") or ()
    )


def launched(
    answer: Mapping[str, Any], order: LaunchOrder | BatchOrder, resource: str, prefix: str, shape_of: Callable[[str], Shape | None]
) -> tuple[Instance, ...]:
    """Return the machines that AWS made, as far as its answer tells (the next listing knows more).

    `prefix` begins the names of machines that are named after their ids.
    """
    return tuple(_instance(raw, id_, order, resource, prefix, shape_of) for raw, id_ in _made(answer))


def _made(answer: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield each machine's id with the item of the answer that holds it: there is one item for each offering."""
    for raw in answer.get("Instances") or ():
        for id_ in raw.get("InstanceIds") or ():
            yield raw, id_


def _instance(
    raw: Mapping[str, Any], id_: str, order: LaunchOrder | BatchOrder, resource: str, prefix: str, shape_of: Callable[[str], Shape | None]
) -> Instance:
    kind = str(raw.get("InstanceType") or "")
    return Instance(
        id=id_,
        name=order.name if isinstance(order, LaunchOrder) else prefix + own_end(id_),
        resource=resource,
        state=InstanceState.PENDING,
        intent=order.intent,
        shape=shape_of(kind),
        flavor=kind,
        subnet=((raw.get("LaunchTemplateAndOverrides") or {}).get("Overrides") or {}).get("SubnetId") or "",
        market="spot" if raw.get("Lifecycle") == "spot" else "on-demand",
        offering=offering_of(raw),
    )
