"""The engine is killed between every two side effects of whole node lives, and another one goes on.

A side effect is a call that changes the cloud, the batch system or the keys, or a transaction of the journal. The engine dies after each
of them (it happened, its reply is lost), which is also before the next one: nothing in between changes anything. A new engine then
starts, at once or half a minute later, with the journal as it was left, or without it.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pytest

from saltext.dynamiccluster.errors import BatchUnreachable, CloudError, Refusal
from saltext.dynamiccluster.model import Chunk, Phase, Request, ResourceFlag
from saltext.dynamiccluster.settings import Settings
from saltext.dynamiccluster.sim.kill import EngineKilled, Wire
from saltext.dynamiccluster.sim.world import World, make_settings

pytestmark = pytest.mark.thorough

GENERAL = {
    "max_idle_time": 10,
    "cluster_poller_interval": 5,
    "cloud_poller_interval": 5,
    "auto_provision_interval": 5,
    "max_launch_time": 300,
}
WHOLE_NODE = Request(chunks=(Chunk(cores=4),))
MOST = 3
HOOKS_LOG = Path(mkdtemp(prefix="hooks-")) / "log"


@dataclass(frozen=True)
class Story:
    """A life to be disturbed. `outside` happens whether an engine lives or not; `asked` is an administrator, who needs one."""

    begin: Callable[[World], object] = lambda world: None
    outside: Callable[[World], None] = lambda world: None
    asked: Callable[[World], None] = lambda world: None
    launches: int = 2
    runs: int = 1  # how often a job may be started
    minimum: int = 0
    hooks: bool = False


def burst(world: World) -> None:
    world.submit(2, WHOLE_NODE, 10.0)
    world.submit(1, held=True)


def lose_reply_of_launches(world: World) -> None:
    burst(world)
    world.clouds["cloud1"].troubles.lose_reply("launch", times=2)


def one_job(world: World) -> None:
    world.submit(1, WHOLE_NODE, 10.0)


def rerunnable_job(world: World) -> None:
    world.submit(1, WHOLE_NODE, 20.0, rerunnable=True)


def power_off_once(world: World) -> None:
    """The first machine that runs a job is ended from outside."""
    running = world.batch.running()
    if running and running[0].runs == 1 and world.clock.now() - running[0].started >= 10:
        for machine in world.account.living():
            if machine.tags["Name"] in running[0].taken:
                world.account.end(machine.id)


def add_then_drain(world: World) -> None:
    """An administrator adds two nodes, and drains the resource once they serve. He asks again when nothing came of it."""
    known, nodes = world.core.memory.resource("cloud1"), world.core.memory.nodes
    if not (known.wanted or nodes or world.account.launches):
        world.command("add", resource="cloud1", num=2)
    serving = [record for record in nodes.values() if record.phase is Phase.SERVING]
    if len(serving) == 2 and known.flag is ResourceFlag.NORMAL:
        world.command("drain", resource="cloud1")


STORIES = {
    "burst": Story(burst),
    "replies of launches lost": Story(lose_reply_of_launches),
    "hooks": Story(one_job, launches=1, hooks=True),
    "machine lost": Story(rerunnable_job, power_off_once, runs=2),
    "minimum kept": Story(one_job, launches=1, minimum=1),
    "added and drained": Story(asked=add_then_drain),
}


def make_world(name: str, directory: Path, wire: Wire | None = None) -> World:
    story = STORIES[name]
    world = World(settings_of(name), directory / "journal", wire=wire)
    world.account.boot, world.account.ending, world.minions.highstate = 5.0, 5.0, 5.0
    story.begin(world)
    return world


@cache
def settings_of(name: str) -> Settings:
    story, general = STORIES[name], dict(GENERAL)
    if story.hooks:
        for hook in ("post_vm_provision_command", "post_vm_destroy_command"):
            general[hook] = f"/bin/sh -c 'echo {hook} $0 >> {HOOKS_LOG}' {{2}}"
    return make_settings({"cloud1": {"quantity": {"min": story.minimum, "max": MOST}}}, **general)


def live(world: World, story: Story, *, lose_journal: bool = False, absent: float = 0.0) -> bool:
    """Let the story happen; an engine that is killed is followed by another. Return whether everything came to its end."""
    for _ in range(250):
        try:
            _advance(world, story)
            story.asked(world)
            world.tick()
        except EngineKilled:
            for _ in range(int(absent // world.stride)):
                _advance(world, story)
            world.restart(lose_journal=lose_journal)
        if _at_the_end(world, story):
            return True
    return False


def _advance(world: World, story: Story) -> None:
    world.advance()
    story.outside(world)


def _at_the_end(world: World, story: Story) -> bool:
    world_jobs = [job for job in world.batch.jobs.values() if not job.held]
    quiet = all(job.ended for job in world_jobs) and world.account.launches >= min(story.launches, 1)
    left = (len(world.account.living()), len(world.batch.hosts), len(world.core.memory.nodes))
    return quiet and left == (story.minimum,) * 3 and not world.core.plan.actions


@cache
def effects_of(name: str) -> int:
    """Return how many side effects the undisturbed story has."""
    with TemporaryDirectory() as directory:
        HOOKS_LOG.unlink(missing_ok=True)
        world = make_world(name, Path(directory))
        assert live(world, STORIES[name]), world.describe()
        check(world, STORIES[name])
        assert world.account.launches == STORIES[name].launches, world.describe()
        return len(world.wire.passed)


def check(world: World, story: Story, *, journal_lost: bool = False) -> None:
    """No job harmed, no orphan, never above max, nothing launched twice for the same demand, hooks at most once."""
    about = world.describe()
    jobs = [job for job in world.batch.jobs.values() if not job.held]
    assert [job.ended for job in jobs] == ["done"] * len(jobs), about
    assert all(1 <= job.runs <= story.runs for job in jobs), about
    assert world.harmed == [], about
    assert world.most <= MOST, about
    assert len(world.account.living()) == len(world.batch.hosts) == story.minimum, about
    if not journal_lost:  # it alone knows the name of a machine that is gone, whose key or token may then be left
        assert len(world.minions.keys) == story.minimum, about
        assert world.minions.expected == {}, about
    if story.hooks:
        lines = HOOKS_LOG.read_text().splitlines() if HOOKS_LOG.exists() else []
        assert len(lines) == len(set(lines)), lines


def disturb(name: str, wire: Wire, directory: Path, *, lose_journal: bool = False, lag: float = 0.0) -> None:
    """Live the story with an engine that is killed at one side effect; every third time nobody follows it for a while."""
    HOOKS_LOG.unlink(missing_ok=True)
    story, world = STORIES[name], make_world(name, directory, wire)
    world.account.lag = lag
    done = live(world, story, lose_journal=lose_journal, absent=0.0 if wire.at % 3 else 30.0)
    about = f"killed at effect {wire.at}\n{world.describe()}"
    assert world.restarts == 1 and done, about
    check(world, story, journal_lost=lose_journal)
    if not lose_journal:
        assert world.account.launches == story.launches, about
        return
    # orders wait for a while, so that the machines that are there may do it alone; one whose token was lost before it was let in is replaced
    assert world.account.launches <= story.launches + len(set(world.minions.refused)), about


@pytest.mark.parametrize("name", STORIES)
def test_engine_killed_after_every_step_goes_on_with_its_journal(name, tmp_path):
    for number in range(effects_of(name)):
        disturb(name, Wire(number, after=True), tmp_path / str(number))


def test_engine_killed_between_a_hook_and_its_next_step_does_not_run_it_again(tmp_path):
    for number in range(effects_of("hooks")):
        disturb("hooks", Wire(number), tmp_path / str(number))


class FailingWire(Wire):
    """Fails at one side effect instead of killing the engine: the call raises, whether it took effect or not."""

    def run(self, label: str, effect: Callable[[], object]) -> object:
        number = len(self.passed)
        if number != self.at:
            return super().run(label, effect)
        self.passed.append(label)
        if self.after:
            effect()
        raise _FAILURES.get(label.partition(".")[0], OSError("the call failed"))


_FAILURES = {
    "cloud": CloudError("nothing came back", Refusal.UNREACHABLE, certain=False),
    "batch": BatchUnreachable("nothing came back"),
    "journal": sqlite3.OperationalError("disk I/O error"),
}


@pytest.mark.parametrize("after", [False, True], ids=["it did not happen", "its reply is lost"])
@pytest.mark.parametrize("name", ["burst", "minimum kept", "machine lost", "added and drained"])
def test_every_single_call_may_fail_once(name, after, tmp_path):
    """The engine lives on: what it cannot know it asks again, and nothing is done twice."""
    for number in range(effects_of(name)):
        story, world = STORIES[name], make_world(name, tmp_path / str(number), FailingWire(number, after=after))
        about = f"effect {number} failed, {world.wire.passed[-1:]}"
        assert live(world, story), f"{about}\n{world.describe()}"
        check(world, story)
        assert (world.account.launches, world.restarts, world.core.failures > 1) == (story.launches, 0, False), f"{about}\n{world.describe()}"


@pytest.mark.parametrize("lag", [0.0, 12.0])
@pytest.mark.parametrize("name", ["burst", "minimum kept", "machine lost"])
def test_engine_killed_after_every_step_goes_on_without_its_journal(name, lag, tmp_path):
    """Nothing is lost but history and the tokens of machines not let in yet: machines are found again by their tags, holds by their marks, also while listings lag behind."""
    for number in range(effects_of(name)):
        disturb(name, Wire(number, after=True), tmp_path / str(number), lose_journal=True, lag=lag)


@pytest.mark.parametrize("name", ["burst", "replies of launches lost", "added and drained"])
def test_engine_killed_before_anything_happened(name, tmp_path):
    world = make_world(name, tmp_path, Wire(0))
    assert live(world, STORIES[name]) and world.restarts == 1
    check(world, STORIES[name])
    assert world.account.launches == STORIES[name].launches, world.describe()


@pytest.mark.parametrize("seed", range(12))
def test_engine_killed_again_and_again_at_random(seed, tmp_path):
    chance = random.Random(seed)
    story, world = STORIES["burst"], make_world("burst", tmp_path, Wire(chance.randrange(20), after=True))
    for _ in range(400):
        try:
            world.step()
        except EngineKilled:
            _restart_at_random(world, chance)
        if _at_the_end(world, story):
            break
    assert world.restarts > 2
    check(world, story)
    assert world.account.launches == story.launches, world.describe()


def _restart_at_random(world: World, chance: random.Random) -> None:
    """Start an engine that will be killed, too; some are killed before they are up."""
    while True:
        with suppress(EngineKilled):
            return world.restart(wire=Wire(chance.randrange(1, 25), after=chance.random() < 0.5))
