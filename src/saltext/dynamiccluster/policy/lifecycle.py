"""The next step of one node: from its phase and what is seen of it to its new record and the actions that are due.

One function a phase. A step never waits for an action's result: it looks at the world again next time, so that a crash between any
two steps is repaired by the next pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..model import HoldBy, InstanceState, NodeRecord, Phase, ResourceFlag, Verdict
from . import reasons
from .leaving import step_destroying, step_draining, step_leaving
from .plan import Act, Action
from .records import LIFT as LIFT
from .track import LISTING_GRACE
from .view import Result, View


@dataclass(frozen=True, slots=True)
class Step:
    """A node's record after this pass, and what is to be done to it."""

    record: NodeRecord
    actions: tuple[Action, ...] = ()


def next_step(view: View) -> Step:
    """Return the node's next step. A resource that left the settings gets none: nobody could carry it out."""
    if view.record.resource not in view.world.settings.cloud:
        return Step(view.record)
    return _with_drain(view)


def _with_drain(view: View) -> Step:
    record = view.record
    if view.world.flag(record.resource) is ResourceFlag.DRAINING and not record.leaving_for:
        record = replace(record, leaving_for=reasons.DRAIN)
        view = replace(view, record=record)
    record, actions = _STEPS[record.phase](view)
    return Step(record, actions)


def leave(view: View, reason: str) -> Result:
    """Start a node's way out: through the batch system when that may know it, else straight to its end in the cloud."""
    # what this reading shows was so before it was held: only later ones count
    record = replace(view.record, leaving_for=reason, empty_seen=0, reading=view.world.snapshot.batch.serial)
    if record.phase is Phase.CONFIGURING:  # configured, perhaps, but never let in: it was no node yet
        record = replace(record, ready_at=0.0)
    if record.phase is Phase.ASKED and not record.tried_at:
        return record, (view.action(Act.FORGET, reason),)
    in_batch = record.joined_at or view.host is not None
    return replace(record, phase=Phase.DRAINING if in_batch else Phase.DESTROYING), ()


def _trouble(view: View) -> str:
    """Return why a node that is not in service yet will never be, "" while it may."""
    record = view.record
    if record.leaving_for:
        return record.leaving_for
    if record.gone:
        return reasons.GONE
    if view.instance is not None and view.cloud_fresh:
        if view.instance.stopped:
            return reasons.STOPPED
        if view.instance.state is InstanceState.ERROR:
            said = f"{reasons.REFUSED} ({view.instance.refusal})" if view.instance.refusal else reasons.BROKEN
            return f"{said}: {view.instance.detail or 'no detail'}"
        if view.instance.state is InstanceState.DELETING:
            return reasons.ENDING
    limit = view.world.settings.dynamic_cluster.max_launch_time
    if view.age > limit and not view.frozen:
        return f"{reasons.LATE} ({limit:.0f} s): {record.failed or 'still ' + record.phase.value}"
    return ""


# -- towards service ------------------------------------------------------------------------------------------------


def _step_asked(view: View) -> Result:
    record = view.record
    if not record.tried_at:
        trouble = _trouble(view)
        if trouble:
            return leave(view, trouble)
        if record.name in view.world.beyond_maximum:
            return leave(view, reasons.FULL)
        if view.frozen or _backing_off(view):
            return record, ()
        return record, (view.action(Act.LAUNCH, record.cause),)
    if record.gone:
        return leave(view, record.leaving_for or reasons.GONE)
    # The cloud may have it although no answer came: only asking again with the same intent, or its listing, can tell.
    late = view.age > view.world.settings.dynamic_cluster.max_launch_time
    if late and view.cloud_fresh and view.sought_for >= LISTING_GRACE:
        return record, (view.action(Act.FORGET, "the cloud never showed it"),)
    if record.leaving_for or late:
        return record, ()
    return record, (view.action(Act.LAUNCH, f"asked again, its answer was lost: {record.cause}"),)


def _backing_off(view: View) -> bool:
    backoff = view.world.remembered(view.record.resource).backoff
    return backoff is not None and backoff.until > view.world.now


def _step_booting(view: View) -> Result:
    trouble = _trouble(view)
    return leave(view, trouble) if trouble else (view.record, ())


