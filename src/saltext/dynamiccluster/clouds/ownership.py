"""Owner tags: how a machine of ours is recognised in any cloud. Names never decide, only these tags do."""

from __future__ import annotations

from collections.abc import Mapping

from ..intents import is_batch
from ..model import BatchOrder, LaunchOrder

NAME = "Name"
CLUSTER = "dynamiccluster:cluster"
RESOURCE = "dynamiccluster:resource"
INTENT = "dynamiccluster:intent"


def owner_tags(cluster: str, resource: str) -> dict[str, str]:
    """Return the tags that say whose machine it is."""
    return {CLUSTER: cluster, RESOURCE: resource}


def launch_tags(cluster: str, resource: str, order: LaunchOrder, extra: Mapping[str, str] = {}) -> dict[str, str]:
    """Return all tags of a launch. The owner tags win over what settings or the order say under the same keys."""
    ours = {NAME: order.name, **owner_tags(cluster, resource), INTENT: order.intent}
    return {**extra, **order.tags, **ours}


def batch_tags(cluster: str, resource: str, order: BatchOrder, prefix: str, extra: Mapping[str, str] = {}) -> dict[str, str]:
    """Return the tags that all machines of one launch call share. `Name` holds the beginning of all names, which is all that they have in common."""
    return {**extra, NAME: prefix, **owner_tags(cluster, resource), INTENT: order.intent}


def name_of(tags: Mapping[str, str], instance_id: str) -> str:
    """Return a machine's name: what its tag says, and for one launched together with others the end that its own id makes."""
    name = tags.get(NAME, "")
    return name + own_end(instance_id) if name and is_batch(tags.get(INTENT, "")) else name


def own_end(instance_id: str) -> str:
    """Return the end of the name of a machine that is named after its id (`i-0123456789abcdef0`)."""
    return instance_id.removeprefix("i-")


def is_owned(tags: Mapping[str, str], cluster: str, resource: str) -> bool:
    """Tell whether the tags name exactly this cluster and this resource."""
    return tags.get(CLUSTER) == cluster and tags.get(RESOURCE) == resource


def other_owner(tags: Mapping[str, str], cluster: str, resource: str) -> str:
    """Return in words who else owns the machine, "" when nobody else does."""
    if CLUSTER not in tags or is_owned(tags, cluster, resource):
        return ""
    return f"cluster {tags[CLUSTER]!r}, resource {tags.get(RESOURCE, '')!r}"
