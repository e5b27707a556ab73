"""Metrics: what Prometheus reads is there, counted once, and has few labels."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from saltext.dynamiccluster.errors import BatchUnreachable, CloudError, Refusal
from saltext.dynamiccluster.policy.plan import Fate, Outcome
from saltext.dynamiccluster.web.metrics import Metered
from saltext.dynamiccluster.web.numbers import Numbers, _unmet

from .house import House


def scrape(house: House) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = house.get("/metrics").body.decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: dict, name: str, **labels: str) -> float:
    return found[f"dynamiccluster_{name}", frozenset(labels.items())]


def test_what_is_there(house: House) -> None:
    found = scrape(house)
    assert value(found, "nodes", resource="burst", state="busy") == 3.0
    assert value(found, "cores", resource="burst", state="busy") == 12.0
    assert value(found, "nodes", resource="spare", state="busy") == 0.0
    assert value(found, "jobs", state="running") == 3.0
    assert value(found, "resource_size_nodes", resource="spare", bound="max") == 2.0
    assert value(found, "auto_mode") == 1.0
    assert value(found, "resource_state", resource="burst", state="normal") == 1.0


def test_phases_of_a_nodes_life_are_counted_once(house: House) -> None:
    house.publish()
    house.publish()
    found = scrape(house)
    for phase in ("active", "joined", "configured", "first_job"):
        assert value(found, "node_phase_seconds_count", resource="burst", phase=phase) == 3.0, phase
    active, configured = (value(found, "node_phase_seconds_sum", resource="burst", phase=phase) for phase in ("active", "configured"))
    assert 0 < active < configured


def test_waiting_is_counted_when_a_job_starts(house: House) -> None:
    found = scrape(house)
    before = value(found, "job_wait_seconds_count")
    house.world.submit(1, duration=5000.0)
    house.pass_time(5)
    assert value(scrape(house), "job_waiting_seconds") >= 0.0
    house.pass_time(600)
    assert value(scrape(house), "job_wait_seconds_count") == before + 1


def test_launches_and_calls_by_kind() -> None:
    numbers = Numbers(0.0)

    class Cloud:
        region = "here"
        errors = [None, CloudError("full", Refusal.NO_CAPACITY), CloudError("away", Refusal.UNREACHABLE)]

        def launch(self, order: str) -> str:
            error = self.errors.pop(0)
            if error:
                raise error
            return order

    cloud = Metered(Cloud(), lambda *told: numbers.cloud_call("burst", *told))
    assert cloud.launch("a") == "a" and cloud.region == "here"
    for _ in range(2):
        with pytest.raises(CloudError):
            cloud.launch("b")
    counted = {(sample.labels["resource"], sample.labels["kind"]): sample.value for sample in _samples(numbers, "launch_failures_total")}
    assert counted == {("burst", "no_capacity"): 1.0, ("burst", "unreachable"): 1.0}
    assert [sample.value for sample in _samples(numbers, "launches_total")] == [1.0]


def test_calls_to_the_batch_system() -> None:
    numbers = Numbers(0.0)

    class Batch:
        def observe(self) -> None:
            raise BatchUnreachable("away")

    with pytest.raises(BatchUnreachable):
        Metered(Batch(), numbers.batch_call).observe()
    assert [(sample.labels["call"], sample.labels["result"]) for sample in _samples(numbers, "batch_calls_total")] == [("observe", "BatchUnreachable")]
    (count,) = _samples(numbers, "batch_call_seconds_count")
    assert count.labels == {"call": "observe", "result": "BatchUnreachable"} and count.value == 1.0


def _samples(numbers: Numbers, name: str) -> list:
    return [sample for family in numbers.registry.collect() for sample in family.samples if sample.name == f"dynamiccluster_{name}"]


def test_reasons_without_names_are_few() -> None:
    fates = {str(n): Fate(Outcome.WAITS, f"burst-{n} has 3 of {n} cores, 'q{n}' is full") for n in range(5000)}
    fates |= {f"x{n}": Fate(Outcome.IMPOSSIBLE, "word" + "a" * (n + 1)) for n in range(100)}
    fates |= {"r": Fate(Outcome.RUNS, "a node has room")}
    _, _, values = _unmet(Counter(fates.values()))
    assert len(values) <= 21 and sum(values.values()) == 5100.0
    assert values["waits", "* has * of * cores, * is full"] == 5000.0


def test_names_follow_the_conventions(house: House) -> None:
    house.get("/status")
    for family in text_string_to_metric_families(house.get("/metrics").body.decode()):
        assert re.fullmatch(r"dynamiccluster(_[a-z]+)+", family.name) and family.documentation
        assert not (family.type == "counter" and family.name.endswith("_total"))  # the parser takes the suffix off


def test_requests_are_counted_by_pattern(house: House) -> None:
    for number in range(5):
        house.get(f"/workernode/nosuch{number}")
        house.get(f"/nosuch{number}")
    found = scrape(house)
    assert value(found, "http_requests_total", method="GET", path="/workernode/{host}", status="404") == 5.0
    assert value(found, "http_requests_total", method="other", path="other", status="404") == 5.0
