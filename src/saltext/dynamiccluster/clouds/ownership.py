"""Owner tags: how a machine of ours is recognised in any cloud. Names never decide, only these tags do."""

from __future__ import annotations

from collections.abc import Mapping

from ..model import LaunchOrder

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


def is_owned(tags: Mapping[str, str], cluster: str, resource: str) -> bool:
    """Tell whether the tags name exactly this cluster and this resource."""
    return tags.get(CLUSTER) == cluster and tags.get(RESOURCE) == resource


def other_owner(tags: Mapping[str, str], cluster: str, resource: str) -> str:
    """Return in words who else owns the machine, "" when nobody else does."""
    if CLUSTER not in tags or is_owned(tags, cluster, resource):
        return ""
    return f"cluster {tags[CLUSTER]!r}, resource {tags.get(RESOURCE, '')!r}"