def _step_joining(view: View) -> Result:
    trouble = _trouble(view)
    if trouble:
        return leave(view, trouble)
    general = view.world.settings.dynamic_cluster
    hook = view.hook("post_vm_provision_command", general.post_vm_provision_command) if view.record.hostname else ()
    waiting = _why_not_joining(view)
    if waiting:
        return replace(view.record, failed=waiting), hook
    return replace(view.record, failed=""), (*hook, view.action(Act.JOIN, "its instance runs"))


def _why_not_joining(view: View) -> str:
    record = view.record
    if not record.hostname:
        return "its host name is not known yet"
    if not record.address:
        return "the cloud has not given it an address yet"
    if not view.batch_fresh:
        return "the batch system cannot be read now"
    resolved = view.world.snapshot.addresses.get(record.hostname, "")
    if not resolved:
        return f"the batch system's head does not resolve {record.hostname} yet (see the formula's head.names)"
    if resolved != record.address:
        return f"the batch system's head resolves {record.hostname} to {resolved}, its instance has {record.address}"
    return ""


def _step_configuring(view: View) -> Result:
    record = view.record
    check = view.world.snapshot.checks.get(record.name)
    if check is not None and check.verdict is Verdict.FAILED and not record.leaving_for:
        return leave(view, f"{reasons.UNCONFIGURED}: {check.detail}")
    trouble = _trouble(view)
    if trouble:
        return leave(view, trouble)
    hook = view.hook("post_add_node_command", view.world.settings.cluster.config.post_add_node_command)
    if not record.configured_at and not record.ready_at:
        return record, (*hook, view.action(Act.CONFIGURE, "registered and held"))
    if not record.ready_at and check is not None and check.verdict is Verdict.READY:
        record = replace(record, ready_at=view.world.now)
    if not record.ready_at:
        return replace(record, failed=check.detail if check else ""), hook
    return _release(view, record, hook)


def _release(view: View, record: NodeRecord, hook: tuple[Action, ...]) -> Result:
    """A configured node is let in once its execution daemon has been seen; who holds it is asked first."""
    if not view.batch_fresh or view.host is None or view.host.up is not True:
        return replace(record, failed="configured; its execution daemon has not reported yet"), hook
    record = replace(record, failed="")
    if record.held_for or view.host.hold is HoldBy.ADMINISTRATOR:
        return replace(record, phase=Phase.SERVING), hook
    return record, (*hook, view.action(Act.RELEASE, "configured"))


# -- in service -----------------------------------------------------------------------------------------------------


def _step_serving(view: View) -> Result:
    record = view.record
    lost = _why_lost(view)
    if lost:
        return leave(view, lost)
    if record.leaving_for and not (view.frozen and record.leaving_for in reasons.REVOCABLE):
        return leave(view, record.leaving_for)
    if not view.batch_fresh or view.host is None:
        return record, ()
    if record.held_for == LIFT:
        return _lift(view)
    if record.held_for:
        return _hold(view)
    if view.host.hold is HoldBy.US:
        return record, (view.action(Act.UNHOLD, "nobody holds it any more"),)
    return record, ()


def _why_lost(view: View) -> str:
    if view.record.gone:
        return reasons.GONE
    return reasons.STOPPED if view.stopped else ""


def _lift(view: View) -> Result:
    if view.host is not None and view.host.hold is HoldBy.NOBODY:
        return replace(view.record, held_for=""), ()
    return view.record, (view.action(Act.UNHOLD, "an administrator released it"),)


def _hold(view: View) -> Result:
    assert view.host is not None
    actions = []
    if view.host.hold is HoldBy.NOBODY:
        actions.append(view.action(Act.HOLD, view.record.held_for))
    if not view.record.forced:
        return view.record, tuple(actions)
    if view.host.jobs:
        return view.record, (*actions, view.action(Act.VACATE, "an administrator vacates it"))
    return replace(view.record, forced=False), tuple(actions)


_STEPS: dict[Phase, Callable[[View], Result]] = {
    Phase.ASKED: _step_asked,
    Phase.BOOTING: _step_booting,
    Phase.JOINING: _step_joining,
    Phase.CONFIGURING: _step_configuring,
    Phase.SERVING: _step_serving,
    Phase.DRAINING: step_draining,
    Phase.LEAVING: step_leaving,
    Phase.DESTROYING: step_destroying,
}
