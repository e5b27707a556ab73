from __future__ import annotations

import pytest
from saltext.dynamiccluster.settings import Machinery, load

from tests.unit.settings.build import faults, loaded, pillar

LIMITS = "dynamic-cluster:limits"


def second(prefix: str, **config):
    resource = pillar()["cloud"]["burst"]
    resource["config"] |= {"instance_name_prefix": prefix} | config
    return {"cloud:second": resource}


@pytest.mark.parametrize(
    ("prefix", "at"),
    [("dc-", "second"), ("DC-", "second"), ("dc-big-", "second"), ("d", "burst"), ("dd-", None), ("os-", None)],
)
def test_prefixes_in_one_account(prefix, at):
    found = faults(second(prefix))
    assert set(found) == ({f"cloud:{at}:config:instance_name_prefix"} if at else set())


def test_equal_prefixes_in_different_accounts_are_fine():
    assert loaded(second("dc-", access_key_id="OTHER", secret_access_key="x"))
    assert loaded(second("dc-", endpoint_url="http://127.0.0.1:5000"))


def test_prefixes_are_compared_even_if_the_resource_has_other_faults():
    found = faults(second("dc-") | {"cloud:burst:quantity": {"max": "x"}, "cluster:type": "slurm"})
    assert set(found) == {"cloud:burst:quantity:max", "cluster:type", "cloud:second:config:instance_name_prefix"}


def test_more_wanted_at_least_than_allowed():
    changes = {"cloud:burst:quantity:min": 2, "cloud:private:quantity:min": 2, f"{LIMITS}:max_nodes": 3}
    assert set(faults(changes)) == {f"{LIMITS}:max_nodes"}
    assert loaded(changes | {f"{LIMITS}:max_nodes": 4}).dynamic_cluster.limits.max_nodes == 4


def test_a_limit_of_cost_needs_prices():
    found = faults({f"{LIMITS}:max_cost_per_day": 10, "cloud:burst:price": 0})
    assert set(found) == {"cloud:private:price"}


def test_g10_grid_engine_reserves_by_host_groups():
    path = "cloud:burst:reservation:account"
    assert set(faults({path: "bigmem"})) == {path}
    assert loaded({path: "@bigmem"}).cloud["burst"].reservation.account == "@bigmem"
    assert loaded({path: "bigmem", "cluster:type": "torque"}).cloud["burst"].reservation.account == "bigmem"


@pytest.mark.parametrize("empty", [None, {}, {"queue": None, "account": "", "property": " "}])
def test_empty_reservations_restrict_nothing(empty):
    reservation = loaded({"cloud:burst:reservation": empty}).cloud["burst"].reservation
    assert (reservation.queue, reservation.account, reservation.property) == ("", "", "")


BUILT = Machinery(frozenset({"sge"}), frozenset({"aws"}), frozenset())


def test_types_without_machinery_are_told():
    changes = {"cluster:type": "torque", "plugins:graphite": None}
    found = faults(changes, BUILT)
    assert set(found) == {"cluster:type", "cloud:private:type", "plugins:graphite:class_name"}
    assert found["cluster:type"].hint == "available: sge"


def test_faults_of_the_schema_come_together_with_missing_machinery():
    found = faults({"cluster:type": "torque", "cloud:private:config:flavor": None}, BUILT)
    assert set(found) == {"cluster:type", "cloud:private:type", "cloud:private:config:flavor"}


def test_what_is_built_passes():
    data = pillar() | {"plugins": {"mine": {"class_name": "site.Reporter"}}}
    del data["cloud"]["private"]
    assert load(data, machinery=BUILT).cluster.type == "sge"
