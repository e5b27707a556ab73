"""The fault table of sts:AssumeRole: a role whose keys end is taken on anew before each call, and each fault there ends in the written reaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from saltext.dynamiccluster.model import Phase

from .cluster import Cluster
from .reactions import LAUNCH, check_always, check_end, has_struck, strike
from .test_launching import check_reaction

Make = Callable[..., Cluster]
ROLE = "arn:aws:iam::123456789012:role/dynamiccluster"
FAULTS = ("throttled", "unauthorised", "internal", "cut", "lost-reply", "hang", "hang-after", "truncated", "malformed")


@pytest.fixture
def cluster(make: Make, front) -> Cluster:
    return make(role_arn=ROLE, sts_endpoint_url=front.url)


def test_role_is_taken_on_anew_before_its_keys_end(cluster: Cluster) -> None:
    check_end(cluster)
    assert cluster.account.calls["AssumeRole"] > 5 and len(cluster.account.machines()) == 2


@pytest.mark.parametrize("fault", FAULTS)
def test_role_that_cannot_be_taken_on_for_a_launch(cluster: Cluster, fault: str) -> None:
    """The launch itself was never sent, so that nothing is there that nobody knows of."""

    def ordered() -> bool:
        return any(record.resource == "alpha" for record in cluster.core.memory.nodes.values())

    assert cluster.run(300, ordered), cluster.describe()
    strike(cluster, "AssumeRole", fault)
    assert cluster.run(60, lambda: has_struck(cluster)), cluster.describe()
    check_reaction(cluster, replace(LAUNCH[fault], kept=fault not in ("unauthorised", "internal")))
    assert cluster.account.living("alpha") == []
    check_always(cluster)
    check_end(cluster)
    assert len(cluster.account.machines()) == 2


@pytest.mark.parametrize("fault", ["throttled", "unauthorised", "hang", "malformed"])
def test_role_that_cannot_be_taken_on_for_a_listing_is_no_empty_listing(cluster: Cluster, fault: str) -> None:
    assert cluster.run(300, lambda: any(one.phase is Phase.SERVING for one in cluster.core.memory.nodes.values() if one.resource == "alpha"))
    strike(cluster, "AssumeRole", fault, count=8)
    assert cluster.run(120, lambda: bool(cluster.core.snapshot.clouds["alpha"].error)), cluster.describe()
    [record] = [one for one in cluster.core.memory.nodes.values() if one.resource == "alpha"]
    assert not record.gone and len(cluster.account.living("alpha")) == 1
    check_always(cluster)
    check_end(cluster)
    assert len(cluster.account.machines()) == 2
