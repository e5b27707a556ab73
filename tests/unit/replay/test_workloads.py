from __future__ import annotations

import statistics

import pytest

from saltext.dynamiccluster.replay.workloads import (
    DAY,
    HOUR,
    WORKLOADS,
    bursts,
    lublin,
    mixed,
)


@pytest.mark.parametrize("make", WORKLOADS.values())
def test_a_seed_is_a_workload(make):
    assert make(3, 1) == make(3, 1) != make(4, 1)


@pytest.mark.parametrize("make", WORKLOADS.values())
def test_jobs_are_possible_and_in_order(make):
    jobs = make(1, 3, most_cores=32)
    assert [job.submitted for job in jobs] == sorted(job.submitted for job in jobs)
    assert all(0 <= job.submitted < 3 * DAY and 1 <= job.cores <= 32 and job.duration >= 1 for job in jobs)
    assert [job.id for job in jobs] == [str(number) for number in range(1, len(jobs) + 1)]


@pytest.mark.thorough
@pytest.mark.parametrize("make", WORKLOADS.values())
def test_load_is_density(make):
    few, many = len(make(1, 20)), len(make(1, 20, load=3.0))
    assert 2 < many / few < 4


@pytest.mark.thorough
def test_lublin_has_the_models_sizes():
    jobs = lublin(1, 60, load=4.0)
    serial = sum(job.cores == 1 for job in jobs) / len(jobs)
    powers = sum(job.cores & (job.cores - 1) == 0 for job in jobs) / len(jobs)
    assert serial == pytest.approx(0.244, abs=0.03)
    assert powers > 0.8


@pytest.mark.thorough
def test_lublin_is_busy_by_day_and_quiet_before_dawn():
    hours = [job.submitted % DAY / HOUR for job in lublin(1, 60, load=4.0)]
    by_day, by_night = (sum(low <= hour < low + 3 for hour in hours) for low in (12, 3))
    assert by_day > 4 * by_night


def test_bursts_come_at_once_and_are_alike():
    jobs = bursts(1, 10)
    at_once: dict[float, list[float]] = {}
    for job in jobs:
        at_once.setdefault(job.submitted, []).append(job.duration)
    big = [durations for durations in at_once.values() if len(durations) > 20]
    assert len(big) > 20
    assert all(statistics.pstdev(durations) < 0.5 * statistics.fmean(durations) for durations in big)


def test_mixed_has_jobs_over_several_nodes():
    wide = [job for job in mixed(1, 10) if job.cores >= 16]
    assert 0.05 < len(wide) / len(mixed(1, 10)) < 0.3
