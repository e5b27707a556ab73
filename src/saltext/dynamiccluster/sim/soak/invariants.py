"""What must hold whatever happens: one function each, asked after every step. Each yields a sentence for every violation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from ...clouds.ownership import is_owned
from ...control.present import Status, present
from ...model import HoldBy, NodeRecord, Phase, ResourceFlag
from ...policy import reasons
from ...policy.decide import decide
from ...policy.lifecycle import LIFT
from ...policy.notices import is_interrupted
from ...policy.placement import FOR_JOBS
from ...policy.plan import Act, Outcome
from ...policy.world import COMING
from ..cloud import Machine
from .rough import Decision, RoughWorld
from .scenario import SECRET

Found = Iterator[str]
_ENDS_JOBS = frozenset({("cloud", "destroy"), ("batch", "vacate"), ("batch", "clear")})
_NEEDS_BATCH = frozenset({Act.JOIN, Act.RELEASE, Act.HOLD, Act.UNHOLD, Act.VACATE, Act.CLEAR, Act.REMOVE})
_FROM_LISTINGS = (reasons.GONE, reasons.STOPPED, reasons.BROKEN, reasons.ENDING)


def jobs_on_machines_that_may_run_are_left_alone(world: RoughWorld) -> Found:
    """1. No job on a machine that may still run is ended or requeued by automation; requeued only on one that its cloud interrupts."""
    for effect in world.effects:
        forced = effect.record is not None and effect.record.forced
        if (effect.port, effect.method) in _ENDS_JOBS and effect.jobs and effect.runs and not forced:
            yield f"{effect.method} of {effect.subject}, whose machine may run jobs {', '.join(effect.jobs)}"
        if effect.method == "requeue" and (effect.record is None or not is_interrupted(effect.record)):
            yield f"jobs {', '.join(effect.jobs)} of {effect.subject} are requeued, which nothing interrupts"


def never_more_than_the_maximum(world: RoughWorld) -> Found:
    """2. Never more than max instances asked for or billed."""
    limits = world.settings.dynamic_cluster.limits
    living = {name: len(_machines_of(world, name)) for name in world.settings.cloud}
    for name, count in living.items():
        most = world.settings.cloud[name].quantity.max
        if count > most:
            yield f"{count} machines of {name} live, its maximum is {most}"
    if limits.max_nodes is not None and sum(living.values()) > limits.max_nodes:
        yield f"{sum(living.values())} machines live, limits.max_nodes is {limits.max_nodes}"


def no_demand_is_served_twice(world: RoughWorld) -> Found:
    """2. The nodes on their way that jobs were the cause of are never more than the pieces of the jobs that wait."""
    late = world.skewed.now() - world.settings.dynamic_cluster.max_launch_time
    for decision in world.decisions:
        new = [record for name, record in decision.after.nodes.items() if name not in decision.before.nodes and _for_jobs(record)]
        if not new or decision.snapshot.batch.value is None:
            continue
        coming = [record for record in decision.after.nodes.values() if _for_jobs(record) and _counts(decision, record, new, late)]
        pending = [job for job in decision.snapshot.batch.value.jobs if job.tasks]
        most = sum(chunk.count for job in pending for chunk in job.request.chunks)
        if len(coming) > most:
            told = "; ".join(f"{record.name} {record.phase.value} ({record.cause})" for record in coming)
            yield f"{len(coming)} nodes are on their way for {most} pieces of waiting jobs: {told}"


def _for_jobs(record: NodeRecord) -> bool:
    return record.cause.startswith(FOR_JOBS) and record.phase in COMING and not (record.leaving_for or record.held_for)


def _counts(decision: Decision, record: NodeRecord, new: list[NodeRecord], late: float) -> bool:
    """Tell whether the jobs may count on it: its cloud has heard of it, it stays, is not late, and its like have the cores that it was ordered for."""
    forgotten = any(action.act is Act.FORGET and action.node == record.name for action in decision.plan.actions)
    if forgotten or record.asked_at < late or not (record.tried_at or record in new):
        return False
    reading, found = decision.snapshot.clouds.get(record.resource), decision.after.resource(record.resource).shape
    promised = reading.value.shape if reading is not None and reading.value is not None else None
    return found is None or promised is None or found.cores >= promised.cores


def comes_to_rest(world: RoughWorld) -> Found:
    """3. After trouble: every instance of ours is a worker node or gone, no host without its machine, min kept, jobs done.

    Asked at the end only: what it yields is what has not come to rest within the bounded number of passes.
    """
    nobodys = _hosts_of_nobody(world)
    unfit = _unfit(world, nobodys)
    jobs = [job for job in world.batch.jobs.values() if not job.ended and not job.held and nobodys.isdisjoint(job.taken)]
    left = [job.id for job in jobs if job.taken or job.id not in unfit]
    if left:
        yield f"jobs {', '.join(left)} have not run"
    records, hosts = world.records_of_machines(), set(world.batch.hosts) - set(world.foreign_hosts) - nobodys
    machines = {machine.name for name in world.settings.cloud for machine in _machines_of(world, name, everybodys=True)}
    if machines != hosts or machines != set(records):
        yield f"machines {sorted(machines)}, hosts {sorted(hosts)} and records {sorted(records)} differ"
    for name in sorted(machines & hosts & set(records)):
        if records[name].phase is not Phase.SERVING or world.batch.hosts[name].hold is not HoldBy.NOBODY or not world.batch.hosts[name].up:
            yield f"{name} does not serve: {records[name]}"
    for name, resource in world.settings.cloud.items():
        serving = sum(record.resource == name for record in records.values())
        if serving != resource.quantity.min:
            yield f"{serving} nodes of {name} are left, its minimum is {resource.quantity.min}"
    if not world.lost_once and world.minions.keys - world.foreign_keys != machines:
        yield f"keys {sorted(world.minions.keys - world.foreign_keys)} are left for machines {sorted(machines)}"
    if any(known.wanted or known.adopting for known in world.core.memory.resources.values()):
        yield "an administrator's wish is not fulfilled"
    if world.core.plan.actions:
        yield f"it still wants to act: {world.core.plan.actions}"


def _hosts_of_nobody(world: RoughWorld) -> set[str]:
    """Return the hosts that may as well be somebody's own: of machines that vanished without a trace, and with them the journal.

    Nobody is left to tell that they were ours. They, the jobs that are listed on them, and those that only they could serve are an administrator's.
    """
    if not world.lost_once:
        return set()
    unknown = set(world.batch.hosts) - set(world.foreign_hosts) - set(world.records_of_machines())
    return {name for name in unknown if world.machine_of(name) is None}


def _unfit(world: RoughWorld, nobodys: set[str]) -> set[str]:
    """Return the jobs that nothing could ever run, or nothing but hosts of nobody, which the engine must take for somebody's."""
    core, snapshot, fates = world.core, world.core.snapshot, world.core.plan.fates
    if nobodys and snapshot.batch.value is not None:
        view = replace(snapshot.batch.value, hosts=tuple(host for host in snapshot.batch.value.hosts if host.name not in nobodys))
        snapshot = replace(snapshot, batch=replace(snapshot.batch, value=view))
        fates = decide(snapshot, world.settings, core.memory, world.skewed.now()).fates
    return {id_ for id_, fate in fates.items() if fate.outcome is Outcome.IMPOSSIBLE}


