from __future__ import annotations

import random
import statistics

import pytest

from saltext.dynamiccluster.replay.cluster import Boot, Cluster
from saltext.dynamiccluster.replay.swf import TraceJob

SURE = Boot(120.0, 120.0, 0.0)


def cluster(*jobs, boot=SURE, **more):
    return Cluster([TraceJob(str(number), *job) for number, job in enumerate(jobs, 1)], 16, boot, 1, **more)


def waits(found):
    return [run.waited for run in found.runs]


def test_a_job_runs_where_it_fits_and_ends():
    found = cluster((10.0, 60.0, 4))
    found.launch("n1", "r", 16, up=True)
    found.advance(20.0)
    assert found.machines["n1"].free == 12 and not found.done
    found.advance(70.0)
    assert found.machines["n1"].free == 16 and found.done
    assert found.runs[0].ended_at == 70.0 and waits(found) == [0.0]


def test_smaller_jobs_pass_one_that_does_not_fit():
    found = cluster((0.0, 100.0, 12), (1.0, 100.0, 8), (2.0, 10.0, 4))
    found.launch("n1", "r", 16, up=True)
    found.advance(300.0)
    assert waits(found) == [0.0, 99.0, 0.0]


def test_the_fullest_machine_that_has_room_is_taken():
    found = cluster((0.0, 1000.0, 8), (1.0, 1000.0, 4))
    found.launch("n1", "r", 16, up=True)
    found.launch("n2", "r", 16, up=True)
    found.advance(5.0)
    assert sorted(machine.free for machine in found.machines.values()) == [4, 16]


def test_a_scheduler_that_spreads_takes_the_emptiest_machine():
    found = cluster((0.0, 1000.0, 8), (1.0, 1000.0, 4), spread=True)
    found.launch("n1", "r", 16, up=True)
    found.launch("n2", "r", 16, up=True)
    found.advance(5.0)
    assert sorted(machine.free for machine in found.machines.values()) == [8, 12]


def test_a_wide_job_spreads_and_waits_for_all_of_its_room():
    found = cluster((0.0, 50.0, 4), (1.0, 100.0, 32))
    found.launch("n1", "r", 16, up=True)
    found.launch("n2", "r", 16, up=True)
    found.advance(49.0)
    assert "2" in found.pending
    found.advance(60.0)
    assert [machine.free for machine in found.machines.values()] == [0, 0]


def test_a_queue_of_ones_own():
    found = cluster((0.0, 50.0, 1, "u", "long"), queues=frozenset({"long"}))
    found.launch("n1", "r", 16, "short", up=True)
    found.advance(10.0)
    assert "1" in found.pending
    found.launch("n2", "r", 16, "long", up=True)
    found.schedule()
    assert not found.pending


def test_a_machine_boots_and_some_never_do():
    found = cluster((0.0, 50.0, 1), boot=Boot(120.0, 240.0, 0.2))
    for number in range(300):
        found.launch(f"n{number}", "r", 16)
    found.advance(5000.0)
    up = [machine.up for machine in found.machines.values()]
    assert 0.1 < up.count(False) / 300 < 0.3 and None not in up


def test_boot_times_are_as_told():
    chance, boot = random.Random(1), Boot(120.0, 240.0, 0.0)
    drawn = sorted(boot.draw(chance) for _ in range(4000))
    assert drawn[2000] == pytest.approx(120.0, rel=0.05)
    assert drawn[3800] == pytest.approx(240.0, rel=0.07)
    assert statistics.fmean(drawn) == pytest.approx(boot.mean, rel=0.05)
    assert SURE.draw(chance) == pytest.approx(120.0)


def test_no_policy_ends_a_machine_with_jobs():
    found = cluster((0.0, 50.0, 1))
    machine = found.launch("n1", "r", 16, up=True)
    found.advance(1.0)
    with pytest.raises(ValueError, match="n1 runs jobs"):
        found.end(machine)
    found.advance(60.0)
    found.end(machine)
    assert found.ended == [machine] and not found.machines and found.most == 1
