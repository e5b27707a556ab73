"""The fault table of listings and of the end of machines: what is not known is not absent, what was not done is asked for again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from saltext.dynamiccluster.model import Phase
from saltext.dynamiccluster.policy.plan import Act

from .cluster import Cluster
from .ec2 import name_of_machine
from .reactions import LAUNCH, UNREADABLE, check_always, check_end, has_struck, strike

Make = Callable[..., Cluster]
THINNED = ("empty", "partial", "stale")
DONE_ALL_THE_SAME = frozenset({"lost-reply", "hang-after", "truncated", "malformed"})
ENDING = [fault for fault in LAUNCH if not fault.endswith(("capacity", "quota"))]


def serving(make: Make, duration: float = 200.0) -> Cluster:
    """Return a cluster whose node of `alpha` runs a job."""
    cluster = make(jobs=0)
    job = cluster.submit("alpha", duration)
    assert cluster.run(300, lambda: bool(job.taken))
    return cluster


@pytest.mark.parametrize("fault", UNREADABLE)
def test_listing_that_fails_says_nothing_of_nodes_that_serve(make: Make, fault: str) -> None:
    cluster = serving(make)
    strike(cluster, "DescribeInstances", fault, count=6)
    assert cluster.run(120, lambda: bool(cluster.core.snapshot.clouds["alpha"].error)), cluster.describe()
    assert not cluster.core.snapshot.clouds["beta"].error
    assert not {action.act for action in cluster.core.plan.actions} & {Act.REMOVE, Act.DESTROY, Act.FORGET, Act.CLEAR}
    check_end(cluster)
    assert len(cluster.account.machines()) == 2


@pytest.mark.parametrize("fault", ["throttled", "internal", "cut", "hang", "malformed"])
def test_nothing_is_launched_where_machines_cannot_be_listed(make: Make, fault: str) -> None:
    cluster = make()
    strike(cluster, "DescribeInstances", fault, count=None)
    cluster.run(150, lambda: False)
    assert cluster.account.living("alpha") == [] and "could not be read" in cluster.core.plan.blocked["alpha"]
    cluster.account.table.clear()
    check_end(cluster)


@pytest.mark.parametrize("fault", THINNED)
def test_listing_that_lacks_machines_is_no_proof_that_they_are_gone(make: Make, fault: str) -> None:
    cluster = serving(make)
    other = cluster.submit("alpha", 200.0)
    assert cluster.run(200, lambda: bool(other.taken))
    strike(cluster, "DescribeInstances", fault, count=None)
    cluster.run(150, lambda: False)
    assert has_struck(cluster) and cluster.harmed == []
    assert all(not record.gone for record in cluster.core.memory.nodes.values())
    cluster.account.table.clear()
    check_end(cluster)


@pytest.mark.parametrize("fault", THINNED)
def test_listing_that_lacks_what_was_just_launched_launches_nothing_more(make: Make, fault: str) -> None:
    cluster = make(jobs=2)
    assert cluster.run(300, lambda: bool(cluster.account.living("alpha")))
    strike(cluster, "DescribeInstances", fault, count=8)
    check_end(cluster)
    assert len(cluster.account.machines()) == 2


@pytest.mark.parametrize("fault", [*ENDING, "not-done"])
def test_end_that_fails_is_asked_for_again(make: Make, fault: str) -> None:
    cluster = make()
    strike(cluster, "TerminateInstances", fault, count=2)
    assert cluster.run(600, lambda: has_struck(cluster)), cluster.describe()
    check_always(cluster)
    check_end(cluster)
    assert cluster.account.calls["TerminateInstances"] >= (2 if fault in DONE_ALL_THE_SAME else 4)


def test_machine_that_cannot_be_ended_is_never_forgotten(make: Make) -> None:
    cluster = make()
    strike(cluster, "TerminateInstances", "unauthorised", count=None)
    assert cluster.run(600, lambda: has_struck(cluster))
    cluster.run(900, lambda: False)
    [machine], [record] = cluster.account.living("alpha"), cluster.core.memory.nodes.values()
    assert record.name == name_of_machine(machine) and record.phase is Phase.DESTROYING and "UnauthorizedOperation" in record.failed
    cluster.account.table.clear()
    check_end(cluster)


@pytest.mark.parametrize("fault", ["throttled", "internal", "cut", "lost-reply", "hang-after", "malformed"])
def test_adoption_that_fails_is_asked_for_again(make: Make, fault: str) -> None:
    cluster = make(jobs=0)
    stranger = cluster.make_stranger()
    strike(cluster, "CreateTags", fault, count=2)
    assert cluster.run(60, lambda: "alpha" in cluster.core.snapshot.clouds)
    assert cluster.command("adopt", resource="alpha", instance=stranger)["ok"]
    adopted = lambda: any(record.instance_id == stranger for record in cluster.core.memory.nodes.values())  # noqa: E731
    assert cluster.run(600, adopted), cluster.describe()
    assert cluster.account.launched_twice() == [] and len(cluster.account.living("alpha")) == 1
