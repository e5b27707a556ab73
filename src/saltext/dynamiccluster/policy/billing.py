"""What of a node is paid for already, where a cloud bills by the hour or for a least time."""

from __future__ import annotations

import math

from ..model import NodeRecord
from ..settings import Settings
from .world import World

_ENDING = 60.0  # seconds in which a cloud ends a machine, besides the readings that a node on its way out needs


def paid_for(record: NodeRecord, settings: Settings, now: float) -> float:
    """Return for how many seconds more a node is paid for, 0 where every second is billed. What is billed begins with its launch."""
    resource = settings.cloud[record.resource]
    age = max(now - (record.tried_at or record.asked_at), 0.0)
    paid = math.ceil(age / resource.billing_unit) * resource.billing_unit if _has_units(record, settings) else age
    return max(paid, resource.billing_minimum) - age


def way_out(settings: Settings) -> float:
    """Return how many seconds before the end of what is paid for a node must begin to leave: it is held and seen empty twice first."""
    general = settings.dynamic_cluster
    return _ENDING + 3 * general.cluster_poller_interval + general.cloud_poller_interval


def _has_units(record: NodeRecord, settings: Settings) -> bool:
    """Tell whether units are so long that there is anything to gain from their ends."""
    return settings.cloud[record.resource].billing_unit > 2 * way_out(settings)


def kept_as_paid(world: World, record: NodeRecord) -> float:
    """Return for how many seconds an idle node stays since they are paid for, 0 when it may go: they end soon, or others need its place."""
    left = paid_for(record, world.settings, world.now)
    return left if left > way_out(world.settings) and not world.is_full else 0.0


def shorten(limit: float, world: World, record: NodeRecord) -> float:
    """Return how many seconds this node may be idle: fewer than `limit` shortly before a further unit would have to be paid."""
    ends = paid_for(record, world.settings, world.now) <= way_out(world.settings)
    return min(limit, way_out(world.settings)) if ends and _has_units(record, world.settings) else limit
