"""What a resource has, or may have, of machines; and the orders that would make it too many."""

from __future__ import annotations

from collections import Counter

from ..model import InstanceState, NodeRecord, Phase
from ..settings import Settings
from ..snapshot import Snapshot
from .memory import Memory


def count_machines(snapshot: Snapshot, memory: Memory) -> Counter[str]:
    """Count by resource every record until it is forgotten, and every listed machine of ours that has none yet."""
    records = memory.nodes.values()
    found = Counter(record.resource for record in records)
    ids = {(record.resource, record.instance_id) for record in records if record.instance_id}
    listed = [(resource, one) for resource, reading in snapshot.clouds.items() for one in (reading.value.instances if reading.value else ())]
    nameless = [(resource, one) for resource, one in listed if (resource, one.id) not in ids and one.state is not InstanceState.INEXISTENT]
    if nameless:
        intents = {(record.resource, record.intent) for record in records}
        found.update(resource for resource, one in nameless if (resource, one.intent) not in intents)
    return found


def find_beyond_maximum(snapshot: Snapshot, settings: Settings, memory: Memory) -> frozenset[str]:
    """Return the names of ordered nodes, unknown to the cloud, for which there is no room any more, the newest first.

    There was when they were ordered; since then a machine was found, or a maximum was lowered.
    """
    waiting = sorted((record for record in memory.nodes.values() if is_untried(record)), key=lambda one: (-one.asked_at, one.name))
    if not waiting:
        return frozenset()
    found = count_machines(snapshot, memory)
    most = {name: resource.quantity.max for name, resource in settings.cloud.items()}
    beyond: set[str] = set()
    for record in waiting:
        everywhere = settings.dynamic_cluster.limits.max_nodes
        own = found[record.resource] > most.get(record.resource, 0)
        if own or (everywhere is not None and found.total() > everywhere):
            beyond.add(record.name)
            found[record.resource] -= 1
    return frozenset(beyond)


def is_untried(record: NodeRecord) -> bool:
    """Tell whether no cloud has heard of it."""
    return record.phase is Phase.ASKED and not record.tried_at
