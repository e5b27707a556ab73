"""salt-cloud's functions over the adapter for OpenStack, for an administrator's hand: plain data in and out, by resource name."""

from __future__ import annotations

from typing import Any

from ...settings import OpenStackSettings, ResourceSettings, Settings
from .. import byhand, userdata
from ..byhand import console, destroy, list_nodes, list_nodes_full, show_instance
from .adapter import OpenStack

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
_VISIBLE = ("public", "private", "shared", "community", "all")


def open_resource(settings: Settings, resource: str) -> OpenStack:
    """Return the adapter of a resource. Raises CommandRefused when there is no such resource on OpenStack."""
    return byhand.open_resource(settings, resource, "openstack", _open)


def _open(name: str, cluster: str, settings: OpenStackSettings) -> OpenStack:
    return OpenStack(name, cluster, settings)


def create(cloud: OpenStack, resource: ResourceSettings, name: str | None = None, *, master: str = "") -> dict[str, Any]:
    """Launch one server with our metadata; the same name again returns the same server. See `byhand.create`."""
    return byhand.create(cloud, resource, name, limit=userdata.OPENSTACK_LIMIT, master=master)


def avail_sizes(cloud: OpenStack) -> dict[str, dict[str, Any]]:
    """Return the flavors that the project may use: id, vCPUs, MiB of memory, GPUs."""
    found = sorted(cloud.names.flavors(), key=lambda flavor: flavor.name)
    return {
        one.name: {"id": one.id, "cores": one.shape.cores, "memory_mb": one.shape.memory_mb, "gpus": one.shape.gpus} for one in found
    }


def avail_images(cloud: OpenStack, visibility: str = "all") -> dict[str, dict[str, str]]:
    """Return the images by id: `public`, `private`, `shared`, `community` ones, or all."""
    if visibility not in _VISIBLE:
        raise ValueError(f"visibility is one of {', '.join(_VISIBLE)}")
    path, found = f"/v2/images?visibility={visibility}&limit=1000", {}
    while path:
        page = cloud.api.fetch("image", path, "list the images")
        found.update({str(raw["id"]): raw for raw in page.get("images") or ()})
        following = str(page.get("next") or "")
        path = following if following != path else ""
    wanted = {"name": "name", "state": "status", "created": "created_at", "visibility": "visibility"}
    return {id_: {key: str(raw.get(field) or "") for key, field in wanted.items()} for id_, raw in sorted(found.items())}


def avail_locations(cloud: OpenStack) -> dict[str, dict[str, str]]:
    """Return the availability zones of the resource's region."""
    zones = cloud.api.read("list the zones", lambda client: [one.to_dict() for one in client.availability_zones.list(detailed=False)])
    region = cloud.settings.region_name or ""
    state = {True: "available", False: "not available"}
    return {
        raw["zoneName"]: {"region": region, "state": state[bool((raw.get("zoneState") or {}).get("available"))]} for raw in zones
    }
