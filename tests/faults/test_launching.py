"""The fault table of launches: each fault, at each call that a launch makes, ends in the written reaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from saltext.dynamiccluster.model import Phase

from .cluster import Cluster
from .ec2 import name_of_machine
from .reactions import LAUNCH, Reaction, check_always, check_end, has_struck, strike

Make = Callable[..., Cluster]
TEMPLATE = ("throttled", "unauthorised", "bad-parameter", "internal", "cut", "lost-reply", "hang", "malformed")
FLEET = ("throttled", "no-capacity", "vcpu-quota", "unauthorised", "bad-parameter", "internal", "lost-reply", "hang-after", "truncated", "malformed")
CALLS = [("RunInstances", False, fault) for fault in LAUNCH]
CALLS += [("CreateFleet", True, fault) for fault in FLEET]
CALLS += [("CreateLaunchTemplate", True, fault) for fault in TEMPLATE]


def check_reaction(cluster: Cluster, wanted: Reaction) -> None:
    """Check the back-off right after the failure: its kind, how long it lasts, what it says, what became of the intent."""
    known = cluster.core.memory.resource("alpha")
    assert known.backoff is not None, cluster.describe()
    assert known.backoff.kind == wanted.kind and wanted.names in known.backoff.reason, known.backoff
    assert wanted.least - 1 <= known.backoff.until - cluster.clock.now() <= wanted.most, known.backoff
    assert known.failures == 0 and cluster.core.memory.resource("beta").backoff is None
    records = [record for record in cluster.core.memory.nodes.values() if record.resource == "alpha"]
    assert bool(records) is wanted.kept and all(record.phase in (Phase.ASKED, Phase.BOOTING) for record in records)


@pytest.mark.parametrize(("call", "fleet", "fault"), CALLS)
def test_launch_that_fails(make: Make, call: str, fleet: bool, fault: str) -> None:
    cluster = make(fleet=fleet)
    strike(cluster, call, fault)
    assert cluster.run(300, lambda: has_struck(cluster)), cluster.describe()
    if call != "CreateLaunchTemplate" or not fault.startswith("lost"):
        check_reaction(cluster, LAUNCH[fault])
    check_always(cluster)
    check_end(cluster)


@pytest.mark.parametrize("fleet", [False, True])
def test_nothing_is_asked_of_the_cloud_before_a_back_off_is_over(make: Make, fleet: bool) -> None:
    cluster, call = make(fleet=fleet), "CreateFleet" if fleet else "RunInstances"
    strike(cluster, call, "vcpu-quota", count=None)
    assert cluster.run(300, lambda: has_struck(cluster))
    before = cluster.account.calls[call]
    cluster.run(500, lambda: False)
    assert cluster.account.calls[call] - before <= 1, "only the other resource may have launched"
    assert "quota" in cluster.core.plan.blocked["alpha"]


@pytest.mark.parametrize("fault", ["lost-reply", "hang-after", "truncated", "malformed"])
def test_reply_that_is_lost_again_and_again_makes_one_machine(make: Make, fault: str) -> None:
    cluster = make()
    strike(cluster, "RunInstances", fault, count=3)
    check_end(cluster)
    assert len(cluster.account.machines()) == 2


TOGETHER = ("throttled", "no-capacity", "vcpu-quota", "unauthorised", "internal", "cut", "lost-reply", "hang-after", "truncated", "malformed")


@pytest.mark.parametrize("fleet", [False, True])
@pytest.mark.parametrize("fault", TOGETHER)
def test_launch_of_several_machines_with_one_call_that_fails(make: Make, fault: str, fleet: bool) -> None:
    cluster = make(jobs=4, together=True, fleet=fleet)
    strike(cluster, "CreateFleet" if fleet else "RunInstances", fault, count=2 if fault in ("lost-reply", "malformed") else 1)
    assert cluster.run(300, lambda: has_struck(cluster)), cluster.describe()
    backoff = cluster.core.memory.resource("alpha").backoff
    assert backoff is not None and backoff.kind == LAUNCH[fault].kind
    check_always(cluster)
    check_end(cluster)
    assert len(cluster.account.machines()) == 3


@pytest.mark.parametrize("more", [{}, {"fleet": True}, {"spot_bid": 5.0}])
def test_launch_of_several_that_gets_fewer_goes_on_with_those(make: Make, more: dict[str, Any]) -> None:
    """The node without a machine is given up, and asked for anew; what the other one has is kept."""
    cluster = make(jobs=4, together=True, **more)
    call = "CreateFleet" if more else "RunInstances"
    strike(cluster, call, "short")
    assert cluster.run(300, lambda: has_struck(cluster)), cluster.describe()
    assert len(cluster.account.living("alpha")) == 1 and cluster.core.memory.resource("alpha").failures == 0
    [record] = [one for one in cluster.core.memory.nodes.values() if one.instance_id and one.resource == "alpha"]
    assert record.minion == name_of_machine(cluster.account.living("alpha")[0])
    check_end(cluster)
    assert len(cluster.account.machines()) == 3 and cluster.account.calls[call] <= 5


def test_jobs_wait_for_spot_machines_that_were_asked_for_together(make: Make) -> None:
    cluster = make(jobs=4, together=True, spot_bid=5.0)
    strike(cluster, "CreateFleet", "no-capacity", count=2)
    assert cluster.run(300, lambda: has_struck(cluster)), cluster.describe()
    waiting = [one for one in cluster.core.memory.nodes.values() if one.resource == "alpha"]
    assert [one.phase for one in waiting] == [Phase.ASKED] * 2 and all("spot is tried" in one.failed for one in waiting)
    check_end(cluster)
    assert len(cluster.account.machines()) == 3


def test_new_machine_that_the_cloud_does_not_know_yet_is_waited_for(make: Make) -> None:
    cluster = make()
    strike(cluster, "*", "unknown-yet", seconds=100, count=None)
    check_end(cluster)
    assert len(cluster.account.machines()) == 2


def test_reply_lost_while_the_machine_is_unknown_to_the_cloud(make: Make) -> None:
    cluster = make()
    strike(cluster, "RunInstances", "lost-reply", count=2)
    strike(cluster, "DescribeInstances", "unknown-yet", seconds=150, count=None)
    check_end(cluster)
    assert len(cluster.account.machines()) == 2


@pytest.mark.parametrize("fault", ["throttled", "internal", "cut", "hang", "malformed", "truncated"])
def test_machine_types_that_cannot_be_learned_delay_the_launch(make: Make, fault: str) -> None:
    cluster = make()
    strike(cluster, "DescribeInstanceTypes", fault, count=4)
    cluster.run(30, lambda: has_struck(cluster))
    assert cluster.account.living("alpha") == []
    check_end(cluster)


@pytest.mark.parametrize(
    ("call", "settings"),
    [
        ("DescribeSecurityGroups", {"security_groups": ["default"], "use_public_ip_address": True}),
        ("DescribeVpcs", {"security_groups": ["default"], "use_public_ip_address": True}),
        ("DescribeSpotPriceHistory", {"spot_bid": 5.0}),
        ("DescribeInstanceStatus", {}),
    ],
)
@pytest.mark.parametrize("fault", ["throttled", "cut", "malformed"])
def test_what_else_is_asked_delays_only_what_needs_it(make: Make, call: str, settings: dict[str, Any], fault: str) -> None:
    """Groups are needed for a launch, prices and health for nothing that must be done."""
    cluster = make(**settings)
    strike(cluster, call, fault, count=4)
    check_end(cluster)
    assert has_struck(cluster) and len(cluster.account.machines()) == 2


@pytest.mark.parametrize("fault", ["throttled", "cut", "malformed", "unauthorised"])
def test_old_templates_that_cannot_be_cleared_away_stop_nothing(make: Make, fault: str) -> None:
    cluster = make(fleet=True)
    strike(cluster, "DescribeLaunchTemplates", fault, count=None)
    check_end(cluster, within=600)