def nothing_foreign_is_touched(world: RoughWorld) -> Found:
    """4. No call concerns a machine, a host or a key that is not ours; an administrator's hold that was seen is not lifted."""
    for effect in world.effects:
        if not effect.ours and effect.method != "adopt":
            yield f"{effect.port}.{effect.method} of {effect.subject}, which is not ours"
        if effect.method == "unhold" and effect.listed_by == HoldBy.ADMINISTRATOR.value and not _was_asked_to_lift(effect.record):
            yield f"the administrator's hold of {effect.subject} is lifted"
    for name, host in world.foreign_hosts.items():
        if world.batch.hosts.get(name) is not host:
            yield f"the physical host {name} is gone"
    for id_ in world.foreign_machines:
        if world.account.machines[id_].leaves_at is not None:
            yield f"the foreign machine {id_} was ended"
    if world.foreign_keys - world.minions.keys:
        yield "foreign keys were deleted"


def _was_asked_to_lift(record: NodeRecord | None) -> bool:
    return record is None or record.held_for == LIFT


def nothing_follows_from_bad_readings(world: RoughWorld) -> Found:
    """5. While a source cannot be read, nothing is decided on its account."""
    for decision in world.decisions:
        batch_fresh = decision.snapshot.batch.fresh
        for action in decision.actions:
            if action.act in _NEEDS_BATCH and not batch_fresh:
                yield f"{action} while the batch system cannot be read"
        yield from _changes_from_bad_readings(decision, batch_fresh)


def _changes_from_bad_readings(decision: Decision, batch_fresh: bool) -> Found:
    for name, record in decision.after.nodes.items():
        old = decision.before.nodes.get(name)
        reading = decision.snapshot.clouds.get(record.resource)
        cloud_fresh = reading is not None and reading.fresh
        if old is None and not (batch_fresh and cloud_fresh):
            yield f"{name} was ordered or adopted while {'its cloud' if batch_fresh else 'the batch system'} cannot be read"
        if old is None or old.leaving_for == record.leaving_for or not record.leaving_for:
            continue
        if record.leaving_for.startswith(_FROM_LISTINGS) and not old.gone and not cloud_fresh:
            yield f"{name} goes ({record.leaving_for}) while its cloud cannot be read"
        if record.leaving_for in (reasons.IDLE, reasons.DOWN) and not (batch_fresh and cloud_fresh):
            yield f"{name} goes ({record.leaving_for}) while not everything can be read"


