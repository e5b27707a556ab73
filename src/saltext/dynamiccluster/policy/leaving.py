"""The way out of a node: hold, see it held and empty twice, take it out of the batch system, end its machine, forget it."""

from __future__ import annotations

from dataclasses import replace

from ..model import HoldBy, InstanceState, NodeRecord, Phase
from . import reasons
from .notices import is_interrupted, is_over, rerunnable_jobs
from .plan import Act, Action
from .view import Result, View

REQUEUE_AGAIN = 20.0  # seconds that a job may take to leave its node once it was requeued
EMPTY_READINGS = 2  # good readings in a row that must show a node held and without a job


def step_draining(view: View) -> Result:
    """Hold it and wait for its jobs; a machine that is surely gone or stopped has none left to wait for."""
    if view.record.gone or view.stopped:
        return _bury(view)
    if not view.batch_fresh:
        return view.record, ()
    if _wanted_again(view):
        return call_back(view.record), _lift_our_hold(view)
    if view.record.empty_seen >= EMPTY_READINGS:
        return (view.record, ()) if _must_not_go(view) else _take_out(view)
    if view.host is None:
        return view.record, ()
    if _ends_with_jobs(view):
        return view.record, _destroy(view)
    if view.host.hold is HoldBy.NOBODY:
        return view.record, (view.action(Act.HOLD, view.record.leaving_for),)
    if view.record.forced and view.host.jobs:
        return view.record, (view.action(Act.VACATE, "an administrator forced its removal"),)
    if is_interrupted(view.record) and rerunnable_jobs(view) and view.world.now - view.record.requeued_at >= REQUEUE_AGAIN:
        return view.record, (view.action(Act.REQUEUE, view.record.leaving_for),)
    return view.record, ()


def _must_not_go(view: View) -> bool:
    """Whether its resource is frozen and it is the cloud alone that ends the machine."""
    return view.frozen and view.record.leaving_for.startswith(reasons.INTERRUPTED)


def call_back(record: NodeRecord) -> NodeRecord:
    """Return the record of a node that is not to go after all: in service again, or on its way to it if it never was."""
    phase = Phase.SERVING if record.ready_at else Phase.CONFIGURING
    return replace(record, phase=phase, leaving_for="", empty_seen=0)


def _ends_with_jobs(view: View) -> bool:
    """Whether the administrator's setting lets a machine end that is down for the batch system but may still run its jobs."""
    allowed = view.world.settings.dynamic_cluster.destroy_down_nodes_with_jobs
    return allowed and view.record.leaving_for == reasons.DOWN and view.host is not None and view.host.up is False and view.host.busy


def _destroy(view: View) -> tuple[Action, ...]:
    return (view.action(Act.DESTROY, view.record.leaving_for),) if view.cloud_seen_since else ()


def _wanted_again(view: View) -> bool:
    """Whether what made the node go no longer holds: a job slipped in, its resource was frozen or restored, its checks pass again."""
    if view.record.leaving_for == reasons.IDLE:
        return view.frozen or (view.host is not None and view.host.busy)
    return is_over(view.record) or (view.record.leaving_for == reasons.DRAIN and view.frozen)


def _lift_our_hold(view: View) -> tuple[Action, ...]:
    if view.host is None or view.host.hold is not HoldBy.US or not view.record.ready_at:
        return ()
    return (view.action(Act.UNHOLD, "it is wanted after all"),)


def _take_out(view: View) -> Result:
    record = replace(view.record, phase=Phase.LEAVING)
    if view.host is None:
        return record, ()
    return record, (view.action(Act.REMOVE, record.leaving_for),)


def _bury(view: View) -> Result:
    """Nothing runs on it any more: requeue or clear its jobs, then take it out of the batch system."""
    record = replace(view.record, phase=Phase.LEAVING)
    return record, _burial(view) if view.batch_fresh else ()


def _burial(view: View) -> tuple[Action, ...]:
    if view.host is None:
        return ()
    if view.host.jobs and may_still_run(view):
        return ()
    if view.host.jobs:
        return (view.action(Act.CLEAR, view.record.leaving_for), view.action(Act.REMOVE, view.record.leaving_for))
    return (view.action(Act.REMOVE, view.record.leaving_for),)


def may_still_run(view: View) -> bool:
    """Whether the cloud lists the machine after all, or only does not know it while its daemon is not known to be down."""
    if view.instance is None:
        return view.host is not None and view.host.up is not False
    return view.instance.state is not InstanceState.INEXISTENT and not view.stopped


def step_leaving(view: View) -> Result:
    """Wait until the batch system no longer lists it, then end the machine. A job that slipped in holds everything up."""
    if not view.batch_fresh:
        return view.record, ()
    if view.host is None:
        hook = view.hook("post_remove_node_command", view.world.settings.cluster.config.post_remove_node_command)
        return (view.record, hook) if hook else (replace(view.record, phase=Phase.DESTROYING), ())
    if view.record.gone or view.stopped:
        return view.record, _burial(view)
    if view.host.busy:
        return replace(view.record, phase=Phase.DRAINING, empty_seen=0), ()
    return view.record, (view.action(Act.REMOVE, view.record.leaving_for),)


def step_destroying(view: View) -> Result:
    """Ask the cloud to end it, again if that did not take, until the cloud says that it is gone."""
    record = view.record
    general = view.world.settings.dynamic_cluster
    if view.host is not None:  # joined between two looks: out of the batch system first, once that can be read
        return (replace(record, phase=Phase.DRAINING, empty_seen=0) if view.batch_fresh else record), ()
    never_born = not record.instance_id and not record.tried_at
    if record.gone or never_born:
        hook = view.hook("post_vm_destroy_command", general.post_vm_destroy_command) if record.instance_id else ()
        return record, (*hook, view.action(Act.FORGET, record.leaving_for or reasons.GONE))
    if not record.instance_id:
        return replace(record, phase=Phase.ASKED), ()  # its launch is still unanswered: see what became of it
    if view.instance is not None and view.instance.state is InstanceState.DELETING:
        return record, ()
    return record, _destroy(view)
