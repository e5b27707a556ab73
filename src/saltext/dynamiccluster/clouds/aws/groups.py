"""Security groups by name: the ids that they have in the network where the machines will be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .request import is_group_id

if TYPE_CHECKING:
    from .adapter import Aws

_DOING = "look up the security groups"


def resolve_groups(aws: Aws, groups: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ids of groups given by name or id, in order. Raises CloudError when a name is not there exactly once."""
    names = [group for group in groups if not is_group_id(group)]
    filters = [{"Name": "group-name", "Values": names}, {"Name": "vpc-id", "Values": [_network_of(aws)]}]
    found: dict[str, list[str]] = {name: [] for name in names}
    for page in aws.api.pages("describe_security_groups", _DOING, Filters=filters):
        for raw in page["SecurityGroups"]:
            found.setdefault(raw["GroupName"], []).append(raw["GroupId"])
    for name in names:
        if len(found[name]) != 1:
            why = f"the network has {len(found[name]) or 'no'} groups named {name!r}; give its id"
            raise aws.refused(_DOING, why, "security_groups")
    return tuple(group if is_group_id(group) else found[group][0] for group in groups)


def _network_of(aws: Aws) -> str:
    """Return the id of the VPC of the subnet, or of the default VPC."""
    subnet = aws.settings.subnet_id
    if subnet:
        answer = aws.api.read("describe_subnets", "look up the subnet", SubnetIds=[subnet])
        return str(answer["Subnets"][0]["VpcId"])
    filters = [{"Name": "is-default", "Values": ["true"]}]
    vpcs = aws.api.read("describe_vpcs", "look up the default network", Filters=filters)["Vpcs"]
    if not vpcs:
        raise aws.refused("look up the default network", "the region has none; give a subnet", "subnet_id")
    return str(vpcs[0]["VpcId"])
