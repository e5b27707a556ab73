"""Reading the world: what a failed reading keeps, what a listing's gaps mean, how long the next reading waits."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from saltext.dynamiccluster.control.backoff import BATCH_READ, CLOUD_READ
from saltext.dynamiccluster.control.observe import ask_hostname, check_node, pause, read_batch, read_cloud, resolve_name
from saltext.dynamiccluster.errors import BatchUnreachable, CloudError, Refusal
from saltext.dynamiccluster.model import HoldBy, LaunchOrder, NodeRecord, Phase, Reservation, Shape, Verdict
from saltext.dynamiccluster.sim.batch import SimBatch, SimHost
from saltext.dynamiccluster.sim.clock import VirtualClock
from saltext.dynamiccluster.sim.cloud import Account, SimulatedCloud
from saltext.dynamiccluster.sim.world import make_settings
from saltext.dynamiccluster.snapshot import LONGEST_GAP, Reading

RECORD = NodeRecord("dc-abc234", "cloud1", "intent", Phase.CONFIGURING, address="10.0.0.7")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(1000.0)


def test_failed_reading_keeps_the_last_good_one_and_says_since_when(clock):
    batch = SimBatch(clock)
    good = read_batch(batch, Reading(), clock)
    batch.down = True
    clock.advance(5)
    bad = read_batch(batch, good, clock)
    clock.advance(5)
    worse = read_batch(batch, bad, clock)
    assert (worse.value, worse.read_at, worse.serial, worse.fresh) == (good.value, 1000.0, 1, False)
    assert "does not answer" in worse.error and worse.failing_since == 1005.0
    batch.down = False
    again = read_batch(batch, worse, clock)
    assert (again.fresh, again.serial, again.failing_since) == (True, 2, 0.0)


def test_reading_is_as_old_as_its_beginning(clock):
    batch = SimBatch(clock)
    observe = batch.observe
    batch.observe = lambda: (clock.advance(30), observe())[1]
    assert read_batch(batch, Reading(), clock).read_at == 1000.0


def test_s13_exception_in_an_adapter_is_a_failed_reading(clock, caplog):
    batch = SimBatch(clock)
    batch.troubles["observe"] = [ValueError("a bug")] * 2
    reading = read_batch(batch, Reading(), clock)
    assert "unforeseen: ValueError: a bug" in reading.error
    read_batch(batch, reading, clock)
    assert caplog.text.count("Traceback") == 1


def make_cloud(clock: VirtualClock) -> tuple[Account, SimulatedCloud]:
    account = Account(clock)
    return account, SimulatedCloud(account, "default", "cloud1", Shape(4, 8192))


def test_instances_that_a_listing_lacks_are_asked_for_by_id(clock):
    account, cloud = make_cloud(clock)
    there, cut = (cloud.launch(LaunchOrder(name, name, "", 1.0)) for name in ("a", "b"))
    cloud.troubles.truncate_list = 1
    known = [NodeRecord(name, "cloud1", name, instance_id=id_) for name, id_ in (("a", there.id), ("b", cut.id), ("c", "sim-999999"))]
    view = read_cloud("cloud1", cloud, known, Reading(), clock).value
    assert {instance.id for instance in view.instances} == {there.id, cut.id}
    assert view.gone == {"sim-999999"} and view.shape == Shape(4, 8192)
    assert [call for call in cloud.calls if call[0] == "get"] == [("get", cut.id), ("get", "sim-999999")]


def test_only_what_was_lived_through_with_good_and_whole_readings_counts(clock):
    account, cloud = make_cloud(clock)
    made = cloud.launch(LaunchOrder("a", "a", "", 1.0))
    known = [NodeRecord("a", "cloud1", "a", instance_id=made.id), NodeRecord("b", "cloud1", "b", tried_at=1.0, tries=2)]

    def look(previous, seconds, known=known):
        clock.advance(seconds)
        return read_cloud("cloud1", cloud, known, previous, clock)

    first = look(Reading(), 50)
    assert (first.lived, first.watched_for("b 2")) == (0.0, 0.0)
    second = look(first, 30)
    assert (second.lived, second.watched_for("b 2")) == (30.0, 30.0)
    cloud.troubles.truncate_list = 0  # it lacks a machine that is there: it may lack any
    cut = look(second, 30)
    assert cut.fresh and cut.watched_for("b 2") == 30.0
    cloud.troubles.refuse("list", Refusal.FAILED)
    failed = look(cut, 30)
    assert failed.watched_for("b 2") == 30.0
    cloud.troubles.mend("list")
    cloud.troubles.truncate_list = None
    late = look(failed, 1000)
    assert late.watched_for("b 2") == 30.0 + LONGEST_GAP
    again = look(late, 10, [replace(known[1], tries=3)])
    assert again.watched_for("b 3") == again.watched_for("b 2") == again.watched_for("unknown") == 0.0


def test_for_how_long_nodes_are_down_is_watched(clock):
    batch, record = SimBatch(clock), replace(RECORD, hostname="n1")
    batch.hosts["n1"] = SimHost("n1", Shape(4), Reservation(), ("all.q",), HoldBy.NOBODY, up=True)
    reading, seen = Reading(), []
    for up in (True, None, False, False, None, True, None):
        clock.advance(10)
        batch.hosts["n1"].up = up
        reading = read_batch(batch, reading, clock, [record])
        seen.append(reading.watched_for("n1"))
    assert seen == [0, 0, 0, 10, 20, 0, 0]
    del batch.hosts["n1"]
    missing = read_batch(batch, read_batch(batch, reading, clock, [record]), clock, [record])
    assert "n1" in missing.watched


def test_s34_error_while_asking_for_one_instance_makes_the_whole_reading_fail(clock):
    _, cloud = make_cloud(clock)
    cloud.troubles.refuse("get", Refusal.UNAUTHORISED)
    reading = read_cloud("cloud1", cloud, [NodeRecord("c", "cloud1", "c", instance_id="sim-9")], Reading(), clock)
    assert reading.value is None and reading.error


def test_shape_that_cannot_be_asked_leaves_the_listing_good(clock):
    _, cloud = make_cloud(clock)
    first = read_cloud("cloud1", cloud, [], Reading(), clock)
    cloud.troubles.refuse("shape", Refusal.THROTTLED)
    second = read_cloud("cloud1", cloud, [], first, clock)
    assert second.fresh and second.value.shape == Shape(4, 8192)


def test_check_that_raises_has_not_said_no_and_is_logged_once(caplog):
    class Broken:
        def check(self, target):
            raise CloudError("no", Refusal.FAILED)

    result = check_node(Broken(), RECORD)
    assert result.verdict is Verdict.WAITING and "its check failed" in result.detail
    assert check_node(Broken(), RECORD, result) == result
    assert caplog.text.count("Traceback") == 1


def test_name_that_cannot_be_asked_is_not_resolved(clock):
    batch = SimBatch(clock)
    batch.troubles["resolve"] = [BatchUnreachable("gone")]
    assert resolve_name(batch, "host1") == ""


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/bin/echo Host-1.example.org and more", "host-1.example.org"),
        ("/bin/echo {1}", "dc-abc234"),
        ("/bin/sh -c 'echo name; echo warning >&2'", "name"),
        ("/bin/echo 'a;b'", ""),
        ("/bin/echo -- -rf", ""),
        ("/bin/false", ""),
        ("/nonexistent", ""),
        ("/bin/true", ""),
    ],
)
def test_host_name_by_command(command, name):
    assert ask_hostname(make_settings(hostname={"command": command}), RECORD) == name


@pytest.mark.parametrize(
    ("interval", "took", "failures", "least", "most"),
    [
        (10.0, 0.1, 0, 10.0, 10.0),
        (10.0, 5.0, 0, 20.0, 20.0),
        (10.0, 0.1, 1, 10.0, 12.5),
        (10.0, 0.1, 9, 60.0, 75.0),
        (90.0, 0.1, 9, 90.0, 90.0),
    ],
)
def test_s26_next_reading_waits_for_the_interval_four_times_the_last_and_failures(interval, took, failures, least, most):
    waits = [pause(interval, took, failures, BATCH_READ, random.Random(seed)) for seed in range(20)]
    assert all(least <= wait <= most for wait in waits)


def test_s26_cloud_poller_interval_is_kept_by_a_cloud_that_is_down():
    assert min(pause(60.0, 0.1, 5, CLOUD_READ, random.Random(seed)) for seed in range(20)) >= 60.0
