"""Refusals that come after the order was taken: the cloud makes the machine, and then has no host or no quota for it.

Such a machine is no machine that failed: it holds its resource back as a refused launch does, by its kind. And since that cloud takes
every order, only a machine that runs shows that the trouble is over.
"""

from __future__ import annotations

import random
from dataclasses import replace

from ..errors import CloudError, Refusal
from ..model import NodeRecord
from ..policy import reasons
from ..policy.memory import Memory
from ..policy.nodes import find_instances
from ..settings import Settings
from ..snapshot import Snapshot
from . import refusals


def is_belated(record: NodeRecord) -> bool:
    """Tell whether the node goes because the cloud had no room for it after all: its end frees nothing that others could use."""
    return record.leaving_for.startswith(reasons.REFUSED)


def note(before: Memory, memory: Memory, snapshot: Snapshot, settings: Settings, now: float, chance: random.Random) -> Memory:
    """Return the memory with resources held back whose machines were refused belatedly, and let go again where one runs."""
    for name, record in memory.nodes.items():
        old = before.nodes.get(name)
        if is_belated(record) and (old is None or not old.leaving_for):
            memory = _hold_back(memory, record, snapshot, settings, now, chance)
        elif record.active_at and old is not None and not old.active_at:
            memory = _let_go(memory, record)
    return memory


def _hold_back(
    memory: Memory, record: NodeRecord, snapshot: Snapshot, settings: Settings, now: float, chance: random.Random
) -> Memory:
    instance = find_instances(snapshot).get((record.resource, record.instance_id))
    if instance is None or not instance.refusal:
        return memory
    error = CloudError(f"resource {record.resource}: the cloud took {record.name} and then refused it: {instance.detail}", Refusal(instance.refusal))
    memory = refusals.remember(memory, record.resource, error, settings, now, chance)
    known = memory.resource(record.resource)
    if known.backoff is None or known.backoff.kind != instance.refusal:
        return memory
    return memory.with_resource(record.resource, replace(known, backoff=replace(known.backoff, belated=True)))


def _let_go(memory: Memory, record: NodeRecord) -> Memory:
    """End the back-off when this machine was asked for after it: those of the same batch that had room prove nothing."""
    known = memory.resource(record.resource)
    if known.backoff is None or not known.backoff.belated or record.tried_at < known.backoff.until:
        return memory
    return memory.with_resource(record.resource, replace(known, backoff=None))
