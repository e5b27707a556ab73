"""The requests of a launch order. Pure: the same order and settings always give the same request."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from ...model import BatchOrder, LaunchOrder
from ...settings.aws import AwsSettings, Disk
from ..ownership import batch_tags, launch_tags

_GROUP_ID = re.compile(r"sg-[0-9a-f]+")
TAGGED = ("instance", "volume")


def client_token(cluster: str, resource: str, intent: str, attempt: int = 0) -> str:
    """Return the token by which EC2 knows a repeated launch: 64 characters, the longest that it takes.

    Each `attempt` that EC2 answered with a refusal is followed by one with another token: a repeated one would repeat the refusal.
    """
    words = (cluster, resource, intent, *([str(attempt)] if attempt else []))
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


def is_group_id(group: str) -> bool:
    """Tell an id (`sg-...`) from a group's name."""
    return _GROUP_ID.fullmatch(group) is not None


def needs_group_ids(settings: AwsSettings) -> bool:
    """Tell whether the request may not name groups: EC2 takes names in the default VPC only, and not with an interface."""
    return bool(settings.subnets) or settings.use_public_ip_address is not None


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags in EC2's form, in a fixed order, so that a repeated request is equal."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tags_of_order(cluster: str, resource: str, settings: AwsSettings, order: LaunchOrder) -> list[dict[str, str]]:
    """Return all tags of the order's machine."""
    return tag_list(launch_tags(cluster, resource, order, settings.tags))


def tags_of_batch(cluster: str, resource: str, settings: AwsSettings, order: BatchOrder) -> list[dict[str, str]]:
    """Return the tags that all machines of the order share."""
    return tag_list(batch_tags(cluster, resource, order, settings.instance_name_prefix, settings.tags))


def launch_request(cluster: str, resource: str, settings: AwsSettings, order: LaunchOrder, groups: tuple[str, ...]) -> dict[str, Any]:
    """Return the arguments of RunInstances: one machine, its tags and its client token in the same call.

    `groups` are the security groups to send, ids where `needs_group_ids`.
    """
    tags = tags_of_order(cluster, resource, settings, order)
    token = client_token(cluster, resource, order.intent, order.attempt)
    return _run(settings, groups, tags, token, order.user_data, 1)


def batch_request(cluster: str, resource: str, settings: AwsSettings, order: BatchOrder, groups: tuple[str, ...]) -> dict[str, Any]:
    """Return the arguments of RunInstances for as many of the order's machines as there are, at least one."""
    tags = tags_of_batch(cluster, resource, settings, order)
    return _run(settings, groups, tags, client_token(cluster, resource, order.intent), order.user_data, order.count)


def _run(
    settings: AwsSettings, groups: tuple[str, ...], tags: list[dict[str, str]], token: str, user_data: str, count: int
) -> dict[str, Any]:
    request: dict[str, Any] = {
        **machine(settings, groups),
        "InstanceType": settings.types[0],
        "MinCount": 1,
        "MaxCount": count,
        "ClientToken": token,
        "TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind in TAGGED],
        **_place(settings),
    }
    if user_data:
        request["UserData"] = user_data  # boto3 encodes it
    if "NetworkInterfaces" in request and settings.subnets:  # the subnet then belongs to the interface
        request["NetworkInterfaces"] = [{**request["NetworkInterfaces"][0], "SubnetId": settings.subnets[0]}]
    return request


def machine(settings: AwsSettings, groups: tuple[str, ...]) -> dict[str, Any]:
    """Return what all machines of a resource have in common, as RunInstances and launch templates word it; not their type and place."""
    request: dict[str, Any] = {
        "ImageId": settings.image_id,
        # A worker that powers itself off must not stay behind, stopped and billed.
        "InstanceInitiatedShutdownBehavior": "terminate",
        **_groups(settings, groups),
    }
    if settings.key_name:
        request["KeyName"] = settings.key_name
    if settings.iam_instance_profile:
        kind = "Arn" if settings.iam_instance_profile.startswith("arn:") else "Name"
        request["IamInstanceProfile"] = {kind: settings.iam_instance_profile}
    if settings.disk_map:
        request["BlockDeviceMappings"] = [_disk(disk) for _name, disk in sorted(settings.disk_map.items())]
    return request


def _groups(settings: AwsSettings, groups: tuple[str, ...]) -> dict[str, Any]:
    """Return the groups; in the form of an interface when a public address is wanted, or not, by name."""
    if settings.use_public_ip_address is not None:
        interface: dict[str, Any] = {"DeviceIndex": 0, "AssociatePublicIpAddress": settings.use_public_ip_address}
        return {"NetworkInterfaces": [{**interface, **({"Groups": list(groups)} if groups else {})}]}
    ids, names = [g for g in groups if is_group_id(g)], [g for g in groups if not is_group_id(g)]
    return {**({"SecurityGroupIds": ids} if ids else {}), **({"SecurityGroups": names} if names else {})}


def _place(settings: AwsSettings) -> dict[str, Any]:
    """Return zone and subnet of a machine that can be in one place only; with an interface, the subnet is the interface's."""
    place: dict[str, Any] = {}
    if settings.availability_zone:
        place["Placement"] = {"AvailabilityZone": settings.availability_zone}
    if settings.subnets and settings.use_public_ip_address is None:
        place["SubnetId"] = settings.subnets[0]
    return place


def _disk(disk: Disk) -> dict[str, Any]:
    """Return one disk of `disk_map`; `size` in GiB."""
    volume = {"VolumeSize": disk.size, "DeleteOnTermination": disk.delete_on_termination}
    return {"DeviceName": disk.device, "Ebs": volume}
