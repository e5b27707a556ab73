"""The request for a server of a launch order. Pure: the same order and settings always give the same request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from novaclient.api_versions import APIVersion

from ...model import LaunchOrder
from ...settings.openstack import OpenStackSettings
from ..ownership import launch_tags

_TAGS_SINCE, _NICS_SINCE = APIVersion("2.52"), APIVersion("2.37")
_LONGEST_TAG = 60


@dataclass(frozen=True, slots=True)
class Ids:
    """What the settings name, as the cloud knows it. `group`: "" without a server group."""

    flavor: str
    image: str
    networks: tuple[str, ...] = ()
    group: str = ""


def launch_request(
    cluster: str, resource: str, settings: OpenStackSettings, order: LaunchOrder, ids: Ids, version: APIVersion
) -> dict[str, Any]:
    """Return the arguments of novaclient's `servers.create`: one server, owner metadata in the same call."""
    request: dict[str, Any] = {
        "name": order.name,
        "image": ids.image,
        "flavor": ids.flavor,
        "meta": launch_tags(cluster, resource, order, settings.metadata),
        **_network(ids, version),
    }
    optional = {
        "userdata": order.user_data,
        "key_name": settings.key_name,
        "availability_zone": settings.availability_zone,
        "security_groups": list(settings.security_groups),
        "scheduler_hints": {"group": ids.group} if ids.group else None,
        "tags": tags_for(cluster, resource, version),
    }
    return {**request, **{key: value for key, value in optional.items() if value}}


def _network(ids: Ids, version: APIVersion) -> Mapping[str, Any]:
    """Return the networks; from 2.37 on Nova wants to be told that it may choose."""
    if ids.networks:
        return {"nics": [{"net-id": id_} for id_ in ids.networks]}
    return {"nics": "auto"} if version >= _NICS_SINCE else {}


def tags_for(cluster: str, resource: str, version: APIVersion) -> list[str]:
    """Return tags to filter by, none where the cloud is too old for them. Only the metadata decides whose a server is."""
    if version < _TAGS_SINCE:
        return []
    wanted = ("dynamiccluster", f"dynamiccluster:cluster:{cluster}", f"dynamiccluster:resource:{resource}")
    return [tag[:_LONGEST_TAG].replace(",", "_").replace("/", "_") for tag in wanted]
