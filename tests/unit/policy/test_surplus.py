"""Two machines of one launch: where a cloud knows no client token, a lost order may have been carried out after all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.model import InstanceState, Phase
from saltext.dynamiccluster.policy import reasons
from saltext.dynamiccluster.policy.plan import Act
from tests.lives import HELD, Life, acts, host, instance, record

SECOND = "i-second"


def second(state: InstanceState = InstanceState.ACTIVE, **more):
    """Return the further machine: the same name, the same intent, another id."""
    same = {"id": SECOND, "name": "burst-a", "intent": "intent-burst-a", "created": 20.0}
    return replace(instance(state=state), **{**same, **more})


@pytest.mark.parametrize("phase", [Phase.BOOTING, Phase.CONFIGURING, Phase.SERVING])
@pytest.mark.parametrize("state", [InstanceState.STARTING, InstanceState.ACTIVE, InstanceState.ERROR])
def test_a_further_machine_of_a_launch_is_ended_and_the_node_stays(phase, state):
    hosts = () if phase is Phase.BOOTING else (host(hold=HELD) if phase is Phase.CONFIGURING else host(used=2),)
    life = Life.of(record(phase), hosts=hosts, instances=(instance(), second(state)))
    plan = life.see()
    assert life.node(SECOND).leaving_for == reasons.SURPLUS
    assert acts(plan, SECOND) == [Act.DESTROY]
    assert not {Act.DESTROY, Act.HOLD, Act.REMOVE, Act.CLEAR} & set(acts(plan))
    plan = life.see()
    assert life.node(SECOND).hostname == "" and acts(plan, SECOND) == [Act.DESTROY]
    life.change(SECOND, cloud_acted_at=life.now, ending_at=life.now)
    plan = life.see(instances=(instance(),), gone=frozenset({SECOND}))
    assert acts(plan, SECOND) == [Act.FORGET]
    assert life.node().leaving_for == ""


def test_of_two_machines_that_show_before_an_answer_the_older_running_one_is_the_nodes():
    life = Life.of(record(Phase.ASKED), instances=(second(), instance(created=10.0)))
    life.see()
    assert life.node().instance_id == "i-burst-a"
    assert life.node(SECOND).leaving_for == reasons.SURPLUS


@pytest.mark.parametrize("state", [InstanceState.DELETING, InstanceState.INEXISTENT])
def test_one_that_has_ended_already_is_not_taken_up(state):
    life = Life.of(record(Phase.SERVING), hosts=(host(used=2),), instances=(instance(), second(state)))
    life.see()
    assert set(life.memory.nodes) == {"burst-a"}


def test_a_machine_that_only_has_the_nodes_name_is_left_alone():
    life = Life.of(record(Phase.SERVING), hosts=(host(used=2),), instances=(instance(), second(intent="another")))
    plan = life.see()
    assert set(life.memory.nodes) == {"burst-a"} and not acts(plan)
