"""What a refused launch changes in the memory: the resource waits, offerings that had none are left out, an account is slowed down."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

from ..errors import CloudError, Refusal
from ..intents import alone
from ..model import Instance
from ..policy.memory import SPOT, Backoff, Memory, ResourceMemory
from ..settings import Settings
from .backoff import WAITS, back_off, explain, lift_quota

PROBE = 60.0  # seconds during which nobody else asks for an offering that one launch just tries again
_PROBED = "probed"  # kind of an offering's back-off while one launch tries it
_LONGEST = 300  # characters of a reason
_MOST_OFFERINGS = 200


def remember(memory: Memory, resource: str, error: CloudError, settings: Settings, now: float, chance: random.Random) -> Memory:
    """Return the memory after a launch of this resource was refused."""
    patience = getattr(_config(settings, resource), "spot_patience", 0.0)
    known = back_off(memory.resource(resource), error, now, chance, patience)
    memory = memory.with_resource(resource, leave_out(known, error.offerings, explain(error), now, chance))
    return _slow_down(memory, resource, settings, now) if error.kind is Refusal.THROTTLED else memory


def note_freed(memory: Memory, resource: str, settings: Settings) -> Memory:
    """Return the memory after something of this resource was freed: what waits for room in its account's quota may try."""
    account = getattr(_config(settings, resource), "account", None)
    for name in {resource, *settings.cloud}:
        if name == resource or (account is not None and getattr(_config(settings, name), "account", None) == account):
            memory = lift_quota(memory, name)
    return memory


def _slow_down(memory: Memory, resource: str, settings: Settings, now: float) -> Memory:
    """Hold back all resources of the account: its limit of requests is one. Whoever waits already, for whatever reason, goes on waiting."""
    backoff, account = memory.resource(resource).backoff, getattr(_config(settings, resource), "account", None)
    if backoff is None or account is None:
        return memory
    for name in settings.cloud:
        known = memory.resource(name)
        if name != resource and known.backoff is None and getattr(_config(settings, name), "account", None) == account:
            memory = memory.with_resource(name, replace(known, backoff=backoff))
    return memory


def _config(settings: Settings, resource: str) -> object:
    found = settings.cloud.get(resource)
    return found.config if found is not None else None


def take_back(memory: Memory, name: str, error: CloudError) -> Memory:
    """Return the memory once the cloud has surely not launched the node.

    One that was only asked too fast is asked for again soon, as is one whose jobs still wait for spot machines; any other is dropped, so that
    its jobs may be served elsewhere. Nothing is taken back from a node that has its machine.
    """
    record = memory.nodes.get(name)
    if record is None or record.instance_id:
        return memory
    if error.kind is Refusal.THROTTLED:
        # not with those any more that it was asked for together with: the next call may be for it alone
        return memory.with_node(replace(record, tried_at=0.0, intent=alone(record.intent)))
    backoff = memory.resource(record.resource).backoff
    if error.kind is Refusal.NO_CAPACITY and backoff is not None and backoff.kind == SPOT:
        # asked anew, for a repeated call would only be given the same answer
        anew = replace(record, tried_at=0.0, intent=alone(record.intent), attempt=record.attempt + 1, avoid=(), failed=backoff.reason)
        return memory.with_node(anew)
    launches = list(memory.launches)
    if record.asked_at in launches:
        launches.remove(record.asked_at)
    return replace(memory.without_node(name), launches=tuple(launches))


# -- offerings --------------------------------------------------------------------------------------------------------


def leave_out(known: ResourceMemory, refused: Iterable[str], reason: str, now: float, chance: random.Random) -> ResourceMemory:
    """Return the memory with offerings that had none backed off, longer each time they are tried in vain."""
    offerings = dict(known.offerings)
    for name in refused:
        old = offerings.get(name)
        if old is not None and old.until > now and old.kind != _PROBED:
            continue  # another launch found this out at the same time
        step = old.step + 1 if old is not None else 1
        until = now + WAITS[Refusal.NO_CAPACITY].seconds(step, chance)
        offerings[name] = Backoff(until, Refusal.NO_CAPACITY.value, reason[:_LONGEST], old.since if old else now, step)
    return known if offerings == known.offerings else replace(known, offerings=_newest(offerings))


def _newest(offerings: dict[str, Backoff]) -> dict[str, Backoff]:
    return dict(sorted(offerings.items(), key=lambda item: -item[1].until)[:_MOST_OFFERINGS])


def avoided(known: ResourceMemory, now: float) -> tuple[str, ...]:
    """Return the offerings that a launch is to leave out now."""
    return tuple(sorted(name for name, backoff in known.offerings.items() if backoff.until > now))


def begin_probe(known: ResourceMemory, now: float) -> ResourceMemory:
    """Return the memory once a launch is to try what is over its back-off; the launches beside it still leave that out."""
    probed = {name: replace(old, until=now + PROBE, kind=_PROBED) for name, old in known.offerings.items() if old.until <= now}
    return replace(known, offerings={**known.offerings, **probed}) if probed else known


def note_launch(known: ResourceMemory, instance: Instance, now: float) -> ResourceMemory:
    """Return the memory after a launch that succeeded: what it got is trusted again, what it tried in vain before is not."""
    known = leave_out(known, instance.refused, "it had none when others had", now, random.Random(instance.id))
    if instance.offering not in known.offerings:
        return known
    return replace(known, offerings={name: old for name, old in known.offerings.items() if name != instance.offering})
