"""`validate` for a resource on OpenStack: signing in, each thing that the settings name, and the quota. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from ...errors import CloudError, Refusal
from ...model import Shape
from ...ports import Finding
from ...settings.openstack import OpenStackSettings
from .. import userdata
from ..findings import check_user_data, probe
from .api import Api, NovaError
from .names import Names
from .refusals import ADVICE
from .room import Room, shortage


class Resource(Protocol):
    """What a check needs of the adapter."""

    name: str
    settings: OpenStackSettings
    api: Api
    names: Names
    room: Room

    def shape(self) -> Shape: ...


def check(cloud: Resource) -> tuple[Finding, ...]:
    """Return one finding for each thing checked; only the first one when the cloud does not let us in."""
    access = _finding(cloud, "access", lambda: _access(cloud))
    user_data = check_user_data(cloud.name, cloud.settings.userdata_file, userdata.OPENSTACK_LIMIT)
    if not access.ok:
        return (access, *user_data)
    settings = cloud.settings
    image = "image" if settings.image else "image_uuid"
    wanted: tuple[tuple[str, Any, Callable[[], str]], ...] = (
        (image, settings.image or settings.image_uuid, lambda: _image(cloud)),
        ("flavor", settings.flavor, lambda: _flavor(cloud)),
        ("key_name", settings.key_name, lambda: _key(cloud)),
        ("security_groups", settings.security_groups, lambda: _groups(cloud)),
        ("networks", settings.networks, lambda: _networks(cloud)),
        ("availability_zone", settings.availability_zone, lambda: _zone(cloud)),
        ("server_group", settings.server_group, lambda: _server_group(cloud)),
    )
    named = tuple(_finding(cloud, f"{key} {_shown(value)}", look) for key, value, look in wanted if value)
    quota = (_finding(cloud, "quota", lambda: _quota(cloud)),) if all(finding.ok for finding in named) else ()
    return (access, *named, *quota, *user_data)


def _finding(cloud: Resource, what: str, look: Callable[[], str]) -> Finding:
    return probe(cloud.name, what, look, ADVICE)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _access(cloud: Resource) -> str:
    version = cloud.api.version()
    cloud.api.read("list the servers", lambda client: client.servers.list(detailed=False, limit=1))
    return f"Nova answers in {cloud.settings.region_name or 'the default region'}, with microversion {version.get_string()}"


def _image(cloud: Resource) -> str:
    image = cloud.names.find_image()
    return f"{image.get('name') or ''} ({image.get('id')})"


def _flavor(cloud: Resource) -> str:
    shape, needed = cloud.shape(), _needed_memory(cloud)
    if needed > shape.memory_mb:
        why = f"the image needs {needed} MiB of memory, the flavor has {shape.memory_mb}"
        raise cloud.api.refused("look up the flavor", why, "flavor")
    return f"{shape.cores} cores, {shape.memory_mb} MiB, {shape.gpus} GPUs"


def _needed_memory(cloud: Resource) -> int:
    """Return the MiB that the image asks for, 0 when it is not there: its own finding says that."""
    try:
        return int(cloud.names.find_image().get("min_ram") or 0)
    except CloudError:
        return 0


def _key(cloud: Resource) -> str:
    doing, name = "look up the key", cloud.settings.key_name
    try:
        cloud.api.read(doing, lambda client: client.keypairs.get(name))
    except NovaError as error:
        if error.status != 404:
            raise
        raise cloud.api.refused(doing, f"this user has no key pair {name!r}", "key_name") from None
    return ""


def _groups(cloud: Resource) -> str:
    doing, ids = "look up the security groups", []
    for wanted in cloud.settings.security_groups:
        found = _security_groups(cloud, "name", wanted) or _security_groups(cloud, "id", wanted)
        if len(found) != 1:
            why = f"the project has {len(found) or 'no'} security groups named {wanted!r}"
            raise cloud.api.refused(doing, why, "security_groups")
        ids.append(str(found[0]["id"]))
    return ", ".join(ids)


def _security_groups(cloud: Resource, key: str, wanted: str) -> list[Mapping[str, Any]]:
    path = f"/v2.0/security-groups?{key}={quote(wanted, safe='')}"
    return list(cloud.api.fetch("network", path, "look up the security groups").get("security_groups") or ())


def _networks(cloud: Resource) -> str:
    found = [cloud.names.find_network(name) for name in cloud.settings.networks]
    off = [network.get("name") for network in found if network.get("admin_state_up") is False]
    if off:
        raise cloud.api.refused("look up the networks", f"{off[0]} is switched off", "networks")
    return ", ".join(f"{network.get('name')} ({network.get('id')})" for network in found)


def _zone(cloud: Resource) -> str:
    doing, wanted = "look up the zone", cloud.settings.availability_zone
    zones = cloud.api.read(doing, lambda client: [one.to_dict() for one in client.availability_zones.list(detailed=False)])
    found = {raw["zoneName"]: bool((raw.get("zoneState") or {}).get("available")) for raw in zones}
    if wanted not in found:
        raise cloud.api.refused(doing, f"the cloud has no zone {wanted!r}", "availability_zone")
    if not found[wanted]:
        raise cloud.api.refused(doing, f"the zone {wanted!r} is not available now", "availability_zone", Refusal.NO_CAPACITY)
    return ""


def _server_group(cloud: Resource) -> str:
    group = cloud.names.find_group()
    policies = [str(group["policy"])] if group.get("policy") else [str(one) for one in group.get("policies") or ()]
    return f"{', '.join(policies)}, {len(group.get('members') or ())} servers in it"


def _quota(cloud: Resource) -> str:
    limits, shape = cloud.room.limits(), cloud.shape()
    if not limits:
        return "the project may not see its quota; it shows when a launch is refused"
    unused = {**limits, "totalInstancesUsed": 0, "totalCoresUsed": 0, "totalRAMUsed": 0}
    if shortage(unused, shape):
        why = "not one server of this flavor fits into the project's quota, even were it empty"
        raise cloud.api.refused("launch a server", why, kind=Refusal.QUOTA)
    servers, cores = (_part(limits, total, used) for total, used in (("maxTotalInstances", "totalInstancesUsed"), ("maxTotalCores", "totalCoresUsed")))
    return f"{servers} servers and {cores} cores are used"


def _part(limits: Mapping[str, Any], most: str, used: str) -> str:
    limit = int(limits.get(most, -1))
    return f"{limits.get(used, 0)} of {limit if limit >= 0 else 'any number of'}"
