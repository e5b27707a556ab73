"""The engine in a replay: the real `decide` over readings of the simulated cluster, its actions carried out at once.

What the engine's threads, journal and Salt do is left out; everything that chooses is the code that runs on a master.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..control.lifecycle import BATCH, CLOUD, TRANSITIONS, intend, is_moot, succeed
from ..model import (
    BatchView,
    CheckResult,
    Chunk,
    CloudView,
    HoldBy,
    Host,
    Instance,
    InstanceState,
    Job,
    JobState,
    NodeRecord,
    Offer,
    Phase,
    Place,
    QueueSlots,
    Request,
    Shape,
    Verdict,
)
from ..policy.billing import paid_for, way_out
from ..policy.decide import decide
from ..policy.economy import recent_time
from ..policy.idle import idle_limits
from ..policy.memory import Memory
from ..policy.plan import Act, Action
from ..settings import Settings
from ..snapshot import Reading, Snapshot
from .cluster import Cluster, Machine, Run

EPOCH = 1_700_000_000.0  # a replay's moment 0; the policy takes 0 for "never"
_PASS = 0.1  # seconds between two looks in a row, since a reading must be newer than the act that it shows
_MOST_PASSES = 20
_WATCHFUL, _CALM = 60.0, 3600.0  # a look at the latest after so long, while something is pending and while nothing is
_QUEUE = "all.q"


class Autoscaler:
    """Grows and shrinks the cluster as the settings say. `cores` of a machine by resource."""

    name = "dynamic cluster"

    def __init__(self, settings: Settings, cluster: Cluster, cores: Mapping[str, int]):
        self.settings = settings.model_copy(update={"dynamic_cluster": settings.dynamic_cluster.model_copy(update={"hostname": "instance_name"})})
        self.cluster, self.cores = cluster, cores
        self.memory = Memory()
        self.launches = 0
        self._numbers = itertools.count(1)
        self._serial = itertools.count(1)
        self._jobs: dict[str, Job] = {}
        self._hosts: dict[str, Host] = {}
        self._held: set[str] = set()
        self._offers = {
            item.reservation: Offer(frozenset({item.reservation.queue or _QUEUE}), frozenset(filter(None, [item.reservation.account])))
            for item in settings.cloud.values()
        }

    # -- one poll -----------------------------------------------------------------------------------------------------

    def poll(self) -> None:
        """Look, decide and act until there is nothing more to do now."""
        start, before = self.cluster.now, self._phases()
        for number in range(_MOST_PASSES):
            now = EPOCH + start + number * _PASS
            plan = decide(self._look(now), self.settings, self.memory, now)
            self.memory = plan.memory
            for action in plan.actions:
                self._carry_out(action, now)
            self.cluster.schedule()
            after = self._phases()
            if not plan.actions and after == before:
                return
            before = after

    def _phases(self) -> dict[str, Phase]:
        return {name: record.phase for name, record in self.memory.nodes.items()}

    def next_poll(self) -> float:
        """Return when a look could show anything new: the next event, or the next moment that a rule waits for."""
        now = self.cluster.now
        event = self.cluster.next_event
        calm = _WATCHFUL if self.cluster.pending or self._unsettled() else _CALM
        later = [when for when in self._deadlines() if when > now]
        return min([now + calm, *later, *([event] if event is not None else [])])

    def _unsettled(self) -> bool:
        return any(record.phase is not Phase.SERVING for record in self.memory.nodes.values())

    def _deadlines(self) -> Iterable[float]:
        general, memory = self.settings.dynamic_cluster, self.memory
        yield memory.planned_at - EPOCH + general.auto_provision_interval
        yield memory.queue_since - EPOCH + general.batch_window.quiet
        yield memory.queue_dirty_since - EPOCH + general.batch_window.most
        limits = idle_limits(self.settings, memory)
        for record in memory.nodes.values():
            yield record.asked_at - EPOCH + recent_time(general)
            if record.idle_since:
                yield record.idle_since - EPOCH + limits[record.resource]
                yield record.asked_at - EPOCH + general.minimum_node_life
                yield self.cluster.now + paid_for(record, self.settings, EPOCH + self.cluster.now) - way_out(self.settings)
        for resource in memory.resources.values():
            if resource.backoff is not None:
                yield resource.backoff.until - EPOCH

    # -- what is seen -------------------------------------------------------------------------------------------------

    def _look(self, now: float) -> Snapshot:
        serial = next(self._serial)
        return Snapshot(
            Reading(self._batch(), now, serial),
            {name: Reading(self._cloud(name), now, serial) for name in self.settings.cloud},
            self._checks(),
            {record.hostname: record.name for record in self.memory.nodes.values() if record.phase is Phase.JOINING},
        )

    def _batch(self) -> BatchView:
        for name in self.cluster.changed:
            machine = self.cluster.machines.get(name)
            if machine is None or not machine.joined:
                self._hosts.pop(name, None)
            else:
                self._hosts[name] = self._host(machine)
        self.cluster.changed.clear()
        jobs = [self._job(run) for run in itertools.chain(self.cluster.pending.values(), self.cluster.running.values())]
        return BatchView(tuple(jobs), tuple(self._hosts.values()), self._offers, health={"sge": True})

    def _host(self, machine: Machine) -> Host:
        held = machine.name in self._held
        used = machine.cores - machine.free
        return Host(
            name=machine.name,
            up=True,
            queues=(QueueSlots(machine.queue or _QUEUE, machine.cores, used, not held),),
            jobs=tuple(machine.jobs),
            hold=HoldBy.US if held else HoldBy.NOBODY,
            reported=Shape(machine.cores),
        )

    def _job(self, run: Run) -> Job:
        known = self._jobs.get(run.job.id)
        running = run.started_at is not None
        if known is None or (known.state is JobState.RUNNING) is not running:
            known = self._jobs[run.job.id] = self._make_job(run, running)
        return known

    def _make_job(self, run: Run, running: bool) -> Job:
        chunk = Chunk(count=run.job.cores) if run.wide else Chunk(cores=run.job.cores)
        places = (Place(run.queue),) if run.queue else None
        return Job(
            id=run.job.id,
            state=JobState.RUNNING if running else JobState.PENDING,
            request=Request((chunk,), places),
            tasks=0 if running else 1,
            owner=run.job.user,
            created=EPOCH + run.job.submitted,
            started=EPOCH + (run.started_at or 0.0) if running else 0.0,
            hosts=tuple(machine.name for machine in run.on),
        )

    def _cloud(self, resource: str) -> CloudView:
        shape = Shape(self.cores[resource])
        shown = tuple(_instance(machine, shape) for machine in self.cluster.machines.values() if machine.resource == resource)
        ids = {instance.id for instance in shown}
        asked = (record.instance_id for record in self.memory.nodes.values() if record.resource == resource and record.instance_id)
        return CloudView(shown, shape, gone=frozenset(id_ for id_ in asked if id_ not in ids))

    def _checks(self) -> dict[str, CheckResult]:
        ready = CheckResult(Verdict.READY)
        return {name: ready for name, record in self.memory.nodes.items() if record.phase is Phase.CONFIGURING and record.configured_at}

    # -- what is done -------------------------------------------------------------------------------------------------

    def _carry_out(self, action: Action, now: float) -> None:
        if action.act is Act.ORDER:
            self._order(action, now)
            return
        record = self.memory.nodes.get(action.node)
        if record is None or is_moot(action, record):
            return
        record = intend(action, record, now)
        done = getattr(self, f"_do_{action.act.value}", None)
        if done is not None:
            record = done(record) or record
        if action.act is Act.FORGET:
            self.memory = self.memory.without_node(record.name)
            return
        self.memory = self.memory.with_node(_stamp(action, succeed(action, record, now), now))

    def _order(self, action: Action, now: float) -> None:
        name = f"{action.resource}-{next(self._numbers):06d}"
        record = NodeRecord(name, action.resource, name, Phase.ASKED, asked_at=now, cause=action.reason)
        launches = (*(at for at in self.memory.launches if at > now - 3600), now)
        self.memory = replace(self.memory.with_node(record), launches=launches)

    def _do_launch(self, record: NodeRecord) -> NodeRecord:
        self.launches += 1
        queue = self.settings.cloud[record.resource].reservation.queue
        self.cluster.launch(record.name, record.resource, self.cores[record.resource], queue)
        return replace(record, instance_id=record.name, address=record.name, phase=Phase.BOOTING)

    def _do_join(self, record: NodeRecord) -> None:
        self._held.add(record.name)
        self._touch(record, joined=True)

    def _do_release(self, record: NodeRecord) -> None:
        self._held.discard(record.name)
        self._touch(record, open=True)

    _do_unhold = _do_release

    def _do_hold(self, record: NodeRecord) -> None:
        self._held.add(record.name)
        self._touch(record, open=False)

    def _do_remove(self, record: NodeRecord) -> None:
        self._held.discard(record.name)
        self._touch(record, joined=False, open=False)

    def _do_destroy(self, record: NodeRecord) -> None:
        machine = self.cluster.machines.get(record.name)
        if machine is not None:
            self.cluster.end(machine)

    def _touch(self, record: NodeRecord, **change: bool) -> None:
        machine = self.cluster.machines.get(record.name)
        if machine is None:
            return
        for name, value in change.items():
            setattr(machine, name, value)
        self.cluster.changed.add(record.name)


def _instance(machine: Machine, shape: Shape) -> Instance:
    state = {None: InstanceState.PENDING, True: InstanceState.ACTIVE, False: InstanceState.ERROR}[machine.up]
    return Instance(
        machine.name, machine.name, machine.resource, state, intent=machine.name, address=machine.name, created=EPOCH + machine.asked_at, shape=shape
    )


def _stamp(action: Action, record: NodeRecord, now: float) -> NodeRecord:
    """Note when the node was last changed, as the engine does: an older reading does not show it."""
    transition = TRANSITIONS[action.act]
    if not transition.settles or transition.pool not in (BATCH, CLOUD):
        return record
    return replace(record, batch_acted_at=now) if transition.pool == BATCH else replace(record, cloud_acted_at=now)
