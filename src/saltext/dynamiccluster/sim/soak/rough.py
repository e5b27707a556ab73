"""The world of a scenario: the engine's own decide and act in a world that the switches trouble, everything noted that it does."""

from __future__ import annotations

import io
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...control.core import LOST_GRACE
from ...control.journal import Journal
from ...control.parts import Parts
from ...model import InstanceState, NodeRecord, Notice, NoticeKind
from ...policy.memory import Memory
from ...policy.plan import Action, Plan
from ...policy.records import minion_of
from ...snapshot import Snapshot
from ..batch import SimJob
from ..cloud import Machine
from ..kill import CHANGES, EngineKilled, Wire
from ..minions import MARK
from ..world import World
from .lies import Gate, LyingBatch, LyingCloud, RoughJournal, SkewedClock
from .scenario import STRIDE, Scenario

LOG = logging.getLogger("saltext.dynamiccluster")


@dataclass(frozen=True)
class Effect:
    """A call that changes something, with the truth at that moment: who is concerned, what runs there, who asked for it."""

    port: str
    method: str
    subject: str
    ours: bool
    runs: bool  # its machine may run
    jobs: tuple[str, ...]
    record: NodeRecord | None
    listed_by: str = ""  # whose hold the last reading showed


@dataclass(frozen=True)
class Decision:
    """One decision with all that it was made of."""

    snapshot: Snapshot
    before: Memory
    after: Memory
    plan: Plan
    actions: tuple[Action, ...]


class Rows:
    """Renders user-data: for one machine, or, where they are launched `together`, for all of a call, which name themselves."""

    def __init__(self, tokens: set[str], together: bool):
        self._tokens, self._together = tokens, together

    def __call__(self, record: NodeRecord, token: str) -> str:
        self._tokens.add(token)
        return f"name={record.name} {MARK}{token}\n"

    def shared(self, record: NodeRecord, token: str) -> str:
        self._tokens.add(token)
        return f"{MARK}{token}\n"

    def names_itself(self, resource: str) -> bool:
        return self._together


