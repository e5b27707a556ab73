"""Transitions as data: what each act changes, and when it is not wanted any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.control.act import HANDLERS
from saltext.dynamiccluster.control.lifecycle import TRANSITIONS, intend, is_moot, succeed, trouble
from saltext.dynamiccluster.model import NodeRecord, Phase
from saltext.dynamiccluster.policy.lifecycle import LIFT
from saltext.dynamiccluster.policy.plan import Act, Action

RECORD = NodeRecord("dc-abc234", "cloud1", "intent")


def action(act: Act, detail: str = "") -> Action:
    return Action(act, "cloud1", RECORD.name, "reason", detail)


def in_phase(phase: Phase, **more) -> NodeRecord:
    return replace(RECORD, phase=phase, **more)


def test_every_act_has_a_transition_and_a_handler():
    assert set(TRANSITIONS) == set(Act)
    assert set(HANDLERS) == set(Act) - {Act.ORDER}  # an order is nothing but its journal entry


@pytest.mark.parametrize(
    ("act", "before", "after"),
    [
        (Act.LAUNCH, RECORD, replace(RECORD, tried_at=7.0, tries=1)),
        (Act.LAUNCH, replace(RECORD, tried_at=3.0, tries=1), replace(RECORD, tried_at=3.0, tries=2)),
        (Act.DESTROY, in_phase(Phase.LEAVING), in_phase(Phase.DESTROYING)),
        (Act.HOOK, replace(RECORD, hooks_done=frozenset({"a"})), replace(RECORD, hooks_done=frozenset({"a", "x"}))),
        (Act.JOIN, in_phase(Phase.JOINING), in_phase(Phase.JOINING)),
        (Act.REMOVE, in_phase(Phase.LEAVING), in_phase(Phase.LEAVING)),
    ],
)
def test_intent_is_written_before_the_call(act, before, after):
    assert intend(action(act, "x"), before, 7.0) == after


@pytest.mark.parametrize(
    ("act", "before", "after"),
    [
        (Act.JOIN, in_phase(Phase.JOINING), in_phase(Phase.CONFIGURING, joined_at=7.0)),
        (Act.RELEASE, in_phase(Phase.CONFIGURING), in_phase(Phase.SERVING, ready_at=7.0)),
        (Act.RELEASE, in_phase(Phase.CONFIGURING, ready_at=3.0), in_phase(Phase.SERVING, ready_at=3.0)),
        (Act.HOLD, in_phase(Phase.DRAINING), in_phase(Phase.DRAINING)),
        (Act.DESTROY, in_phase(Phase.DESTROYING), in_phase(Phase.DESTROYING, ending_at=7.0)),
        (Act.HOLD, in_phase(Phase.DRAINING, failed=trouble(Act.HOLD, "no")), in_phase(Phase.DRAINING)),
        (Act.HOLD, in_phase(Phase.DRAINING, failed="join: no"), in_phase(Phase.DRAINING, failed="join: no")),
    ],
)
def test_success_is_written_after_it(act, before, after):
    assert succeed(action(act), before, 7.0) == after


@pytest.mark.parametrize(
    ("act", "record", "moot"),
    [
        (Act.LAUNCH, RECORD, False),
        (Act.LAUNCH, replace(RECORD, leaving_for="cancelled"), True),
        (Act.LAUNCH, replace(RECORD, leaving_for="cancelled", tried_at=1.0), False),
        (Act.LAUNCH, replace(RECORD, phase=Phase.BOOTING, tried_at=1.0), True),
        (Act.RELEASE, in_phase(Phase.CONFIGURING), False),
        (Act.RELEASE, in_phase(Phase.CONFIGURING, held_for="inspection"), True),
        (Act.RELEASE, in_phase(Phase.DRAINING), True),
        (Act.UNHOLD, in_phase(Phase.SERVING), False),
        (Act.UNHOLD, in_phase(Phase.SERVING, held_for=LIFT), False),
        (Act.UNHOLD, in_phase(Phase.SERVING, held_for="inspection"), True),
        (Act.UNHOLD, in_phase(Phase.DRAINING, leaving_for="idle"), True),
        (Act.HOLD, in_phase(Phase.DRAINING, leaving_for="idle"), False),
        (Act.HOLD, in_phase(Phase.SERVING), True),
        (Act.VACATE, in_phase(Phase.SERVING, forced=True), False),
        (Act.VACATE, in_phase(Phase.SERVING), True),
        (Act.REMOVE, in_phase(Phase.LEAVING), False),
        (Act.REMOVE, in_phase(Phase.SERVING), True),
        (Act.DESTROY, in_phase(Phase.DESTROYING, leaving_for="idle"), False),
        (Act.DESTROY, in_phase(Phase.SERVING), True),
        (Act.JOIN, in_phase(Phase.JOINING), False),
        (Act.FORGET, RECORD, False),
        (Act.FORGET, in_phase(Phase.DESTROYING, instance_id="i-1", gone=True), False),
        (Act.FORGET, in_phase(Phase.BOOTING, instance_id="i-1"), True),
    ],
)
def test_decision_that_is_not_wanted_any_more_is_not_carried_out(act, record, moot):
    assert is_moot(action(act), record) is moot
