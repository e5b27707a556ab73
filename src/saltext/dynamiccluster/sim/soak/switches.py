"""Everything that goes wrong, each a switch: how often it strikes, and what it does then."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import Refusal
from ...model import InstanceState, NoticeKind
from ..cloud import Machine
from .rough import RoughWorld
from . import hands

Strike = Callable[[RoughWorld, random.Random], None]


@dataclass(frozen=True)
class Switch:
    """`every`: seconds between two strikes on average, before the scenario's own temper."""

    meaning: str
    every: float
    strike: Strike


def _cloud(world: RoughWorld, chance: random.Random) -> Any:
    return world.rough_clouds[chance.choice(sorted(world.rough_clouds))]


def _ours(world: RoughWorld, chance: random.Random) -> Machine | None:
    found = [machine for machine in world.account.living() if world.is_ours(machine)]
    return chance.choice(found) if found else None


def _count(target: Callable[[RoughWorld], Any], name: str) -> Strike:
    """Return a strike that troubles so many next ones of something."""

    def strike(world: RoughWorld, chance: random.Random) -> None:
        setattr(target(world), name, chance.randint(1, 3))

    return strike


def _while(target: Callable[[RoughWorld, random.Random], Any], name: str, value: Any, calm: Any) -> Strike:
    """Return a strike that sets an attribute for a while."""

    def strike(world: RoughWorld, chance: random.Random) -> None:
        thing = target(world, chance)
        world.for_a_while(chance, lambda: setattr(thing, name, value), lambda: setattr(thing, name, calm))

    return strike


def _batch_mode(mode: str) -> Strike:
    def strike(world: RoughWorld, chance: random.Random) -> None:
        world.for_a_while(chance, lambda: world.rough_batch.set(mode), lambda: world.rough_batch.set(""), 80.0)

    return strike


def _refuse(operations: tuple[str, ...], kinds: tuple[Refusal, ...]) -> Strike:
    """Return a strike that has a cloud refuse calls for a while."""

    def strike(world: RoughWorld, chance: random.Random) -> None:
        troubles, kind = _cloud(world, chance).troubles, chance.choice(kinds)
        chosen = [name for name in operations if chance.random() < 0.7] or [operations[0]]

        def begin() -> None:
            for name in chosen:
                troubles.refuse(name, kind, times=None)

        def end() -> None:
            for name in chosen:
                troubles.mend(name)

        world.for_a_while(chance, begin, end)

    return strike


def _lose(operation: str) -> Strike:
    """Return a strike that loses the next few replies, of calls for several machines, too."""

    def strike(world: RoughWorld, chance: random.Random) -> None:
        troubles, times = _cloud(world, chance).troubles, chance.randint(1, 3)
        for name in (operation, f"{operation}_many"):
            troubles.lose_reply(name, times=times)

    return strike


def _limit(name: str) -> Strike:
    """Return a strike after which the account takes only a few more machines: of several launches some succeed."""

    def strike(world: RoughWorld, chance: random.Random) -> None:
        room = len(world.account.living()) + chance.randint(0, 2)
        world.for_a_while(chance, lambda: setattr(world.account, name, room), lambda: setattr(world.account, name, None))

    return strike


def _late(world: RoughWorld, chance: random.Random) -> None:
    target, name = chance.choice(((world.account, "boot"), (world.account, "ending"), (world.minions, "highstate")))
    world.for_a_while(chance, lambda: setattr(target, name, chance.uniform(20, 250)), lambda: setattr(target, name, 10.0))


def _vanish(world: RoughWorld, chance: random.Random) -> None:
    machine = _ours(world, chance)
    if machine is not None:
        chance.choice((world.account.end, world.account.end, world.account.forget))(machine.id)


def _stop(world: RoughWorld, chance: random.Random) -> None:
    machine = _ours(world, chance)
    if machine is not None:
        world.account.stop(machine.id)


