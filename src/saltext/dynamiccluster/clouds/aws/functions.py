"""salt-cloud's functions over the adapter for EC2, for an administrator's hand: plain data in and out, by resource name."""

from __future__ import annotations

from typing import Any

from ...settings import ResourceSettings, Settings
from .. import byhand, userdata
from ..byhand import console, destroy, list_nodes, list_nodes_full, show_instance
from .adapter import Aws
from .reading import to_shape

__all__ = [
    "avail_images",
    "avail_locations",
    "avail_sizes",
    "console",
    "create",
    "destroy",
    "list_nodes",
    "list_nodes_full",
    "open_resource",
    "show_instance",
]
_TYPES_A_PAGE = 100  # the most that EC2 gives in one answer


def open_resource(settings: Settings, resource: str) -> Aws:
    """Return the adapter of a resource. Raises CommandRefused when there is no such resource on EC2."""
    return byhand.open_resource(settings, resource, "aws", Aws)


def create(aws: Aws, resource: ResourceSettings, name: str | None = None, *, master: str = "") -> dict[str, Any]:
    """Launch one machine with our tags; the same name again returns the same machine. See `byhand.create`."""
    return byhand.create(aws, resource, name, limit=userdata.AWS_LIMIT, master=master)


def avail_sizes(aws: Aws) -> dict[str, dict[str, int]]:
    """Return the region's instance types: vCPUs, MiB of memory, GPUs."""
    pages = aws.api.pages("describe_instance_types", "list the instance types", MaxResults=_TYPES_A_PAGE)
    found = {raw["InstanceType"]: to_shape(raw) for page in pages for raw in page["InstanceTypes"]}
    return {
        name: {"cores": shape.cores, "memory_mb": shape.memory_mb, "gpus": shape.gpus} for name, shape in sorted(found.items())
    }


def avail_images(aws: Aws, owner: str = "self") -> dict[str, dict[str, str]]:
    """Return the images of an owner: `self`, `amazon`, or an account's number."""
    pages = aws.api.pages("describe_images", "list the images", Owners=[owner])
    found = {raw["ImageId"]: raw for page in pages for raw in page["Images"]}
    wanted = {"name": "Name", "state": "State", "architecture": "Architecture", "created": "CreationDate"}
    return {id_: {key: str(raw.get(field) or "") for key, field in wanted.items()} for id_, raw in sorted(found.items())}


def avail_locations(aws: Aws) -> dict[str, dict[str, str]]:
    """Return the region's availability zones."""
    zones = aws.api.read("describe_availability_zones", "list the zones")["AvailabilityZones"]
    return {raw["ZoneName"]: {"region": raw.get("RegionName", ""), "state": raw.get("State", "")} for raw in zones}
