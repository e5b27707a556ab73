"""salt-cloud's functions over any cloud's adapter, for an administrator's hand: plain data in and out, by resource name.

They work beside the engine, not through it. What `create` makes carries our tags, so that the engine finds and adopts it; what
`destroy` ends is seen gone by the engine, which then clears its host and jobs away.
"""

from __future__ import annotations

import base64
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from ..errors import CommandRefused
from ..model import Instance, InstanceState, LaunchOrder
from ..ports import Cloud
from ..settings import ResourceSettings, Settings
from . import userdata

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_Adapter = TypeVar("_Adapter")


class Resource(Cloud, Protocol):
    """What is needed of an adapter besides the port."""

    name: str
    cluster: str
    settings: Any


class WithConsole(Resource, Protocol):
    """An adapter of a cloud that keeps what its machines wrote on their consoles."""

    def console(self, instance_id: str, lines: int = 200) -> str: ...


def open_resource(settings: Settings, resource: str, kind: str, make: Callable[[str, str, Any], _Adapter]) -> _Adapter:
    """Return the adapter of a resource, which `make` makes of name, cluster and settings. Raises CommandRefused for any other resource."""
    known = {name: found.config for name, found in settings.cloud.items() if found.type == kind}
    if resource not in known:
        raise CommandRefused(f"there is no resource {resource!r} of type {kind}; there are: {', '.join(sorted(known)) or 'none'}")
    return make(resource, settings.name, known[resource])


def list_nodes(cloud: Resource) -> dict[str, dict[str, Any]]:
    """Return the resource's living machines by name, in salt-cloud's short form."""
    return {name: _brief(instance) for name, instance in _by_name(_living(cloud)).items()}


def list_nodes_full(cloud: Resource) -> dict[str, dict[str, Any]]:
    """Return the resource's living machines by name, with all that is known of them."""
    return {name: _full(instance) for name, instance in _by_name(_living(cloud)).items()}


def show_instance(cloud: Resource, name: str) -> dict[str, Any]:
    """Return all that is known of one machine of the resource, by name or id."""
    return _full(_find(cloud, name, cloud.list()))


def create(
    cloud: Resource, resource: ResourceSettings, name: str | None = None, *, limit: userdata.Limit, master: str = ""
) -> dict[str, Any]:
    """Launch one machine with our tags; the same name again returns the same machine.

    Its user-data holds no token, so that its minion's key stays pending until somebody accepts it.
    Raises CommandRefused for an unusable or used-up name and above `quantity: max`.
    """
    name = _check_name(name or _new_name(cloud.settings.instance_name_prefix))
    listed = cloud.list()
    for instance in listed:
        if instance.name == name:
            return _full(_still_usable(instance))
    living = len(_without_ended(listed))
    if living >= resource.quantity.max:
        raise CommandRefused(f"resource {cloud.name} has {living} machines, and its quantity:max is {resource.quantity.max}")
    user_data = _user_data(cloud, name, master, limit)
    return _full(_still_usable(cloud.launch(LaunchOrder(f"manual-{name}", name, user_data, time.time()))))


def destroy(cloud: Resource, name: str) -> dict[str, dict[str, str]]:
    """End one machine of the resource, by name or id, at once: its jobs are not awaited."""
    instance = _find(cloud, name, _living(cloud))
    cloud.destroy(instance.id)
    after = cloud.get(instance.id)
    current = after.state.name.lower() if after else InstanceState.INEXISTENT.name.lower()
    return {instance.name or instance.id: {"id": instance.id, "previous": instance.state.name.lower(), "current": current}}


def console(cloud: WithConsole, name: str, lines: int = 200) -> str:
    """Return the last lines of a machine's console, by name or id. Raises CommandRefused, CloudError."""
    return cloud.console(_find(cloud, name, _living(cloud)).id, int(lines))


# -- inside -----------------------------------------------------------------------------------------------------


def _living(cloud: Resource) -> tuple[Instance, ...]:
    return _without_ended(cloud.list())


def _without_ended(instances: Iterable[Instance]) -> tuple[Instance, ...]:
    return tuple(instance for instance in instances if instance.state is not InstanceState.INEXISTENT)


def _by_name(instances: Iterable[Instance]) -> dict[str, Instance]:
    """Return the machines by name; one without a name, or with another's, goes by its id."""
    found: dict[str, Instance] = {}
    for instance in sorted(instances, key=lambda one: (one.name, one.created, one.id)):
        free = instance.name and instance.name not in found
        found[instance.name if free else instance.id] = instance
    return found


def _find(cloud: Resource, name: str, instances: Iterable[Instance]) -> Instance:
    found = [instance for instance in instances if name in (instance.id, instance.name)]
    if not found:
        raise CommandRefused(f"resource {cloud.name} has no machine {name!r}; others' machines are never touched")
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


def _user_data(cloud: Resource, name: str, master: str, limit: userdata.Limit) -> str:
    if userdata.names_itself(cloud.settings.userdata_file):
        raise CommandRefused("machines with this resource's user-data name themselves; use salt-run dynamiccluster.add")
    variables: Mapping[str, str] = {
        "instance_name": name,
        "minion_id": name,
        "hostname": name,
        "token": "",
        "master": master,
        "resource": cloud.name,
        "cluster": cloud.cluster,
    }
    return userdata.prepare(cloud.settings.userdata_file, variables, limit=limit, resource=cloud.name)
