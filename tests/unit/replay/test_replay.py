"""Whole replays: every policy does the same jobs, and no limit is passed."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.replay.autoscaler import Autoscaler
from saltext.dynamiccluster.replay.cluster import Boot
from saltext.dynamiccluster.replay.figures import Tariff, bound
from saltext.dynamiccluster.replay.replay import Setting, compare, fitting, replay
from saltext.dynamiccluster.replay.rivals import AlwaysOn, Predecessor
from saltext.dynamiccluster.replay.swf import TraceError, TraceJob
from saltext.dynamiccluster.replay.workloads import mixed
from saltext.dynamiccluster.settings import load

SURE = Boot(120.0, 120.0, 0.0)


def settings(general=None, **resources):
    def resource(name, quantity, **more):
        config = {"region_name": "us-east-1", "image_id": "ami-12345678", "instance_type": "c5.4xlarge", "instance_name_prefix": f"{name}-"}
        return {"type": "aws", "quantity": quantity, "config": config, **more}

    cloud = {name: resource(name, **wanted) for name, wanted in (resources or {"cloud": {"quantity": {"min": 0, "max": 4}}}).items()}
    return load({"dynamic-cluster": general or {}, "cluster": {"type": "sge", "config": {}}, "cloud": cloud})


def setting(boot=SURE, cores=16, **more):
    found = settings(**more)
    return Setting(found, dict.fromkeys(found.cloud, cores), boot)


def jobs(*rows):
    return [TraceJob(str(number), *row) for number, row in enumerate(rows, 1)]


def ours(trace, wanted):
    return replay(trace, wanted, lambda cluster: Autoscaler(wanted.settings, cluster, wanted.cores)).figures


def test_one_job_gets_one_machine_that_goes_when_it_was_idle_for_long_enough():
    found = ours(jobs((0.0, 600.0, 4)), setting())
    assert (found.jobs, found.launches, found.most_nodes) == (1, 1, 1)
    assert 120 <= found.mean_wait <= 160
    assert found.node_hours * 3600 == pytest.approx(120 + 600 + 600, abs=60)


def test_what_is_on_its_way_is_counted():
    found = ours(jobs(*((float(second), 600.0, 4) for second in range(0, 100, 7))), setting())
    assert found.launches == 4


def test_the_maximum_is_kept_and_every_job_runs():
    found = ours(jobs(*[(0.0, 300.0, 16)] * 9), setting())
    assert found.most_nodes == 4 and found.jobs == 9
    assert found.longest_wait > 600


def test_a_job_over_several_machines_gets_them():
    assert ours(jobs((0.0, 300.0, 50)), setting()).launches == 4


def test_the_minimum_is_there_before_the_jobs_and_stays():
    wanted = setting(cloud={"quantity": {"min": 2, "max": 4}})
    found = ours(jobs((1000.0, 300.0, 16)), wanted)
    assert found.mean_wait == 0.0 and found.launches == 2


def test_machines_that_never_come_up_are_replaced():
    found = ours(jobs(*[(0.0, 300.0, 16)] * 8), setting(Boot(120.0, 240.0, 0.3)))
    assert found.jobs == 8 and found.launches > 4


def test_the_first_priority_goes_first_and_prices_are_added_up():
    wanted = setting(near={"quantity": {"max": 1}, "priority": 1, "price": 0.1}, far={"quantity": {"max": 3}, "priority": 2, "price": 1.0})
    one, all_ = ours(jobs((0.0, 3600.0, 16)), wanted), ours(jobs(*[(0.0, 3600.0, 16)] * 4), wanted)
    assert one.cost == pytest.approx(0.1 * one.node_hours)
    assert all_.cost > 3.0


def test_a_queue_that_a_resource_reserves():
    wanted = setting(short={"quantity": {"max": 2}}, long={"quantity": {"max": 2}, "reservation": {"queue": "7"}})
    found = ours([TraceJob("1", 0.0, 60.0, 4, "u", "7"), TraceJob("2", 0.0, 60.0, 4, "u", "3")], wanted)
    assert found.jobs == 2


def test_limits_over_all_resources_are_kept():
    wanted = setting(general={"limits": {"max_nodes": 2}})
    assert wanted.most == 2
    assert ours(jobs(*[(0.0, 300.0, 16)] * 5), wanted).most_nodes == 2


@pytest.mark.thorough
def test_every_policy_runs_the_same_jobs():
    trace = mixed(1, 0.4, load=1.5)
    found = compare(trace, setting(Boot()))
    assert list(found) == ["dynamic cluster", "version 1", "all nodes always on", "bound"]
    figures = {name: item.figures for name, item in found.items()}
    assert {item.jobs for item in figures.values()} == {len(trace)}
    assert figures["bound"].node_hours < figures["dynamic cluster"].node_hours < figures["version 1"].node_hours < figures["all nodes always on"].node_hours
    assert figures["dynamic cluster"].launches < 0.6 * figures["version 1"].launches
    assert all(item.most_nodes <= 4 for item in figures.values())


def test_the_same_seed_gives_the_same_figures():
    trace, wanted = mixed(1, 0.3), setting(Boot())
    assert ours(trace, wanted) == ours(trace, wanted)


def test_jobs_larger_than_all_machines_of_their_reserved_queue_are_left_out():
    wanted = setting(short={"quantity": {"max": 4}}, long={"quantity": {"max": 2}, "reservation": {"queue": "7"}})
    found, left = fitting([TraceJob("1", 0.0, 60.0, 33, "u", "7"), TraceJob("2", 0.0, 60.0, 32, "u", "7"), TraceJob("3", 0.0, 60.0, 96, "u", "3")], wanted)
    assert [job.id for job in found] == ["2", "3"] and left == 1


def test_every_policy_pays_the_prices():
    wanted = setting(near={"quantity": {"max": 1}, "priority": 1, "price": 0.1}, far={"quantity": {"max": 3}, "priority": 2, "price": 1.0})
    found = compare(jobs((0.0, 3600.0, 16)), wanted)
    alone = found["version 1"].figures
    assert alone.cost is not None and alone.cost >= 0.1 * alone.node_hours > 0
    assert all(found[name].figures.cost for name in ("dynamic cluster", "all nodes always on"))


def test_version_1_launches_machines_as_large_as_their_resource_has_them_for_its_queue():
    small = {"quantity": {"min": 0, "max": 2}, "priority": 0}
    large = {"quantity": {"min": 0, "max": 2}, "priority": 1, "reservation": {"queue": "7"}}
    wanted = Setting(settings(small=small, large=large), {"small": 8, "large": 32}, SURE)
    trace = [TraceJob("1", 0.0, 600.0, 8), TraceJob("2", 0.0, 600.0, 32, queue="7"), TraceJob("3", 0.0, 600.0, 8)]
    clusters = []

    def make(cluster):
        clusters.append(cluster)
        return Predecessor(cluster, wanted.machines())

    found = replay(trace, wanted, make).figures
    assert sorted({(machine.resource, machine.cores, machine.queue) for machine in clusters[0].ended}) == [("large", 32, "7"), ("small", 8, "")]
    assert found.most_nodes == 4 and found.longest_wait <= 130


def test_what_is_waited_while_all_machines_are_in_service_is_told_apart():
    found = ours(jobs((0.0, 1000.0, 16), (0.0, 1000.0, 16), (0.0, 100.0, 16)), setting(cloud={"quantity": {"min": 0, "max": 2}}))
    assert found.crowded_wait == pytest.approx(1000 / 3, abs=4)
    assert 120 <= found.mean_wait - found.crowded_wait <= 160
    assert ours(jobs((0.0, 1000.0, 16)), setting()).crowded_wait == 0


def test_waits_are_told_by_hundredths_of_the_jobs():
    found = replay(jobs((0.0, 300.0, 16), (0.0, 300.0, 16), (500.0, 60.0, 16)), setting(), lambda cluster: AlwaysOn(cluster, [("cloud", 16, "")]))
    assert (found.waits[0], found.waits[33], found.waits[66], found.waits[99]) == (0.0, 100.0, 300.0, 300.0)
    assert len(found.waits) == 100


def test_jobs_larger_than_everything_are_left_out():
    found, left = fitting(jobs((0.0, 60.0, 64), (0.0, 60.0, 65)), setting())
    assert [job.id for job in found] == ["1"] and left == 1
    with pytest.raises(TraceError, match="64 cores"):
        fitting(jobs((0.0, 60.0, 65)), setting())


@pytest.mark.thorough
def test_jobs_that_nothing_will_run_are_told():
    with pytest.raises(TraceError, match="1 jobs are never run, job 1 first"):
        ours(jobs((0.0, 60.0, 4)), setting(general={"auto_mode": False}))


def test_the_bound_is_the_work_and_one_boot_for_each_node():
    found = bound(jobs((0.0, 3600.0, 16), (0.0, 1800.0, 16), (5000.0, 3600.0, 16)), 16, 4, SURE)
    assert found.most_nodes == 2
    assert found.node_hours == pytest.approx(2.5 + 2 * 120 / 3600)


def test_the_course_is_thinned_out(monkeypatch):
    monkeypatch.setattr("saltext.dynamiccluster.replay.replay._MOST_SAMPLES", 20)
    trace, wanted = mixed(1, 0.4), setting()
    course = replay(trace, wanted, lambda cluster: Autoscaler(wanted.settings, cluster, wanted.cores)).course
    assert 5 <= len(course) <= 41
    assert [sample.at for sample in course] == sorted({sample.at for sample in course})


@pytest.mark.parametrize(
    ("tariff", "seconds", "cost"),
    [(Tariff(2.0), 1800, 1.0), (Tariff(2.0, 3600), 1800, 2.0), (Tariff(2.0, 3600), 3601, 4.0), (Tariff(2.0, 0, 600), 60, 1 / 3), (Tariff(2.0, 3600, 9000), 60, 5.0)],
)
def test_begun_units_are_billed_in_full(tariff, seconds, cost):
    assert tariff.bill(seconds) == pytest.approx(cost)


def test_a_machine_billed_by_the_hour_stays_for_what_is_paid():
    trace = jobs((0.0, 600.0, 16), (2500.0, 300.0, 16))
    plain, hourly = ours(trace, setting()), ours(trace, setting(cloud={"quantity": {"max": 4}, "price": 1.0, "billing_unit": "1h"}))
    assert (plain.launches, hourly.launches) == (2, 1)
    assert hourly.cost == 1.0 and hourly.node_hours < 1.0
