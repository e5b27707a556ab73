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


def test_jobs_of_all_sizes_start_as_if_each_were_tried_in_its_turn():
    """Thousands may wait: alike ones are kept together, and what comes of it is what trying each of them would give."""
    chance = random.Random(5)
    rows = sorted((float(chance.randrange(4000)), float(chance.randrange(60, 900)), chance.choice((1, 2, 3, 8, 16, 24, 40))) for _ in range(300))
    found = cluster(*rows)
    for number in range(4):
        found.launch(f"n{number}", "r", 16, up=True)
    found.advance(100_000.0)
    assert found.done and not found.pending and found.queue_print == 0
    assert waits(found) == pytest.approx(_wait_in_turn(rows, [16] * 4))


def _wait_in_turn(rows, free):
    """Return the waits when at each moment each waiting job is tried, the oldest first, on the fullest machine or over the emptiest ones."""
    waiting, running, started = [], [], {}
    times = sorted({submitted for submitted, _, _ in rows})
    while times:
        now = times.pop(0)
        for end, taken in [one for one in running if one[0] <= now]:
            running.remove((end, taken))
            for place, cores in taken:
                free[place] += cores
        waiting += [number for number, row in enumerate(rows) if row[0] == now]
        for number in list(waiting):
            _, duration, cores = rows[number]
            taken = _take(free, cores)
            if taken:
                waiting.remove(number)
                started[number] = now
                running.append((now + duration, taken))
                times = sorted({*times, now + duration})
    return [started[number] - row[0] for number, row in enumerate(rows)]


def _take(free, cores):
    if cores <= 16:
        place = min((place for place, room in enumerate(free) if room >= cores), key=lambda place: free[place], default=None)
        taken = [(place, cores)] if place is not None else []
    else:
        taken, left = [], cores
        for place in sorted(range(len(free)), key=lambda place: -free[place]):
            if left and free[place]:
                taken.append((place, min(left, free[place])))
                left -= taken[-1][1]
        taken = taken if not left else []
    for place, used in taken:
        free[place] -= used
    return taken