def _notice(world: RoughWorld, chance: random.Random) -> None:
    """A cloud announces something about a machine: to the machine itself, or in its listing."""
    machine = _ours(world, chance)
    if machine is None:
        return
    kind = chance.choice((NoticeKind.INTERRUPTION, *NoticeKind))
    if kind is NoticeKind.RETIREMENT:
        machine.notice = "simulated"
    elif kind is NoticeKind.IMPAIRED:
        world.for_a_while(chance, lambda: setattr(machine, "impaired", "simulated"), lambda: setattr(machine, "impaired", ""))
    elif kind is NoticeKind.REBALANCE:
        world.tell(machine, kind)
    else:
        world.for_a_while(chance, lambda: world.tell(machine, kind), lambda: _take_back(world, machine, chance), 120.0)


def _take_back(world: RoughWorld, machine: Machine, chance: random.Random) -> None:
    """The cloud takes the machine that it announced to take, with whatever runs on it; now and then it leaves it all the same."""
    if chance.random() < 0.9 and machine.state(world.clock.now()) is not InstanceState.INEXISTENT:
        machine.ends_at = world.clock.now()


def _die(world: RoughWorld, chance: random.Random) -> None:
    """A node's daemon dies; often the machine reboots, and the node is back under its name without the jobs that it is still listed with."""
    ours = [host for name, host in world.batch.hosts.items() if host.up and name not in world.foreign_hosts]
    if not ours:
        return
    host = chance.choice(ours)

    def back() -> None:
        if world.batch.hosts.get(host.name) is host and world.runs(world.machine_of(host.name)):
            host.up = True

    def dead() -> None:
        host.up = False
        if chance.random() < 0.5:
            for job in world.batch.running(host.name):
                job.ghost = True

    world.for_a_while(chance, dead, back, 300.0)


def _slip(world: RoughWorld, chance: random.Random) -> None:
    world.for_a_while(chance, lambda: setattr(world.rough_batch, "slips", 0.7), lambda: setattr(world.rough_batch, "slips", 0.0), 300.0)


def _names(world: RoughWorld, chance: random.Random) -> None:
    right = world._address_of
    wrong = chance.choice((lambda hostname: "", lambda hostname: "10.255.255.255"))
    world.for_a_while(chance, lambda: setattr(world.batch, "names", wrong), lambda: setattr(world.batch, "names", right))


def _jump(world: RoughWorld, chance: random.Random) -> None:
    world.jumped = True
    world.skewed.offset += chance.choice((-600.0, -60.0, -5.0, 5.0, 60.0, 600.0))


def _kill(world: RoughWorld, chance: random.Random) -> None:
    world.wire.after = chance.random() < 0.5
    world.wire.at = len(world.wire.passed) + chance.randrange(6)


def _lose_journal(world: RoughWorld, chance: random.Random) -> None:
    """The next engine finds no journal."""
    _kill(world, chance)
    world.for_a_while(chance, lambda: setattr(world, "journal_lost", True), lambda: setattr(world, "journal_lost", False), 30.0)


def _any(world: RoughWorld, chance: random.Random) -> Any:
    return world


def _lies(world: RoughWorld, chance: random.Random) -> Any:
    return _cloud(world, chance).troubles


def _minions(world: RoughWorld, chance: random.Random) -> Any:
    return world.minions


_SLOW_DOWN = (Refusal.THROTTLED,)
_BROKEN = (Refusal.UNREACHABLE, Refusal.FAILED, Refusal.UNAUTHORISED)
_READS, _CALLS = ("list", "get", "shape"), ("launch", "launch_many", "destroy")

