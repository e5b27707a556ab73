"""Security groups by name: the ids that they have in the network where the machines will be."""

from __future__ import annotations

from .api import Api
from .request import is_group_id

_DOING = "look up the security groups"


def resolve_groups(api: Api, subnet: str | None, groups: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ids of groups given by name or id, in order. Raises CloudError when a name is not there exactly once."""
    names = [group for group in groups if not is_group_id(group)]
    filters = [{"Name": "group-name", "Values": names}, {"Name": "vpc-id", "Values": [_network_of(api, subnet)]}]
    found: dict[str, list[str]] = {name: [] for name in names}
    for page in api.pages("describe_security_groups", _DOING, Filters=filters):
        for raw in page["SecurityGroups"]:
            found.setdefault(raw["GroupName"], []).append(raw["GroupId"])
    for name in names:
        if len(found[name]) != 1:
            why = f"the network has {len(found[name]) or 'no'} groups named {name!r}; give its id"
            raise api.refused(_DOING, why, "security_groups")
    return tuple(group if is_group_id(group) else found[group][0] for group in groups)


def _network_of(api: Api, subnet: str | None) -> str:
    """Return the id of the VPC of the subnet, or of the default VPC."""
    if subnet:
        answer = api.read("describe_subnets", "look up the subnet", SubnetIds=[subnet])
        return str(answer["Subnets"][0]["VpcId"])
    filters = [{"Name": "is-default", "Values": ["true"]}]
    vpcs = api.read("describe_vpcs", "look up the default network", Filters=filters)["Vpcs"]
    if not vpcs:
        raise api.refused("look up the default network", "the region has none; give a subnet", "subnet_id")
    return str(vpcs[0]["VpcId"])
