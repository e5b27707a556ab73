"""Scenarios of the soak: they can be replayed, they break no law, and a broken law is found and made small."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from saltext.dynamiccluster.model import NoticeKind
from saltext.dynamiccluster.sim.soak import invariants
from saltext.dynamiccluster.sim.soak import run as running
from saltext.dynamiccluster.sim.soak.__main__ import main
from saltext.dynamiccluster.sim.soak.rough import Effect, RoughWorld
from saltext.dynamiccluster.sim.soak.run import run
from saltext.dynamiccluster.sim.soak.scenario import STRIDE, Scenario, throw
from saltext.dynamiccluster.sim.soak.shrink import shrink
from saltext.dynamiccluster.sim.soak.switches import SWITCHES, Fate


def told(seed: int, directory) -> list[str]:
    world = RoughWorld(throw(seed, SWITCHES), directory)
    fate = Fate(world)
    for _ in range(20):
        fate.strike(STRIDE)
        world.live()
    lines = [entry.text for entry in world.core.ledger.history(limit=1000)] if not world.disk_full else []
    world.close()
    # an intent of several machines is a secret of its own, drawn anew each time; nothing depends on what it is
    return [*lines, *world.wire.passed, re.sub(r"intent='[^']*'", "", world.describe())]


def test_scenarios_differ_in_what_they_keep_ready():
    found = [throw(seed, ()).settings.dynamic_cluster for seed in range(200)]
    assert len({(general.headroom, general.idle_boots) for general in found}) == 9
    assert len({(general.surge, general.idle_learns) for general in found}) == 6


def test_spare_nodes_are_kept_from_the_beginning_of_a_scenario(tmp_path):
    """A scenario is shorter than the waves of load that the rule wants to have seen."""
    world = RoughWorld(Scenario(1, (), jobs=1, minutes=1), tmp_path / "soak")
    assert len(world.core.memory.waves) == 3 and max(world.core.memory.waves) < world.clock.now()


def test_scenarios_differ_in_what_is_billed_and_mostly_every_second_is():
    found = [(cloud.billing_unit, cloud.billing_minimum) for seed in range(200) for cloud in throw(seed, ()).settings.cloud.values()]
    assert len(set(found)) == 5 and 0.4 < found.count((0.0, 0.0)) / len(found) < 0.6


def test_jobs_are_requeued_from_interrupted_machines_and_those_that_stay_end_with_them(tmp_path):
    """Over a few scenarios of notices alone the cloud takes machines with jobs on them, and what may be run again was requeued before."""
    seen, kinds = Counter[str](), set[NoticeKind]()
    for seed in range(8):
        world = RoughWorld(Scenario(seed, ("notices",), jobs=8, minutes=8), tmp_path / str(seed))
        chance = world.scenario.chance("strikes")
        for step in range(48):
            if step % 4 == 0:
                SWITCHES["notices"].strike(world, chance)
            world.live()
            assert list(invariants.jobs_on_machines_that_may_run_are_left_alone(world)) == []
            seen.update(effect.method for effect in world.effects if effect.port == "batch" and effect.jobs)
            kinds |= {record.notice.kind for record in world.core.memory.nodes.values() if record.notice}
        world.close()
    assert seen["requeue"] and seen["clear"] and kinds == set(NoticeKind)


def test_requeueing_from_a_machine_that_nothing_interrupts_breaks_a_law(tmp_path):
    world = RoughWorld(Scenario(1, (), jobs=1, minutes=1), tmp_path)
    world.effects.append(Effect("batch", "requeue", "a-1", ours=True, runs=True, jobs=("1",), record=None))
    world.close()
    assert list(invariants.jobs_on_machines_that_may_run_are_left_alone(world)) == ["jobs 1 of a-1 are requeued, which nothing interrupts"]


@pytest.mark.parametrize("seed", [0, 3, 11])
def test_same_seed_same_story(seed, tmp_path):
    first, second = told(seed, tmp_path / "a"), told(seed, tmp_path / "b")
    assert first == second and len(first) > 1


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(0, 150, 30))
def test_no_scenario_with_all_switches_breaks_a_law(first):
    broken = [(scenario.command, found) for scenario in (throw(seed, SWITCHES) for seed in range(first, first + 30)) if (found := run(scenario))]
    assert not broken


@pytest.mark.thorough
@pytest.mark.parametrize("name", SWITCHES)
def test_no_switch_alone_breaks_a_law(name):
    assert run(Scenario(1, (name,), jobs=4, minutes=6)) is None


def story(name: str, seed: int, directory, *, struck: bool) -> list[object]:
    world = RoughWorld(Scenario(seed, (name,), jobs=8, minutes=8), directory / f"{seed}-{struck}")
    chance, orders = world.scenario.chance(f"switch {name}"), world.scenario.chance("switch commands")
    seen: list[object] = []
    for step in range(60):
        if struck and not world.absent:
            SWITCHES[name].strike(world, chance)
        if step % 3 == 0:
            SWITCHES["commands"].strike(world, orders)
        world.live()
        seen += [repr(world.core.snapshot), world.describe(), world.restarts]
    world.close()
    return seen


@pytest.mark.thorough
@pytest.mark.parametrize("name", SWITCHES)
def test_every_switch_strikes_and_changes_something(name, tmp_path):
    """Struck again and again, the world, or what is read of it, is another one than without, in one of a few scenarios."""
    assert any(story(name, seed, tmp_path, struck=True) != story(name, seed, tmp_path, struck=False) for seed in range(5, 15))


@pytest.mark.thorough
def test_broken_law_is_found_told_and_made_small(monkeypatch, capsys):
    def nothing_is_ever_destroyed(world):
        yield from (f"{effect.subject} is ended" for effect in world.effects if effect.method == "destroy")

    monkeypatch.setattr(invariants, "STEP", (nothing_is_ever_destroyed,))
    assert main(["--seeds", "3", "--processes", "1", "--jobs", "8"]) == 1
    said = capsys.readouterr().out
    assert "BROKEN nothing_is_ever_destroyed" in said and "replay it: ./run soak --replay" in said
    words = said.rpartition("replay it: ./run soak ")[2].split()
    assert len(words[words.index("--switches") + 1].split(",")) < len(SWITCHES)
    assert main(words) == 1 and "is ended" in capsys.readouterr().out


def test_shrinking_stops_where_nothing_smaller_breaks_the_law():
    def breaks(scenario):
        return running.Violation("law", "") if "bus" in scenario.switches and scenario.jobs >= 2 else None

    small = shrink(Scenario(1, tuple(SWITCHES), jobs=8, minutes=8), "law", breaks)
    assert small == Scenario(1, ("bus",), jobs=2, minutes=1)


def test_words_are_checked(capsys):
    assert main(["--list"]) == 0 and "journal-lost" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--switches", "nonsense"])
    assert "no switch nonsense" in capsys.readouterr().err
