"""Machines of several types that are launched together, with one call: each names itself, shows the secret that all of them share, and becomes a node of its own."""

from __future__ import annotations

import pytest

from lab.layout import CHECKOUT

from .conftest import PATIENCE, Site

pytestmark = [pytest.mark.root, pytest.mark.integration]

SHARED = str(CHECKOUT / "examples" / "user-data-many.yaml")
TYPES = {"instance_type": None, "instance_types": ["t3.large", "t3a.large"]}
CAPACITY = "TargetCapacitySpecification.TotalTargetCapacity"


def asked(site: Site, action: str) -> list[dict[str, str]]:
    return [row["parameters"] for row in site.lab.requests() if row["parameters"].get("Action") == action and row["status"] == 200]


def test_nodes_for_one_demand_come_with_few_calls_and_name_themselves(site: Site) -> None:
    before, calls = set(site.nodes()), len(asked(site, "CreateFleet"))
    status, answer = site.change({"cloud": {"standard": {"config": {"userdata_file": SHARED, **TYPES}}}})
    assert status == 0, answer
    job = site.submit("-t 1-12", seconds=10)
    site.wait(lambda: len(set(site.serving("standard")) - before) >= 3, "three new nodes that serve", 2 * PATIENCE)
    new = {name: row for name, row in site.nodes("standard").items() if name not in before}
    counts = [int(call[CAPACITY]) for call in asked(site, "CreateFleet")[calls:]]
    assert max(counts) >= 2 and sum(counts) >= len(new) > len(counts)
    assert asked(site, "CreateTags") == []
    assert set(new) == {"std-" + row["instance"]["uuid"].removeprefix("i-") for row in new.values()}
    assert set(new) <= set(site.lab.head("ls /etc/salt/pki/master/minions").stdout.split())
    site.wait(lambda: site.is_done(job), "the jobs", 2 * PATIENCE)
    site.change({})
    site.wait_for_rest()
