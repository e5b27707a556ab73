"""Which node of a call for several machines gets which of them: any, as long as each gets one and none gets two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ..intents import batch_of, is_batch, number_of
from ..model import Instance, InstanceState, NodeRecord

_ENDED = (InstanceState.DELETING, InstanceState.INEXISTENT)


def hand_out(records: Iterable[NodeRecord], resource: str, instances: Iterable[Instance]) -> dict[str, Instance]:
    """Return the machine of each node that has just got one, by the node's name; living ones first, for who has none to wait for."""
    waiting: dict[str, list[NodeRecord]] = defaultdict(list)
    taken: set[str] = set()
    for record in records:
        if record.resource == resource and record.instance_id:
            taken.add(record.instance_id)
        elif record.resource == resource and (batch := batch_of(record.intent)):
            waiting[batch].append(record)
    if not waiting:
        return {}
    free: dict[str, list[Instance]] = defaultdict(list)
    each = {instance.id: instance for instance in instances}  # a listing may tell of one twice
    for instance in sorted(each.values(), key=lambda one: (one.state in _ENDED, one.id)):
        if is_batch(instance.intent) and instance.id not in taken:
            free[instance.intent].append(instance)
    return {
        record.name: instance
        for batch, group in waiting.items()
        for record, instance in zip(sorted(group, key=lambda one: number_of(one.intent)), free[batch], strict=False)
    }
