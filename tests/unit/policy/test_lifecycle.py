"""The steps of one node's life, from its order into service, and what a restart makes of it (its way out: test_leaving)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.model import CheckResult, HoldBy, InstanceState, NodeState, Phase, ResourceFlag, Verdict
from saltext.dynamiccluster.policy import reasons
from saltext.dynamiccluster.policy.memory import Backoff, ResourceMemory
from saltext.dynamiccluster.policy.plan import Act
from saltext.dynamiccluster.settings.slots import HOOK
from tests.lives import READY, START, Life, acts, host, instance, only, record, settings

HELD = HoldBy.US


# -- towards service ------------------------------------------------------------------------------------------------


def test_ordered_node_is_launched():
    life = Life.of(record(Phase.ASKED, tried_at=0.0))
    assert acts(life.see()) == [Act.LAUNCH]


def test_ordered_node_waits_while_its_resource_backs_off_or_is_frozen():
    life = Life.of(record(Phase.ASKED, tried_at=0.0))
    life.memory = life.memory.with_resource("burst", ResourceMemory(backoff=Backoff(START + 15, "throttled", "slow down")))
    assert acts(life.see()) == []
    assert acts(life.see()) == [Act.LAUNCH]
    life.memory = life.memory.with_resource("burst", ResourceMemory(flag=ResourceFlag.FROZEN))
    assert acts(life.see()) == []


def test_unanswered_launch_is_asked_again_with_its_intent_and_found_in_the_listing():
    life = Life.of(record(Phase.ASKED))
    assert acts(life.see()) == [Act.LAUNCH]
    plan = life.see(instances=(instance(state=InstanceState.PENDING),))
    assert acts(plan) == []
    assert (life.node().phase, life.node().instance_id) == (Phase.BOOTING, "i-burst-a")


def test_unanswered_launch_that_never_shows_is_forgotten_only_on_a_good_listing():
    life = Life.of(record(Phase.ASKED))
    assert acts(life.see(2000, cloud_error="down")) == []
    assert acts(life.see(cloud_error="")) == [Act.FORGET]


def test_unanswered_launch_is_not_forgotten_because_the_clock_jumped():
    """Its listing may be old or short for some minutes more; it counts for the maximum until then."""
    life = Life.of(record(Phase.ASKED))
    life.see()
    life.jump(3600)
    assert acts(life.see()) == []
    life.restart(away=3600)
    assert acts(life.see()) == []
    assert acts(life.see(300)) == [Act.FORGET]


def test_unanswered_launch_is_looked_for_anew_after_each_try():
    life = Life.of(record(Phase.ASKED))
    life.see(300)
    life.change(tries=1)
    life.jump(3600)
    assert acts(life.see()) == []
    assert acts(life.see(300)) == [Act.FORGET]


def test_order_for_which_there_is_no_room_any_more_is_taken_back():
    """A machine was found that nobody remembered: all together would be more than the maximum."""
    ordered = [record(Phase.ASKED, f"burst-{letter}", tried_at=0.0, asked_at=START - age) for letter, age in (("a", 20), ("b", 10))]
    life = Life.of(*ordered, instances=(instance("burst-x", intent="unknown"),), settings=settings(maximum=2))
    plan = life.see()
    assert (acts(plan, "burst-a"), acts(plan, "burst-b")) == ([Act.LAUNCH], [Act.FORGET])
    assert life.node("burst-b").leaving_for == reasons.FULL


def test_s25_instance_that_is_active_at_once_joins():
    life = Life.of(record(Phase.ASKED), instances=(instance(),))
    assert acts(life.see()) == [Act.JOIN]
    assert life.node().phase is Phase.JOINING


def test_unanswered_launch_whose_machine_was_ended_meanwhile_is_not_asked_again():
    life = Life.of(record(Phase.ASKED), instances=(instance(state=InstanceState.INEXISTENT),))
    life.see()
    assert acts(life.see()) == [Act.FORGET]


@pytest.mark.parametrize(
    ("addresses", "words"),
    [({}, "does not resolve burst-a yet"), ({"burst-a": "10.9.9.9"}, "resolves burst-a to 10.9.9.9, its instance has 10.0.0.1")],
)
def test_node_joins_only_when_the_head_resolves_its_name_to_its_address(addresses, words):
    life = Life.of(record(Phase.JOINING), instances=(instance(),), addresses=addresses)
    assert acts(life.see()) == []
    assert words in life.node().failed
    assert acts(life.see(addresses={"burst-a": "10.0.0.1"})) == [Act.JOIN]
    assert life.node().failed == ""


def test_registered_node_is_configured_then_released_once_its_daemon_reports():
    life = Life.of(record(Phase.CONFIGURING), instances=(instance(),), hosts=(host(hold=HELD, up=None),))
    assert acts(life.see()) == [Act.CONFIGURE]
    assert acts(life.see(checks={"burst-a": CheckResult(Verdict.WAITING, "not asked yet")})) == [Act.CONFIGURE]
    life.change(configured_at=life.now)
    assert acts(life.see()) == []
    assert acts(life.see(checks={"burst-a": READY})) == []
    assert life.node().ready_at == life.now
    assert acts(life.see(hosts=(host(hold=HELD),))) == [Act.RELEASE]


def test_configured_node_that_somebody_holds_serves_but_stays_held():
    life = Life.of(record(Phase.CONFIGURING, held_for="looking at it", configured_at=START), instances=(instance(),), hosts=(host(hold=HELD),))
    assert acts(life.see(checks={"burst-a": READY})) == []
    assert life.node().phase is Phase.SERVING
    assert acts(life.see()) == []


def test_s18_configured_node_that_an_administrator_disabled_meanwhile_stays_so():
    disabled = host(hold=HoldBy.ADMINISTRATOR)
    life = Life.of(record(Phase.CONFIGURING, configured_at=START), instances=(instance(),), hosts=(disabled,), checks={"burst-a": READY})
    for _ in range(3):
        assert acts(life.see()) == []
    assert life.node().phase is Phase.SERVING


def test_failed_configuration_ends_the_node_with_its_reason():
    life = Life.of(record(Phase.CONFIGURING), instances=(instance(),), hosts=(host(hold=HELD, up=None),))
    life.see(checks={"burst-a": CheckResult(Verdict.FAILED, "pkg_missing")})
    assert life.node().phase is Phase.DRAINING
    assert "pkg_missing" in life.node().leaving_for


@pytest.mark.parametrize("state", [InstanceState.DELETING, InstanceState.ERROR, InstanceState.INEXISTENT])
@pytest.mark.parametrize("phase", [Phase.BOOTING, Phase.JOINING])
def test_s6_starting_node_whose_instance_ends_outside_leaves_at_once(phase, state):
    life = Life.of(record(phase))
    life.see(instances=(instance(state=state),))
    assert life.node().phase is Phase.DESTROYING


def test_s6_instance_of_unknown_state_leaves_within_max_launch_time():
    life = Life.of(record(Phase.BOOTING), settings=settings(max_launch_time=300), instances=(instance(state=InstanceState.UNKNOWN),))
    life.see(200)
    assert life.node().phase is Phase.BOOTING
    life.see(100)
    assert life.node().phase is Phase.DESTROYING
    assert reasons.LATE in life.node().leaving_for


@pytest.mark.parametrize("phase", [Phase.BOOTING, Phase.JOINING])
def test_s7_booting_node_is_ended_at_max_launch_time_while_the_batch_system_is_down(phase):
    life = Life.of(record(phase), settings=settings(max_launch_time=300), batch_error="got send error", addresses={})
    boots = instance(state=InstanceState.STARTING if phase is Phase.BOOTING else InstanceState.ACTIVE)
    life.see(300, instances=(boots,))
    assert life.node().phase is Phase.DESTROYING
    assert acts(life.see(1)) == [Act.DESTROY]


@pytest.mark.parametrize("phase", [Phase.BOOTING, Phase.JOINING])
def test_s7_booting_node_is_ended_at_max_launch_time_while_its_cloud_cannot_be_listed(phase):
    life = Life.of(record(phase), settings=settings(max_launch_time=300), cloud_error="503", addresses={})
    life.see(300)
    assert life.node().phase is Phase.DESTROYING
    assert acts(life.see(1)) == [Act.DESTROY]


def test_s17_node_that_never_got_ready_leaves_the_batch_system_before_the_cloud():
    life = Life.of(record(Phase.CONFIGURING), settings=settings(max_launch_time=300), instances=(instance(),), hosts=(host(hold=HELD, up=None),))
    life.see(300)
    assert life.node().phase is Phase.DRAINING
    life.see()
    assert acts(life.see()) == [Act.REMOVE]
    assert acts(life.see(hosts=())) == []
    assert acts(life.see()) == [Act.DESTROY]


def test_frozen_node_past_its_launch_time_stays():
    life = Life.of(record(Phase.BOOTING), settings=settings(max_launch_time=300), instances=(instance(state=InstanceState.STARTING),))
    life.memory = life.memory.with_resource("burst", ResourceMemory(flag=ResourceFlag.FROZEN))
    assert acts(life.see(900)) == []
    assert life.node().phase is Phase.BOOTING


# -- in service -----------------------------------------------------------------------------------------------------


def test_s18_node_that_an_administrator_disabled_is_left_alone():
    life = Life.of(record(Phase.SERVING), instances=(instance(),), hosts=(host(hold=HoldBy.ADMINISTRATOR),))
    for _ in range(5):
        assert acts(life.see(1000)) == []
    assert life.node().phase is Phase.SERVING


def test_hold_is_set_once_and_lifted_when_nobody_holds_it_any_more():
    life = Life.of(record(Phase.SERVING, held_for="looking at it"), instances=(instance(),), hosts=(host(used=1),))
    assert acts(life.see()) == [Act.HOLD]
    assert acts(life.see(hosts=(host(used=1, hold=HELD),))) == []
    life.change(held_for="")
    assert acts(life.see()) == [Act.UNHOLD]


def test_vacate_ends_jobs_of_a_held_node_and_then_stops():
    life = Life.of(record(Phase.SERVING, held_for="vacated", forced=True), instances=(instance(),), hosts=(host(used=2),))
    assert acts(life.see()) == [Act.HOLD, Act.VACATE]
    assert acts(life.see(hosts=(host(hold=HELD),))) == []
    assert life.node().forced is False


def test_s20_idle_time_starts_when_the_last_job_ends():
    life = Life.of(record(Phase.SERVING), instances=(instance(),), hosts=(host(used=1),))
    life.see(7200)
    assert life.node().idle_since == 0
    life.see(hosts=(host(),))
    assert life.node().idle_since == life.now
    life.see(hosts=(host(used=1),))
    assert life.node().idle_since == 0  # what it was idle before its next job counts no more
    life.see(3600, hosts=(host(),))
    assert life.node().idle_since == life.now


def test_restarting_server_does_not_make_nodes_down():
    life = Life.of(record(Phase.SERVING, shown=NodeState.IDLE, shown_at=START), instances=(instance(),), hosts=(host(up=None),))
    plan = life.see(1000)
    assert acts(plan) == []
    assert life.node().down_since == 0
    assert plan.nodes[0].state is NodeState.IDLE


# -- hooks ----------------------------------------------------------------------------------------------------------


def test_hooks_run_once_at_their_place():
    life = Life.of(record(Phase.JOINING), settings=settings(post_vm_provision_command="/bin/hook {0} {1} {2}"), instances=(instance(),))
    assert acts(life.see()) == [Act.HOOK, Act.JOIN]
    life.change(hooks_done=frozenset({"post_vm_provision_command"}))
    assert acts(life.see()) == [Act.JOIN]


@pytest.mark.parametrize(
    ("setting", "phase", "hosts"),
    [("post_add_node_command", Phase.CONFIGURING, (host(hold=HELD),)), ("post_remove_node_command", Phase.LEAVING, ())],
)
def test_s22_hooks_of_the_batch_system_run_once_when_the_node_has_come_and_when_it_has_gone(setting, phase, hosts):
    known = settings()
    hook = known.cluster.config.model_copy(update={setting: HOOK.read("/bin/hook {0}")})
    known = known.model_copy(update={"cluster": known.cluster.model_copy(update={"config": hook})})
    life = Life.of(record(phase, configured_at=START, leaving_for="" if hosts else reasons.IDLE), settings=known, hosts=hosts, instances=(instance(),))
    plan = life.see()
    assert acts(plan) == [Act.HOOK] and only(plan, Act.HOOK).detail == setting
    life.change(hooks_done=frozenset({setting}))
    assert Act.HOOK not in acts(life.see())


# -- restart ----------------------------------------------------------------------------------------------------------


def test_s9_restart_while_the_qmaster_is_down_destroys_nothing():
    life = Life.of(record(Phase.SERVING), unread=True, instances=(instance(),))
    for _ in range(5):
        assert acts(life.see(5000)) == []
    assert Life(unread=True, instances=(instance(),)).see().memory.nodes == {}


@pytest.mark.parametrize("unread", [True, False])
@pytest.mark.parametrize("phase", [Phase.DRAINING, Phase.LEAVING])
def test_s9_node_that_was_on_its_way_out_stays_until_the_batch_system_answers(phase, unread):
    """Whether nothing was ever read or the last good reading is old: neither says that it runs no job now."""
    life = Life.of(record(phase, leaving_for=reasons.IDLE, empty_seen=2), unread=unread, batch_error="got send error", instances=(instance(),))
    for _ in range(5):
        assert acts(life.see(1000)) == []
    assert life.node().phase is phase
    life.see(unread=False, batch_error="", hosts=(host(used=1, hold=HELD),))
    assert life.node().phase in (Phase.SERVING, Phase.DRAINING)  # its job is waited for


def test_s9_idle_node_of_an_old_reading_is_not_removed():
    life = Life.of(record(Phase.SERVING), settings=settings(max_idle_time=60), hosts=(host(),), instances=(instance(),))
    life.see()
    for _ in range(5):
        assert acts(life.see(1000, batch_error="got send error")) == []
    assert life.node().leaving_for == ""


@pytest.mark.parametrize(
    ("hosts", "phase"),
    [
        ((), Phase.JOINING),
        ((host(hold=HELD),), Phase.CONFIGURING),
        ((host(used=1, hold=HELD),), Phase.SERVING),
        ((host("burst-a.example.org", used=1),), Phase.SERVING),
        ((host(),), Phase.SERVING),
    ],
)
def test_s10_instance_without_a_record_is_adopted_as_what_it_is(hosts, phase):
    life = Life(instances=(instance(),), hosts=hosts)
    life.see(0)
    assert life.node().phase is phase
    assert life.node().instance_id == "i-burst-a"


def test_s10_instance_that_does_not_run_yet_is_adopted_as_booting():
    life = Life(instances=(instance(state=InstanceState.PENDING),))
    life.see(0)
    assert (life.node().phase, life.node().ready_at) == (Phase.BOOTING, 0.0)


@pytest.mark.parametrize("name", ["n1", "n1.example.org"])
def test_s10_cloud_and_batch_system_may_tell_the_name_short_or_long(name):
    life = Life(settings=settings(hostname="private_dns"), instances=(instance(private_dns="n1.example.org"),), hosts=(host(name, used=1),))
    plan = life.see(0)
    assert life.node().phase is Phase.SERVING
    assert [(node.resource, node.state) for node in plan.nodes] == [("burst", NodeState.BUSY)]  # one node, no physical one beside it


def test_node_is_down_only_for_as_long_as_this_engine_has_seen_it_down():
    """A clock that jumps, or an engine that was away, makes no node down for max_down_time."""
    life = Life.of(record(Phase.SERVING), hosts=(host(up=False),), instances=(instance(),))
    life.see()
    life.jump(10_000)
    life.see()
    assert not life.node().leaving_for
    life.restart(away=10_000)
    life.see(60)
    assert not life.node().leaving_for
    life.see(life.settings.dynamic_cluster.max_down_time)
    assert life.node().leaving_for == reasons.DOWN


def test_s9_journal_and_machine_lost_together_leave_no_host_behind():
    """A machine that ended is adopted when the batch system still lists its host, so that both are put away."""
    ended = instance(state=InstanceState.INEXISTENT)
    life = Life(instances=(ended,), hosts=(host(used=1, up=False),))
    life.see()
    assert life.node().gone is True
    assert acts(life.see()) == [Act.CLEAR, Act.REMOVE]
    assert Life(instances=(ended,)).see().memory.nodes == {}


def test_resource_that_left_the_pillar_keeps_its_nodes_untouched_and_says_so():
    life = Life.of(replace(record(Phase.SERVING), resource="old"))
    plan = life.see(5000, hosts=(host(),))
    assert plan.actions == ()
    assert "put it back and drain it" in plan.blocked["old"]
