"""What an act changes in the memory, as data: before it is called (its intent) and once it has succeeded.

Everything else about a node's life is observed (policy/track.py), so that a lost reply is made good by the next reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..model import NodeRecord, Phase
from ..policy.lifecycle import LIFT
from ..policy.notices import is_interrupted
from ..policy.plan import Act, Action
from .batches import is_under_way

Step = Callable[[NodeRecord, float], NodeRecord]


@dataclass(frozen=True, slots=True)
class Transition:
    """`intent` is written before the call and `success` after it; None changes nothing.

    `new`: it begins something that must be known after a crash, so that it waits while the journal cannot be written. `durable`: its
    intent must survive a power failure. `pool`: which threads may carry it out. `settles`: what must be read anew
    before the next act of the same pool on this node, since the last reading does not show this one.
    """

    pool: str
    intent: Step | None = None
    success: Step | None = None
    new: bool = True
    durable: bool = False
    settles: bool = False


def _tried(record: NodeRecord, now: float) -> NodeRecord:
    return replace(record, tried_at=record.tried_at or now, tries=record.tries + 1)


def _joined(record: NodeRecord, now: float) -> NodeRecord:
    return replace(record, phase=Phase.CONFIGURING, joined_at=record.joined_at or now)


def _configured(record: NodeRecord, now: float) -> NodeRecord:
    return replace(record, configured_at=record.configured_at or now)


def _released(record: NodeRecord, now: float) -> NodeRecord:
    return replace(record, phase=Phase.SERVING, ready_at=record.ready_at or now, failed="")


def _requeued(record: NodeRecord, now: float) -> NodeRecord:
    return replace(record, requeued_at=now)


def _destroying(record: NodeRecord, now: float) -> NodeRecord:
    return replace(record, phase=Phase.DESTROYING)


def _ending(record: NodeRecord, now: float) -> NodeRecord:
    return replace(record, ending_at=now)


BATCH, CLOUD, SALT, HOOKS, CORE = "batch", "cloud", "salt", "hooks", "core"

TRANSITIONS: Mapping[Act, Transition] = {
    Act.ORDER: Transition(CORE, durable=True),
    Act.LAUNCH: Transition(CLOUD, intent=_tried),
    Act.ADOPT: Transition(CLOUD),
    Act.JOIN: Transition(BATCH, success=_joined, settles=True),
    Act.CONFIGURE: Transition(SALT, success=_configured, new=False),
    Act.RELEASE: Transition(BATCH, success=_released, new=False, settles=True),
    Act.HOLD: Transition(BATCH, new=False, settles=True),
    Act.UNHOLD: Transition(BATCH, new=False, settles=True),
    Act.VACATE: Transition(BATCH, settles=True),
    Act.REQUEUE: Transition(BATCH, success=_requeued, settles=True),
    Act.CLEAR: Transition(BATCH, settles=True),
    Act.REMOVE: Transition(BATCH, settles=True),
    Act.DESTROY: Transition(CLOUD, intent=_destroying, success=_ending, durable=True, settles=True),
    Act.FORGET: Transition(SALT),
    Act.HOOK: Transition(HOOKS, durable=True),
}


def _stays(record: NodeRecord) -> bool:
    """Return whether an administrator or the policy wants the node held, or gone, by now."""
    return bool(record.leaving_for) or record.held_for not in ("", LIFT)


def _is_launched(record: NodeRecord) -> bool:
    """Return whether the cloud has the node by now, or is being asked for it together with others."""
    return record.phase is not Phase.ASKED or is_under_way(record.intent)


# What was decided may have been waiting for its turn while somebody changed his mind: then it is not done any more.
_MOOT: Mapping[Act, Callable[[NodeRecord], bool]] = {
    Act.LAUNCH: lambda record: _is_launched(record) or (bool(record.leaving_for) and not record.tried_at),
    Act.RELEASE: lambda record: record.phase is not Phase.CONFIGURING or _stays(record),
    Act.UNHOLD: lambda record: record.phase is not Phase.SERVING or _stays(record),
    Act.HOLD: lambda record: record.phase is Phase.SERVING and not _stays(record),
    Act.VACATE: lambda record: not record.forced,
    Act.REQUEUE: lambda record: record.phase is not Phase.DRAINING or not is_interrupted(record),
    Act.REMOVE: lambda record: record.phase is not Phase.LEAVING,
    Act.DESTROY: lambda record: not record.leaving_for,
    Act.FORGET: lambda record: is_under_way(record.intent) or (bool(record.instance_id) and not record.gone),
}


def is_moot(action: Action, record: NodeRecord) -> bool:
    """Return whether what was decided is no longer wanted, as the record is now."""
    moot = _MOOT.get(action.act)
    return moot is not None and moot(record)


def intend(action: Action, record: NodeRecord, now: float) -> NodeRecord:
    """Return the record as it must be known before the act is called."""
    if action.act is Act.HOOK:
        return replace(record, hooks_done=record.hooks_done | {action.detail})
    step = TRANSITIONS[action.act].intent
    return step(record, now) if step else record


def succeed(action: Action, record: NodeRecord, now: float) -> NodeRecord:
    """Return the record once the act has succeeded; the trouble that the same act had before is over."""
    if record.failed.startswith(trouble(action.act)):
        record = replace(record, failed="")
    step = TRANSITIONS[action.act].success
    return step(record, now) if step else record


def trouble(act: Act, error: object = "") -> str:
    """Return how a record's `failed` tells of an act that failed."""
    return f"{act.value}: {error}"