class RoughWorld(World):
    """A World in which the engine's calls take time, overlap, and are watched. `calm` ends all trouble."""

    def __init__(self, scenario: Scenario, directory: Path):
        self.scenario = scenario
        self.chance = scenario.chance("world")
        self.together = scenario.chance("together").random() < 0.5  # whether one call launches several machines
        self.effects: list[Effect] = []
        self.decisions: list[Decision] = []
        self.foreign_hosts: dict[str, object] = {}
        self.foreign_keys: set[str] = set()
        self.log = io.StringIO()
        self.tokens: set[str] = set()
        self.disk_full = self.journal_lost = False
        self.slow = self.racing = 0.0  # share of actions that wait, of calls during which something else is done
        self.absent = 0  # steps without any engine
        self.lost_once = self.jumped = False  # whether ever a journal was lost, the clock jumped
        self.honest_until = 0.0  # no listing lies before
        self.foreigners = 0  # how many others came
        self.foreign_machines: dict[str, Machine] = {}
        self.strangers: set[str] = set()  # machines of ours that no launch of ours made
        self._queue: list[Action] = []
        self._endings: list[Callable[[], None]] = []
        self._depth = 0
        super().__init__(scenario.settings, directory / "journal", stride=STRIDE, seed=scenario.seed)
        self._remember_waves()

    def _remember_waves(self) -> None:
        """Let load have come in waves before the scenario begins: else it ends before spare nodes are kept for what may follow."""
        past = tuple(self.clock.now() - hours * 3600 for hours in (3, 2, 1))
        self.core.ledger.update(lambda memory: replace(memory, waves=past))

    def prepare(self) -> None:
        self.account.boot = self.account.ending = self.minions.highstate = 10.0
        self.skewed = SkewedClock(self.clock)
        for simulated in self.clouds.values():
            simulated.most_at_once = 10 if self.together else 1
        self.rough_batch = LyingBatch(self.batch, self.scenario.chance("batch"))
        self.rough_clouds = {name: LyingCloud(cloud, self.scenario.chance(f"cloud {name}")) for name, cloud in self.clouds.items()}
        for job in self.scenario.submissions():
            self.clock.call_later(job.at, lambda job=job: self.batch.submit(job.request, job.duration, rerunnable=job.rerunnable, held=job.held))

    def make_journal(self) -> Journal:
        return RoughJournal(self.journal_path, self.wire, lambda: self.disk_full)

    def _parts(self) -> Parts:
        def gate(port: Any, name: str) -> Any:
            return Gate(port, name, CHANGES[name], self._note, lambda: self.wire, self._between)

        clouds = {name: gate(cloud, "cloud") for name, cloud in self.rough_clouds.items()}
        minions = gate(self.minions, "minions")
        return Parts(self.settings, gate(self.rough_batch, "batch"), clouds, self.minions, minions, self.events, self.skewed, Rows(self.tokens, self.together))

    # -- time ---------------------------------------------------------------------------------------------------------------

    def live(self) -> None:
        """Let one stride pass; an engine that is killed in it is followed by another, at once or later."""
        self.effects.clear()
        self.decisions.clear()
        self.advance()
        if self.absent:
            self.absent -= 1
            return
        try:
            self.tick()
        except EngineKilled:
            self.absent = self.chance.choice((0, 0, 0, 1, 4))
            self.start_again(lose_journal=self.journal_lost)

    def ask(self, name: str, **arguments: object) -> None:
        """Command the engine as an administrator does; it may be killed over it, or not be there."""
        if not self.absent:
            self._say(lambda: self.command(name, **arguments))

    def tell(self, machine: Machine, kind: NoticeKind) -> None:
        """A machine tells the engine what its cloud announced to it, where both can."""
        now = self.skewed.now()
        notice = Notice(kind, "simulated", due=now + 120.0, heard_at=now)
        if not self.absent and not self.minions.deaf and machine.name in self.minions.keys:
            self._say(lambda: self.core.hear(notice, node=machine.name, instance=machine.id))

    def _say(self, what: Callable[[], Any]) -> None:
        try:
            what()
        except EngineKilled:
            self.start_again(lose_journal=self.journal_lost)

    def start_again(self, *, lose_journal: bool = False) -> None:
        """Start an engine where the last one was killed; it may be killed before it is up."""
        self._queue.clear()
        self._depth = 0
        self.lost_once = self.lost_once or lose_journal
        if lose_journal:
            self._end_lies()
        while True:
            with suppress(EngineKilled):
                self.restart(lose_journal=lose_journal)
                return

    def _end_lies(self) -> None:
        """Have every listing true for a while: a cloud surely lists within minutes what it launched, whatever else it does."""
        self.honest_until = self.clock.now() + 2 * LOST_GRACE
        for cloud in self.rough_clouds.values():
            cloud.flickers = cloud.troubles.stale_list = 0.0
            cloud.troubles.truncate_list = None

    def tick(self) -> None:
        """Read, decide and act as the loop does: each on its own, in any order, with actions that take their time."""
        general, core = self.settings.dynamic_cluster, self.core
        todo: list[Callable[[], None]] = [self._decide, self._act]
        if self._is_due("batch", general.cluster_poller_interval):
            todo.append(core.see_batch)
        for name in core.parts.clouds:
            if self._is_due(f"cloud {name}", general.cloud_poller_interval):
                todo.append(lambda name=name: core.see_cloud(name))
        todo.append(self._see_nodes)
        if self.racing:
            self.chance.shuffle(todo)
        else:
            todo = [*todo[2:], *todo[:2]]
        for work in todo:
            work()

    def _see_nodes(self) -> None:
        for name in tuple(self.core.memory.nodes):
            self.core.see_check(name)
            self.core.see_name(name)

    def _decide(self) -> None:
        core = self.core
        snapshot, before = core.snapshot, core.memory
        actions = core.decide()
        self.decisions.append(Decision(snapshot, before, core.memory, core.plan, actions))
        self._queue.extend(actions)

    def _act(self) -> None:
        for action in tuple(self._queue):
            if action not in self._queue or (self.slow and self.chance.random() < self.slow):
                continue
            self._queue.remove(action)
            self.core.carry_out(action)
            self._due["batch"] = 0.0

    def _between(self) -> None:
        """While one call is on its way, others of the engine's threads read, decide, and act on other nodes."""
        if not self.racing or self._depth or self.chance.random() >= self.racing:
            return
        self._depth += 1
        try:
            self.chance.choice((self.core.see_batch, self._see_clouds, self._decide, self._act_one, self._pass))()
        finally:
            self._depth -= 1

    def _see_clouds(self) -> None:
        for name in self.core.parts.clouds:
            self.core.see_cloud(name)

    def _act_one(self) -> None:
        if self._queue:
            self.core.carry_out(self._queue.pop(self.chance.randrange(len(self._queue))))

    def _pass(self) -> None:
        """Let some seconds pass, for the world alone."""
        stride, self.stride = self.stride, self.chance.uniform(0, STRIDE)
        self.advance()
        self.stride = stride

    # -- the switches -----------------------------------------------------------------------------------------------------

    def for_a_while(self, chance: random.Random, begin: Callable[[], Any], end: Callable[[], Any], most: float = 100.0) -> None:
        """Begin a trouble that ends by itself, or with all the others."""
        begin()
        self._endings.append(end)
        self.clock.call_later(chance.uniform(5, most), lambda: self._finish(end))

    def _finish(self, end: Callable[[], Any]) -> None:
        if end in self._endings:
            self._endings.remove(end)
            end()

    def calm(self) -> None:
        """End all trouble for good."""
        for end in tuple(self._endings):
            self._finish(end)
        self.wire = self.wire if self.wire.at is None else self._uncut()
        self.slow = self.racing = 0.0
        self.absent = 0
        self.minions.fail_next = self.minions.silent_next = self.minions.idle_next = self.batch.fewer_next = 0
        self.account.stuck_next = self.account.broken_next = 0

    def forget_the_past(self) -> None:
        """Forget what the simulation alone remembers, so that what is left after a long time is the engine's."""
        self.batch.jobs = {id_: job for id_, job in self.batch.jobs.items() if not job.ended}
        self.account.machines = {machine.id: machine for machine in self.account.living()}
        for calls in (self.batch.calls, self.wire.passed, self.minions.refused, self.events.events):
            calls.clear()
        for cloud in self.clouds.values():
            cloud.calls.clear()
        self.wire.at = None

    def _uncut(self) -> Wire:
        self.wire.at = None
        return self.wire

    # -- the truth --------------------------------------------------------------------------------------------------------

    def machine_of(self, hostname: str) -> Machine | None:
        """Return the newest machine of this name."""
        found = [machine for machine in self.account.machines.values() if machine.name == hostname]
        return found[-1] if found else None

    def records_of_machines(self) -> dict[str, NodeRecord]:
        """Return what the engine remembers, by the machine's own name."""
        return {minion_of(record): record for record in self.core.memory.nodes.values()}

    def is_ours(self, machine: Machine | None) -> bool:
        return machine is not None and machine.id not in self.foreign_machines

    def add_foreign(self, machine: Machine) -> None:
        """Take note of a machine that is not ours."""
        self.foreign_machines[machine.id] = machine
        self.strangers.add(machine.id)

    def runs(self, machine: Machine | None) -> bool:
        """Tell whether the machine may run something now."""
        return machine is not None and machine.state(self.clock.now()) in (InstanceState.ACTIVE, InstanceState.STARTING, InstanceState.DELETING)

    def _note(self, port: str, method: str, subject: Any) -> None:
        name = subject.hostname if port == "batch" and method == "join" else subject[0] if isinstance(subject, list) else subject
        name = getattr(name, "name", None) or getattr(name, "intent", name)
        machine = self.account.machines.get(name) if port == "cloud" else self.machine_of(name)
        if method == "adopt":
            self.foreign_machines.pop(name, None)
        hostname = machine.name if machine is not None else name
        view = self.core.snapshot.batch.value
        self.effects.append(
            Effect(
                port,
                method,
                name,
                ours=self._concerns_us(port, name, machine),
                runs=self.runs(machine),
                jobs=tuple(job.id for job in self.batch.running(hostname)),
                record=self.records_of_machines().get(hostname),
                listed_by=next((host.hold.value for host in (view.hosts if view else ()) if host.name == hostname), ""),
            )
        )

    def _concerns_us(self, port: str, name: str, machine: Machine | None) -> bool:
        if port == "batch":
            return name not in self.foreign_hosts
        if port == "minions":
            return name not in self.foreign_keys
        return machine is None or self.is_ours(machine)

    def pending(self) -> list[SimJob]:
        return [job for job in self.batch.jobs.values() if not (job.taken or job.ended or job.held)]