def no_churn(world: RoughWorld) -> Found:
    """6. A node is not launched and removed as idle within its minimum life; frozen is frozen."""
    life = world.settings.dynamic_cluster.minimum_node_life
    for decision in world.decisions:
        for name, record in decision.after.nodes.items():
            old = decision.before.nodes.get(name)
            new_reason = record.leaving_for if old is not None and old.leaving_for != record.leaving_for else ""
            if new_reason == reasons.IDLE and world.skewed.now() - record.asked_at < life:
                yield f"{name} goes as idle, {world.skewed.now() - record.asked_at:.0f} s old"
            if old is None and record.phase is Phase.ASKED and decision.before.resource(record.resource).flag is not ResourceFlag.NORMAL:
                yield f"{name} was ordered while {record.resource} is {decision.before.resource(record.resource).flag.name}"
    subjects = Counter((effect.port, effect.method, effect.subject) for effect in world.effects)
    for what, count in subjects.items():
        if count > 4:
            yield f"{'.'.join(what)} {count} times in one step"


def no_secret_leaks(world: RoughWorld) -> Found:
    """7. No token and no credential in an event or a log line."""
    yield from _find_secrets(world, {"the log": world.log.getvalue(), "an event": repr(world.events.events)})
    world.log.seek(0)
    world.log.truncate()
    world.events.events.clear()


def no_secret_was_kept(world: RoughWorld) -> Found:
    """7. Nor in the history or in the document for readers. Asked at the end: both only grow."""
    history, document = world.core.ledger.history(limit=100_000), present(world.core, Status("", 0.0))
    yield from _find_secrets(world, {"the history": repr(history), "the document": repr(document)})


def _find_secrets(world: RoughWorld, outputs: dict[str, str]) -> Found:
    for where, text in outputs.items():
        if any(secret in text for secret in (SECRET, *world.tokens)):
            yield f"a secret in {where}"


def memory_stays_bounded(world: RoughWorld) -> Found:
    """8. What is remembered is bounded by what there is: each record is an order, of which there are never more than max, or a machine's own.

    The record of a machine outlives it until good readings have told its end for as long as a new one may be missing, and an administrator adopts
    as many as he likes: so no count of the living bounds them. That all of them end is asked for at rest.
    """
    memory, most = world.core.memory, sum(item.quantity.max for item in world.settings.cloud.values())
    machines = [(record.resource, record.instance_id) for record in memory.nodes.values() if record.instance_id]
    if len(memory.nodes) - len(machines) > most:
        yield f"{len(memory.nodes) - len(machines)} orders are remembered, where {most} machines are allowed"
    if len(set(machines)) < len(machines):
        yield f"a machine has several records: {sorted(machines)}"
    if memory.launches and min(memory.launches) < max(memory.launches) - 3600 and not world.jumped:
        yield f"launches of more than an hour are remembered: {memory.launches}"
    if len(memory.resources) > len(world.settings.cloud):
        yield f"resources {sorted(memory.resources)} are remembered"


def nothing_breaks(world: RoughWorld) -> Found:
    """Rule 9: no exception that must be a bug, in an action or in a reading."""
    if world.core.failures:
        yield f"an action failed in an unforeseen way: {world.log.getvalue()[-3000:]}"
    for what, reading in (("the batch system", world.core.snapshot.batch), *world.core.snapshot.clouds.items()):
        if reading.error.startswith("unforeseen"):
            yield f"reading {what}: {reading.error}"


def _machines_of(world: RoughWorld, resource: str, *, everybodys: bool = False) -> list[Machine]:
    """Return the living machines with the owner tags of this resource; those that others put them on only when asked for."""
    return [
        machine
        for machine in world.account.living()
        if is_owned(machine.tags, world.settings.name, resource) and (everybodys or machine.id not in world.strangers)
    ]


STEP: tuple[Callable[[RoughWorld], Found], ...] = (
    nothing_breaks,
    jobs_on_machines_that_may_run_are_left_alone,
    never_more_than_the_maximum,
    no_demand_is_served_twice,
    nothing_foreign_is_touched,
    nothing_follows_from_bad_readings,
    no_churn,
    no_secret_leaks,
    memory_stays_bounded,
)
END: tuple[Callable[[RoughWorld], Found], ...] = (no_secret_was_kept,)
