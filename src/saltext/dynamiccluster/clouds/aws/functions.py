"""salt-cloud's functions over the adapter, for an administrator's hand: plain data in and out, by resource name.

They work beside the engine, not through it. What `create` makes carries our tags, so that the engine finds and adopts it; what
`destroy` ends is seen gone by the engine, which then clears its host and jobs away.
"""

from __future__ import annotations

import base64
import re
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import CommandRefused
from ...model import Instance, InstanceState, LaunchOrder
from ...settings import AwsSettings, ResourceSettings, Settings
from .. import userdata
from .adapter import Aws
from .reading import to_shape

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_TYPES_A_PAGE = 100  # the most that EC2 gives in one answer


def open_resource(settings: Settings, resource: str) -> Aws:
    """Return the adapter of a resource. Raises CommandRefused when there is no such resource on EC2."""
    known = {name: found.config for name, found in settings.cloud.items() if isinstance(found.config, AwsSettings)}
    if resource not in known:
        raise CommandRefused(f"there is no resource {resource!r} of type aws; there are: {', '.join(sorted(known)) or 'none'}")
    return Aws(resource, settings.name, known[resource])


def list_nodes(aws: Aws) -> dict[str, dict[str, Any]]:
    """Return the resource's living machines by name, in salt-cloud's short form."""
    return {name: _brief(instance) for name, instance in _by_name(_living(aws)).items()}


def list_nodes_full(aws: Aws) -> dict[str, dict[str, Any]]:
    """Return the resource's living machines by name, with all that is known of them."""
    return {name: _full(instance) for name, instance in _by_name(_living(aws)).items()}


def show_instance(aws: Aws, name: str) -> dict[str, Any]:
    """Return all that is known of one machine of the resource, by name or id."""
    return _full(_find(aws, name, aws.list()))


def create(aws: Aws, resource: ResourceSettings, name: str | None = None, *, master: str = "") -> dict[str, Any]:
    """Launch one machine with our tags; the same name again returns the same machine.

    Its user-data holds no token, so that its minion's key stays pending until somebody accepts it.
    Raises CommandRefused for an unusable or used-up name and above `quantity: max`.
    """
    name = _check_name(name or _new_name(aws.settings.instance_name_prefix))
    listed = aws.list()
    for instance in listed:
        if instance.name == name:
            return _full(_still_usable(instance))
    living = len(_without_ended(listed))
    if living >= resource.quantity.max:
        raise CommandRefused(f"resource {aws.name} has {living} machines, and its quantity:max is {resource.quantity.max}")
    user_data = _user_data(aws, name, master)
    return _full(_still_usable(aws.launch(LaunchOrder(f"manual-{name}", name, user_data, time.time()))))


def destroy(aws: Aws, name: str) -> dict[str, dict[str, str]]:
    """End one machine of the resource, by name or id, at once: its jobs are not awaited."""
    instance = _find(aws, name, _living(aws))
    aws.destroy(instance.id)
    after = aws.get(instance.id)
    current = after.state.name.lower() if after else InstanceState.INEXISTENT.name.lower()
    return {instance.name or instance.id: {"id": instance.id, "previous": instance.state.name.lower(), "current": current}}


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


# -- inside -----------------------------------------------------------------------------------------------------


def _living(aws: Aws) -> tuple[Instance, ...]:
    return _without_ended(aws.list())


def _without_ended(instances: Iterable[Instance]) -> tuple[Instance, ...]:
    return tuple(instance for instance in instances if instance.state is not InstanceState.INEXISTENT)


def _by_name(instances: Iterable[Instance]) -> dict[str, Instance]:
    """Return the machines by name; one without a name, or with another's, goes by its id."""
    found: dict[str, Instance] = {}
    for instance in sorted(instances, key=lambda one: (one.name, one.created, one.id)):
        free = instance.name and instance.name not in found
        found[instance.name if free else instance.id] = instance
    return found


def _find(aws: Aws, name: str, instances: Iterable[Instance]) -> Instance:
    found = [instance for instance in instances if name in (instance.id, instance.name)]
    if not found:
        raise CommandRefused(f"resource {aws.name} has no machine {name!r}; others' machines are never touched")
    if len(found) > 1:
        raise CommandRefused(f"{name!r} are {len(found)} machines: name one by id, {', '.join(one.id for one in found)}")
    return found[0]


def _brief(instance: Instance) -> dict[str, Any]:
    return {
        "id": instance.id,
        "image": instance.image,
        "size": instance.flavor,
        "state": instance.state.name.lower(),
        "private_ips": [instance.address] if instance.address else [],
        "public_ips": [instance.public_address] if instance.public_address else [],
    }


def _full(instance: Instance) -> dict[str, Any]:
    """Return every field as plain data, the shape's in place."""
    shape = instance.shape
    resources = {"cores": shape.cores, "memory_mb": shape.memory_mb, "gpus": shape.gpus} if shape else {}
    skipped = ("shape", "state", "security_groups")
    plain = {key: getattr(instance, key) for key in Instance.__dataclass_fields__ if key not in skipped}
    groups = list(instance.security_groups)
    return {**plain, **resources, "state": instance.state.name.lower(), "security_groups": groups, **_brief(instance)}


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise CommandRefused(f"{name!r} is no host name: a to z, 0 to 9 and inner hyphens, 63 characters at most")
    return name


def _new_name(prefix: str) -> str:
    return prefix + base64.b32encode(secrets.token_bytes(4)).decode()[:6].lower()


def _still_usable(instance: Instance) -> Instance:
    if instance.state is InstanceState.INEXISTENT:
        raise CommandRefused(f"the name {instance.name!r} was a machine's that has ended; a name is used once, choose another")
    return instance


def _user_data(aws: Aws, name: str, master: str) -> str:
    variables: Mapping[str, str] = {
        "instance_name": name,
        "minion_id": name,
        "hostname": name,
        "token": "",
        "master": master,
        "resource": aws.name,
        "cluster": aws.cluster,
    }
    return userdata.prepare(aws.settings.userdata_file, variables, limit=userdata.AWS_LIMIT, resource=aws.name)