SWITCHES: Mapping[str, Switch] = {
    "launch-replies": Switch("replies of launches are lost though the launch happened", 120, _lose("launch")),
    "destroy-replies": Switch("replies of terminations are lost", 120, _lose("destroy")),
    "quota": Switch("the account's quota is reached: launches succeed in part", 200, _limit("quota")),
    "capacity": Switch("the cloud is full: launches succeed in part", 200, _limit("capacity")),
    "throttling": Switch("calls are throttled in bursts", 150, _refuse((*_READS, *_CALLS), _SLOW_DOWN)),
    "cloud-calls": Switch("launches and terminations fail in every way", 200, _refuse(_CALLS, _BROKEN)),
    "listing-fails": Switch("listings fail", 150, _refuse(_READS, _BROKEN)),
    "listing-stale": Switch("listings show the past", 200, lambda w, c: _while(_lies, "stale_list", c.uniform(10, 120), 0.0)(w, c)),
    "listing-short": Switch("listings stop after one machine", 200, _while(_lies, "truncate_list", 1, None)),
    "listing-empty": Switch("listings are empty", 200, _while(_lies, "truncate_list", 0, None)),
    "listing-repeats": Switch("listings show machines twice", 200, _while(_lies, "repeat_list", True, False)),
    "listing-flickers": Switch("young machines are missing in every other answer", 200, _while(_cloud, "flickers", 100.0, 0.0)),
    "never-active": Switch("machines never become active", 150, _count(lambda w: w.account, "stuck_next")),
    "broken": Switch("machines end in error", 150, _count(lambda w: w.account, "broken_next")),
    "never-configured": Switch("highstates fail", 200, _count(lambda w: w.minions, "fail_next")),
    "silent": Switch("highstates never return", 200, _count(lambda w: w.minions, "silent_next")),
    "never-joins": Switch("configured machines start no daemon", 200, _count(lambda w: w.minions, "idle_next")),
    "late": Switch("machines boot, end, or are configured late", 150, _late),
    "fewer-cores": Switch("machines have fewer cores than promised", 200, _count(lambda w: w.batch, "fewer_next")),
    "destroy-ignored": Switch("terminations are accepted and not done", 200, _while(_lies, "deaf", True, False)),
    "vanish": Switch("machines vanish", 150, _vanish),
    "notices": Switch("clouds interrupt spot machines, or announce that they fail or retire", 100, _notice),
    "stopped": Switch("machines are stopped by hand", 200, _stop),
    "batch-down": Switch("the batch system is down", 200, _batch_mode("down")),
    "batch-frozen": Switch("the batch system takes commands and answers none", 200, _batch_mode("frozen")),
    "batch-old": Switch("the batch system answers old data", 200, _batch_mode("old")),
    "batch-malformed": Switch("the batch system's output is malformed", 200, _batch_mode("malformed")),
    "batch-restart": Switch("the batch system has just restarted: nothing is known of its hosts", 200, _batch_mode("unknown")),
    "batch-au": Switch("the batch system has just restarted: all hosts look down", 250, _batch_mode("au")),
    "batch-refuses": Switch("changes of the batch system are refused", 150, lambda w, c: _while(lambda *_: w.rough_batch, "refuses", 0.5, 0.0)(w, c)),
    "nodes-die": Switch("nodes die with jobs on them and come back with the same name", 120, _die),
    "slips": Switch("jobs slip onto a node after it was held", 150, _slip),
    "names": Switch("the head resolves names wrongly, or not at all", 200, _names),
    "foreign": Switch("machines, hosts and keys of others come", 150, hands.bring_foreign),
    "commands": Switch("an administrator commands", 60, hands.command),
    "by-hand": Switch("an administrator works in the batch system by hand", 100, hands.work_in_batch),
    "clock-jumps": Switch("the engine's clock jumps", 150, _jump),
    "bus": Switch("the bus loses events", 150, _while(_minions, "deaf", True, False)),
    "killed": Switch("the engine is killed between two side effects", 80, _kill),
    "disk-full": Switch("the journal cannot be written", 200, _while(_any, "disk_full", True, False)),
    "journal-lost": Switch("the engine is killed and its journal lost", 300, _lose_journal),
    "slow": Switch("actions take their time", 150, _while(_any, "slow", 0.7, 0.0)),
    "races": Switch("others read, decide and act while a call is on its way", 100, _while(_any, "racing", 0.4, 0.0)),
}


_LIES = frozenset({"listing-stale", "listing-short", "listing-empty", "listing-flickers"})


class Fate:
    """Strikes with the switches of a scenario, each with dice of its own."""

    def __init__(self, world: RoughWorld):
        scenario = world.scenario
        self._world = world
        self._dice = {name: scenario.chance(f"switch {name}") for name in scenario.switches}
        self._temper = scenario.chance("temper").choice((0.15, 0.4, 1.0, 2.5))

    def strike(self, seconds: float) -> None:
        """Let every switch strike, perhaps, for so many seconds that have passed."""
        for name, chance in self._dice.items():
            lies = name in _LIES and self._world.clock.now() < self._world.honest_until
            if chance.random() < seconds * self._temper / SWITCHES[name].every and not lies:
                SWITCHES[name].strike(self._world, chance)
