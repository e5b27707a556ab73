"""Whatever a cloud announces, and when: a job that may not run again is never ended on account of it, and nothing is launched above the maximum."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from saltext.dynamiccluster.model import Notice, NoticeKind
from saltext.dynamiccluster.sim.world import World, make_settings
from tests.examples import examples

pytestmark = pytest.mark.thorough
quick = hypothesis_settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])

jobs = st.lists(st.tuples(st.booleans(), st.sampled_from([20, 200, 600])), min_size=1, max_size=8)
# after so many steps, the node of that number is told; the machine really ends so many steps later (None: it does not)
notices = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 3), st.sampled_from(list(NoticeKind)), st.sampled_from([None, None, 4, 12])),
    min_size=1,
    max_size=4,
)
MOST = 3


def tell(world: World, number: int, kind: NoticeKind) -> str:
    """Tell the node of this number, as they are sorted, what becomes of its machine; return the machine's id."""
    names = sorted(world.core.memory.nodes)
    if not names:
        return ""
    name = names[number % len(names)]
    world.core.hear(Notice(kind, "as told"), node=name)
    return world.core.memory.nodes[name].instance_id


def play(wanted: list[tuple[bool, float]], told: list[tuple[int, int, NoticeKind, int | None]], directory: Path) -> World:
    """Run the jobs while notices come; machines end as announced."""
    world = World(make_settings({"cloud1": {"quantity": {"min": 1, "max": MOST}}}, max_idle_time=60), directory / "journal")
    for rerunnable, duration in wanted:
        world.submit(rerunnable=rerunnable, duration=duration)
    ends: dict[int, list[str]] = {}
    for step in range(60):
        for at, number, kind, after in told:
            if at == step and (machine := tell(world, number, kind)) and after is not None:
                ends.setdefault(step + after, []).append(machine)
        for machine in ends.get(step, ()):
            world.account.end(machine)
        world.step()
    return world


@quick
@given(jobs, notices)
def test_notices_end_no_job_that_may_not_run_again(wanted, told):
    with tempfile.TemporaryDirectory() as directory:
        world = play(wanted, told, Path(directory))
        assert world.harmed == [] and world.most <= MOST
        for job in world.batch.jobs.values():
            assert job.rerunnable or job.runs <= 1
            assert job.ended != "vacated"
            assert job.ended != "lost" or any(after is not None for *_, after in told)
        world.core.ledger.close()


@quick
@given(jobs, notices)
def test_all_jobs_are_done_in_the_end_when_no_machine_ends_early(wanted, told):
    with tempfile.TemporaryDirectory() as directory:
        world = play(wanted, [(at, number, kind, None) for at, number, kind, _ in told], Path(directory))
        assert world.run(3600, world.done), world.describe()
        assert {job.ended for job in world.batch.jobs.values()} == {"done"} and world.harmed == []
        world.core.ledger.close()
