"""The engine in a replay: the real `decide` over readings of the simulated cluster, its actions carried out at once.

What the engine's threads, journal and Salt do is left out; everything that chooses is the code that runs on a master.
"""

from __future__ import annotations

import itertools
import math
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
from ..policy.placement import TURN
from ..policy.plan import Act, Action
from ..settings import Settings
from ..snapshot import Reading, Snapshot
from .cluster import Cluster, Machine, Run
from .quiet import Quiet, QueueWatch, find_quiet, note_turns

EPOCH = 1_700_000_000.0  # a replay's moment 0; the policy takes 0 for "never"
_PASS = 0.1  # seconds between two looks in a row, since a reading must be newer than the act that it shows
_MOST_PASSES = 20
_WATCHFUL, _CALM = 60.0, 3600.0  # a look at the latest after so long, while something is pending and while nothing is
_QUEUE = "all.q"
_MOST_OLD_JOBS = 1000


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
        self._requests: dict[tuple[int, str], Request] = {}
        self._quiet: Quiet | None = None
        self._queue = QueueWatch()
        self._hosts: dict[str, Host] = {}
        self._held: set[str] = set()
        self._offers = {
            item.reservation: Offer(frozenset({item.reservation.queue or _QUEUE}), frozenset(filter(None, [item.reservation.account])))
            for item in settings.cloud.values()
        }

    # -- one poll -----------------------------------------------------------------------------------------------------

    def poll(self) -> None:
        """Look, decide and act until there is nothing more to do now; where nothing could come of it, only note what has changed."""
        self._quiet = self._stay_quiet() or self._decide()

    def _decide(self) -> Quiet | None:
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
                return self._find_quiet(now)
            before = after
        return None

    def _find_quiet(self, now: float) -> Quiet | None:
        quiet = find_quiet(self.settings, self.memory, now, (EPOCH + when for when in self._ends()), waiting=bool(self.cluster.pending))
        if quiet is None or not quiet.still:
            return quiet
        later = (EPOCH + when for when in self._changes_of_mind(now - EPOCH))
        return replace(quiet, until=min((when for when in later if when > now), default=math.inf))

    def _stay_quiet(self) -> Quiet | None:
        """Return for how long nothing can change still, None when it is time to decide."""
        quiet, now = self._quiet, EPOCH + self.cluster.now
        if quiet is None or now >= quiet.until:
            return None
        if quiet.still:
            return quiet if not self.cluster.changed and self.cluster.queue_print == self._queue.seen else None
        if self.cluster.pending and not quiet.full:
            return None
        turned = [record for name in self.cluster.changed if bool((record := self.memory.nodes[name]).idle_since) is bool(self.cluster.machines[name].jobs)]
        if turned and not quiet.free:
            return None
        self._queue.look(self.cluster.queue_print, now)
        self._see_changes()
        if not turned:
            return quiet
        self.memory = note_turns(self.settings, self.memory, {record.name: self._hosts[record.name] for record in turned}, now, next(self._serial))
        limits = idle_limits(self.settings, self.memory)
        idle = (record for record in (self.memory.nodes[one.name] for one in turned) if record.idle_since)
        later = (EPOCH + when for record in idle for when in self._deadlines_of(record, limits))
        return replace(quiet, until=min([quiet.until, *(when for when in later if when > now)]))

    def _phases(self) -> dict[str, Phase]:
        return {name: record.phase for name, record in self.memory.nodes.items()}

    def next_poll(self) -> float:
        """Return when a look could show anything new: the next event, or the next moment that a rule waits for."""
        now = self.cluster.now
        event = self.cluster.next_event
        if self._quiet is not None and not self._quiet.still:
            return min([now + _CALM, self._quiet.until - EPOCH, *([event] if event is not None else [])])
        calm = _WATCHFUL if self.cluster.pending or self._unsettled() else _CALM
        later = [when for when in self._deadlines() if when > now]
        return min([now + calm, *later, *([event] if event is not None else [])])

    def _unsettled(self) -> bool:
        return any(record.phase is not Phase.SERVING for record in self.memory.nodes.values())

    def _deadlines(self) -> Iterable[float]:
        """Yield all times that rules wait for; many of them are past."""
        general, memory = self.settings.dynamic_cluster, self.memory
        yield memory.planned_at - EPOCH + general.auto_provision_interval
        yield memory.queue_since - EPOCH + general.batch_window.quiet
        yield memory.queue_dirty_since - EPOCH + general.batch_window.most
        yield from self._ends()
        for resource in memory.resources.values():
            if resource.backoff is not None:
                yield resource.backoff.until - EPOCH

    def _ends(self) -> Iterable[float]:
        """Yield when machines may go, or need not be kept any more."""
        limits, recent = idle_limits(self.settings, self.memory), recent_time(self.settings.dynamic_cluster)
        for record in self.memory.nodes.values():
            yield record.asked_at - EPOCH + recent
            yield from self._deadlines_of(record, limits)

    def _changes_of_mind(self, now: float) -> Iterable[float]:
        """Yield when the same cluster may lead to another decision: deadlines, the turns of jobs of several nodes, and the end of waiting for those."""
        yield from self._deadlines()
        limits, patience = idle_limits(self.settings, self.memory), self.settings.dynamic_cluster.max_launch_time
        yield from (record.idle_since - EPOCH + limits[record.resource] + patience for record in self.memory.nodes.values() if record.idle_since)
        waiting = (run.job.submitted for run in self.cluster.pending.values() if run.wide)
        yield from (since + ((now - since) // TURN + 1) * TURN for since in waiting)

    def _deadlines_of(self, record: NodeRecord, limits: Mapping[str, float]) -> Iterable[float]:
        """Yield when an idle machine may go."""
        if record.idle_since:
            yield record.idle_since - EPOCH + limits[record.resource]
            yield record.asked_at - EPOCH + self.settings.dynamic_cluster.minimum_node_life
            yield self.cluster.now + paid_for(record, self.settings, EPOCH + self.cluster.now) - way_out(self.settings)

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
        self._see_changes()
        jobs = tuple(self._job(run) for run in itertools.chain(self.cluster.pending.values(), self.cluster.running.values()))
        if len(self._jobs) > 2 * len(jobs) + _MOST_OLD_JOBS:
            self._jobs = {job.id: job for job in jobs}
        self.memory = self._queue.tell(self.settings, self.memory, jobs, self.cluster.queue_print)
        self._queue.seen = self.cluster.queue_print
        return BatchView(jobs, tuple(self._hosts.values()), self._offers, health={"sge": True})

    def _see_changes(self) -> None:
        for name in self.cluster.changed:
            machine = self.cluster.machines.get(name)
            if machine is None or not machine.joined:
                self._hosts.pop(name, None)
            else:
                self._hosts[name] = self._host(machine)
        self.cluster.changed.clear()

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
        return Job(
            id=run.job.id,
            state=JobState.RUNNING if running else JobState.PENDING,
            request=self._request(run),
            tasks=0 if running else 1,
            owner=run.job.user,
            created=EPOCH + run.job.submitted,
            started=EPOCH + (run.started_at or 0.0) if running else 0.0,
            hosts=tuple(machine.name for machine in run.on),
        )

    def _request(self, run: Run) -> Request:
        """Return what a job asks for, one object for all alike, as adapters do it."""
        kind = (run.job.cores, run.queue)
        if kind not in self._requests:
            chunk = Chunk(count=run.job.cores) if run.wide else Chunk(cores=run.job.cores)
            self._requests[kind] = Request((chunk,), (Place(run.queue),) if run.queue else None)
        return self._requests[kind]

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
