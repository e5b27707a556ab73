"""What an administrator asks: what it changes, and the one sentence when it cannot be."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.errors import CommandRefused
from saltext.dynamiccluster.model import HoldBy, Phase, ResourceFlag
from saltext.dynamiccluster.policy import reasons
from saltext.dynamiccluster.policy.commands import obey
from saltext.dynamiccluster.policy.memory import ResourceMemory
from saltext.dynamiccluster.policy.plan import Act
from saltext.dynamiccluster.snapshot import Command
from tests.lives import Life, acts, host, instance, record, settings

HELD = HoldBy.US


def tell(life: Life, name: str, **arguments: object) -> str:
    """Give a command and keep what it changes; return its sentence."""
    life.memory, reply = obey(Command(name, arguments), life.snapshot(), life.settings, life.memory, life.now)
    return reply.message


def refusal(life: Life, name: str, **arguments: object) -> str:
    with pytest.raises(CommandRefused) as caught:
        tell(life, name, **arguments)
    return str(caught.value)


def serving(**more: object) -> Life:
    return Life.of(record(Phase.SERVING), instances=(instance(),), **{"hosts": (host(),), **more})


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("fly", {}, "there is no command 'fly'"),
        ("hold", {"node": "nosuch"}, "there is no worker node 'nosuch'"),
        ("freeze", {"resource": "nosuch"}, "there is no resource 'nosuch'; there are burst"),
        ("add", {"resource": "burst", "num": 0}, "at least 1"),
        ("add", {"resource": "burst", "num": -5}, "at least 1"),
        ("add", {"resource": "burst", "num": "many"}, "at least 1"),
        ("add", {"resource": "burst", "num": True}, "at least 1"),
        ("auto", {"enabled": "maybe"}, "must be True or False"),
        ("hold", {"host": "burst-a"}, "wrong arguments"),
    ],
)
def test_wrong_command_ends_in_one_clear_sentence(name, arguments, words):
    assert words in refusal(serving(), name, **arguments)


def test_s30_physical_node_is_never_touched():
    life = serving(hosts=(host(), host("iron")))
    for name in ("remove", "hold", "unhold", "vacate"):
        assert "belongs to no resource" in refusal(life, name, node="iron")


def test_s30_busy_node_is_not_removed_without_force():
    life = serving(hosts=(host(used=1),))
    assert "force=True" in refusal(life, "remove", node="burst-a")
    tell(life, "remove", node="burst-a", force=True)
    life.see()
    assert acts(life.see()) == [Act.HOLD]
    assert acts(life.see(hosts=(host(used=1, hold=HELD),))) == [Act.VACATE]


def test_node_whose_jobs_are_not_known_is_not_removed():
    life = serving(batch_error="got send error")
    assert "got send error" in refusal(life, "remove", node="burst-a")


def test_node_is_found_by_its_instance_name_in_any_case():
    life = serving()
    assert "takes no new jobs" in tell(life, "hold", node="BURST-A")
    assert "held already" in refusal(life, "hold", node="burst-a")


def test_hold_and_unhold_lift_even_what_an_administrator_disabled_by_hand():
    life = serving(hosts=(host(hold=HoldBy.ADMINISTRATOR),))
    tell(life, "unhold", node="burst-a")
    assert acts(life.see()) == [Act.UNHOLD]
    assert acts(life.see(hosts=(host(),))) == []
    assert life.node().held_for == ""
    assert "is not held" in refusal(life, "unhold", node="burst-a")


def test_unhold_calls_a_node_back_that_was_to_go():
    life = Life.of(record(Phase.DRAINING, leaving_for=reasons.REMOVE), instances=(instance(),), hosts=(host(hold=HELD),))
    tell(life, "unhold", node="burst-a")
    assert acts(life.see()) == [Act.UNHOLD]
    assert life.node().phase is Phase.SERVING


def test_unhold_calls_a_node_that_never_served_back_to_its_configuration():
    life = Life.of(record(Phase.DRAINING, leaving_for="its configuration failed", ready_at=0.0), hosts=(host(up=None, hold=HoldBy.US),))
    life.see()
    tell(life, "unhold", node="burst-a")
    assert life.node().phase is Phase.CONFIGURING and not life.node().held_for


def test_unhold_does_not_fight_a_draining_resource():
    life = serving(hosts=(host(hold=HELD),))
    tell(life, "drain", resource="burst")
    assert "restore it" in refusal(life, "unhold", node="burst-a")


def test_vacate_holds_the_node_and_ends_its_jobs():
    life = serving(hosts=(host(used=2),))
    assert "2 jobs ended" in tell(life, "vacate", node="burst-a")
    assert acts(life.see()) == [Act.HOLD, Act.VACATE]


def test_starting_node_is_neither_vacated_nor_unheld():
    life = Life.of(record(Phase.BOOTING))
    assert "runs no jobs" in refusal(life, "vacate", node="burst-a")
    assert "still starting" in refusal(life, "unhold", node="burst-a")


@pytest.mark.parametrize("phase", [Phase.LEAVING, Phase.DESTROYING])
def test_node_on_its_way_out_takes_no_commands(phase):
    life = Life.of(record(phase, leaving_for=reasons.IDLE), instances=(instance(),))
    for name in ("hold", "unhold", "vacate", "remove"):
        assert "being removed" in refusal(life, name, node="burst-a")


def test_s29_second_add_beyond_max_is_refused():
    life = Life(settings=settings(maximum=8))
    tell(life, "add", resource="burst", num=8)
    assert "room for 0" in refusal(life, "add", resource="burst", num=1)
    assert len([action for action in life.see().actions if action.act is Act.ORDER]) == 8


def test_manual_launch_works_with_automatic_mode_off():
    life = Life(settings=settings(auto_mode=False, minimum=2))
    assert life.see().actions == ()
    tell(life, "add", resource="burst", num=1)
    assert [action.act for action in life.see().actions] == [Act.ORDER]


def test_s15_frozen_resource_launches_and_removes_nothing_and_restore_brings_back_its_limits():
    life = Life(settings=settings(minimum=2))
    tell(life, "freeze", resource="burst")
    assert life.see(1000).actions == ()
    assert "frozen: restore it first" in refusal(life, "add", resource="burst", num=1)
    assert "frozen already" in refusal(life, "freeze", resource="burst")
    tell(life, "restore", resource="burst")
    assert [action.act for action in life.see().actions] == [Act.ORDER, Act.ORDER]
    assert "normal state already" in refusal(life, "restore", resource="burst")


def test_restore_calls_draining_nodes_back():
    life = serving()
    tell(life, "drain", resource="burst")
    life.see()
    assert life.node().phase is Phase.DRAINING
    tell(life, "restore", resource="burst")
    assert life.node().phase is Phase.SERVING
    assert life.node().leaving_for == ""


def test_drained_resource_cannot_be_drained_again():
    life = Life()
    life.memory = life.memory.with_resource("burst", ResourceMemory(flag=ResourceFlag.DRAINED))
    assert "drained already" in refusal(life, "drain", resource="burst")


def test_automatic_mode_is_what_an_administrator_said_last():
    life = serving(settings=settings(max_idle_time=10))
    tell(life, "auto", enabled=False)
    for _ in range(4):
        assert acts(life.see(60)) == []
    tell(life, "auto", enabled=True)
    life.see()
    assert life.node().leaving_for == reasons.IDLE


def test_stop_cancels_orders_that_the_cloud_has_not_heard_of():
    life = Life.of(record(Phase.ASKED, "burst-a", tried_at=0.0), record(Phase.ASKED, "burst-b"))
    assert "1 order cancelled" in tell(life, "stop")
    plan = life.see(1, instances=())
    assert acts(plan, "burst-a") == [Act.FORGET]
    assert life.memory.auto is False


def test_adoption_is_asked_until_the_listing_shows_it():
    life = Life(instances=())
    tell(life, "adopt", resource="burst", instance="i-foreign")
    assert [(action.act, action.detail) for action in life.see().actions] == [(Act.ADOPT, "i-foreign")]
    life.see(instances=(instance("foreign"),))
    assert life.see().memory.resource("burst").adopting == ()
    assert "ours already" in refusal(life, "adopt", resource="burst", instance="i-foreign")
