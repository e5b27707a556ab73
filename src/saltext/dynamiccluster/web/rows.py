"""From the document for readers to the rows of the REST API: the predecessor's fields first, then ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Row = dict[str, Any]
Mapped = Mapping[str, Any]

_BRIEF = (
    "name type priority min_num max_num current_num cores_per_node flag reservation_queue reservation_account reservation_property"
    " flag_name price wanted states evidence memory_mb_per_node gpus_per_node backoff offerings blocked read_at read_age error failing_since"
).split()
_EXTRA = "queues groups properties load free_memory_mb memory_mb error".split()
_PLAN = "at actions launches blocked".split()
_MOST_ACTIONS = 100


def node_row(node: Mapped) -> Row:
    """Return one worker node. A host that the batch system does not show has no extra attributes."""
    extra, instance = node["extra_attributes"], node["instance"]
    return {
        **node,
        "extra_attributes": {key: extra.get(key) for key in _EXTRA} if extra else None,
        "instance": {**instance, "spot_id": None, "spot_state": None} if instance else None,
    }


def resource_row(resource: Mapped, launches: Mapped) -> Row:
    """Return one resource without its nodes and its configuration."""
    return {**{key: resource[key] for key in _BRIEF}, "proposed_allocation": launches.get(resource["name"], 0)}


def status_row(document: Mapped, resources: Iterable[Row]) -> Row:
    """Return the whole in one look."""
    plan = {key: document["plan"][key] for key in _PLAN}
    return {
        "cluster": document["cluster"]["name"],
        "at": document["engine"]["alive_at"],
        "engine": document["engine"],
        "batch": document["cluster"],
        "totals": document["totals"],
        "resources": list(resources),
        "plan": {**plan, "actions": plan["actions"][:_MOST_ACTIONS]},
        "problems": document["problems"],
    }


def server_row(document: Mapped) -> Row:
    """Return what version 1 told of itself."""
    return {"auto_mode": document["engine"]["auto_mode"], "cluster": document["cluster"]["health"]}
