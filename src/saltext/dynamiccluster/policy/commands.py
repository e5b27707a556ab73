"""What an administrator asks, checked against what is known and turned into memory: inputs of the next decision, nothing more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ..errors import CommandRefused
from ..model import HoldBy, NodeRecord, Phase, ResourceFlag, WorkerNode
from ..settings import Settings
from ..snapshot import Command, Snapshot
from . import reasons
from .leaving import call_back
from .lifecycle import LIFT
from .memory import Memory
from .nodes import BEFORE_SERVICE, combine
from .limits import room_for
from .notices import dismiss
from .records import minion_of
from .world import World


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a command: one sentence for people, data for scripts."""

    message: str
    data: Mapping[str, object] = field(default_factory=dict)


def obey(command: Command, snapshot: Snapshot, settings: Settings, memory: Memory, now: float) -> tuple[Memory, Reply]:
    """Return the memory as the command changes it, and the reply. Nothing is kept by this: a dry run drops the memory.

    Raises CommandRefused with one clear sentence when the command cannot be carried out.
    """
    handler = _COMMANDS.get(command.name)
    if handler is None:
        raise CommandRefused(f"there is no command {command.name!r}; there are {', '.join(sorted(_COMMANDS))}")
    world = World(snapshot, settings, memory, now, combine(snapshot, settings, memory, now))
    arguments = dict(command.arguments)
    try:
        return handler(world, command.by, **arguments)
    except TypeError as error:
        raise CommandRefused(f"{command.name} was called with wrong arguments: {error}") from error


# -- finding what is meant --------------------------------------------------------------------------------------------


def _node(world: World, name: object) -> tuple[WorkerNode, NodeRecord]:
    """Return one of our nodes by host name, instance name or the id of its minion."""
    wanted = str(name).lower()
    for node in world.nodes:
        names = (node.record.name, minion_of(node.record)) if node.record else ()
        if wanted not in [known.lower() for known in (node.hostname, *names)]:
            continue
        if node.record is None:
            raise CommandRefused(f"{node.hostname} belongs to no resource: physical nodes are shown, never touched")
        return node, node.record
    raise CommandRefused(f"there is no worker node {name!r}; salt-run dynamiccluster.nodes lists them", "unknown")


def _resource(world: World, name: object) -> str:
    if name not in world.settings.cloud:
        known = ", ".join(sorted(world.settings.cloud)) or "none at all"
        raise CommandRefused(f"there is no resource {name!r}; there are {known}", "unknown")
    return str(name)


def _whole(value: object, name: str) -> int:
    """Return a positive whole number; true is no number."""
    if isinstance(value, bool) or not str(value).isdecimal() or int(str(value)) < 1:
        raise CommandRefused(f"{name} must be a whole number of at least 1, not {value!r}")
    return int(str(value))


def _truth(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise CommandRefused(f"{name} must be True or False, not {value!r}")
    return value


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _by(what: str, by: str) -> str:
    return f"{what} ({by})" if by else what


# -- nodes ----------------------------------------------------------------------------------------------------------


def _remove(world: World, by: str, node: object, force: object = False) -> tuple[Memory, Reply]:
    found, record = _node(world, node)
    forced = _truth(force, "force")
    if record.phase in (Phase.LEAVING, Phase.DESTROYING):
        raise CommandRefused(f"{found.hostname} is already being removed")
    if found.host is not None and found.host.busy and not forced:
        jobs = ", ".join(found.host.jobs[:5]) or "jobs"
        sentence = f"{found.hostname} runs {jobs}: hold it and wait, vacate it, or remove it with force=True, which ends them"
        raise CommandRefused(sentence, "busy")
    if _in_batch(record) and not world.snapshot.batch.fresh and not forced:
        raise CommandRefused(f"what {found.hostname} runs is not known now: {_batch_trouble(world)}")
    record = replace(record, leaving_for=_by(reasons.REMOVE, by), forced=forced or record.forced)
    return world.memory.with_node(record), Reply(f"{found.hostname} will be removed", {"node": found.hostname})


def _in_batch(record: NodeRecord) -> bool:
    return bool(record.joined_at)


def _batch_trouble(world: World) -> str:
    return world.snapshot.batch.error or "the batch system has not been read yet"


def _hold(world: World, by: str, node: object) -> tuple[Memory, Reply]:
    found, record = _node(world, node)
    _must_stay(found, record)
    if record.held_for and record.held_for != LIFT:
        raise CommandRefused(f"{found.hostname} is held already: {record.held_for}")
    record = replace(record, held_for=_by("held by an administrator", by))
    return world.memory.with_node(record), Reply(f"{found.hostname} takes no new jobs; running ones go on", {"node": found.hostname})


def _must_stay(found: WorkerNode, record: NodeRecord) -> None:
    if record.phase in (Phase.LEAVING, Phase.DESTROYING) or record.gone:
        raise CommandRefused(f"{found.hostname} is being removed: {record.leaving_for or reasons.GONE}")


def _unhold(world: World, by: str, node: object) -> tuple[Memory, Reply]:
    found, record = _node(world, node)
    _must_stay(found, record)
    if world.flag(record.resource) in (ResourceFlag.DRAINING, ResourceFlag.DRAINED):
        raise CommandRefused(f"resource {record.resource} is being drained: restore it to keep {found.hostname}")
    record = replace(record, notice=dismiss(record.notice))
    held = found.host is not None and found.host.hold is not HoldBy.NOBODY
    if record.phase in BEFORE_SERVICE:
        if not record.held_for:
            raise CommandRefused(f"{found.hostname} is still starting: it is released once it is configured")
        record = replace(record, held_for="")
    elif not held and not record.held_for and not record.leaving_for:
        raise CommandRefused(f"{found.hostname} is not held")
    else:
        record = replace(call_back(record), held_for=LIFT if record.ready_at else "", forced=False)
    return world.memory.with_node(record), Reply(f"{found.hostname} takes jobs again", {"node": found.hostname})


def _vacate(world: World, by: str, node: object) -> tuple[Memory, Reply]:
    found, record = _node(world, node)
    _must_stay(found, record)
    if record.phase in BEFORE_SERVICE:
        raise CommandRefused(f"{found.hostname} is still starting and runs no jobs")
    jobs = found.host.jobs if found.host else ()
    record = replace(record, held_for=record.held_for or _by("vacated by an administrator", by), forced=True)
    sentence = f"{found.hostname} is held, {_count(len(jobs), 'job')} ended"
    return world.memory.with_node(record), Reply(sentence, {"node": found.hostname, "jobs": list(jobs)})


# -- resources ------------------------------------------------------------------------------------------------------


def _add(world: World, by: str, resource: object, num: object = 1) -> tuple[Memory, Reply]:
    name, count = _resource(world, resource), _whole(num, "num")
    known = world.remembered(name)
    if known.flag is not ResourceFlag.NORMAL:
        raise CommandRefused(f"resource {name} is {known.flag.name.lower()}: restore it first")
    room, limit = room_for(world, name)
    room -= known.wanted
    if count > room:
        raise CommandRefused(f"{count} more nodes in {name} are too many: room for {max(room, 0)} ({limit})")
    memory = world.memory.with_resource(name, replace(known, wanted=known.wanted + count))
    return memory, Reply(f"{_count(count, 'node')} being launched in {name}", {"resource": name, "num": count})


def _flag(flag: ResourceFlag, sentence: str) -> Callable[..., tuple[Memory, Reply]]:
    def handler(world: World, by: str, resource: object) -> tuple[Memory, Reply]:
        name = _resource(world, resource)
        known = world.remembered(name)
        if known.flag is flag or (flag is ResourceFlag.DRAINING and known.flag is ResourceFlag.DRAINED):
            raise CommandRefused(f"resource {name} is {known.flag.name.lower()} already")
        memory = world.memory.with_resource(name, replace(known, flag=flag, wanted=0))
        return memory, Reply(sentence.format(name=name), {"resource": name, "state": flag.name.lower()})

    return handler


def _restore(world: World, by: str, resource: object) -> tuple[Memory, Reply]:
    name = _resource(world, resource)
    known = world.remembered(name)
    if known.flag is ResourceFlag.NORMAL and known.backoff is None:
        raise CommandRefused(f"resource {name} is in its normal state already")
    memory = world.memory.with_resource(name, replace(known, flag=ResourceFlag.NORMAL, backoff=None, failures=0))
    nodes = {key: _stay(record) if record.resource == name else record for key, record in memory.nodes.items()}
    sentence = f"resource {name} works within its configured minimum and maximum again"
    return replace(memory, nodes=nodes), Reply(sentence, {"resource": name, "state": "normal"})


def _stay(record: NodeRecord) -> NodeRecord:
    """Call back a node that was draining with its resource, as long as it is in service."""
    if record.leaving_for != reasons.DRAIN:
        return record
    if record.phase is Phase.DRAINING and record.ready_at:
        return replace(record, phase=Phase.SERVING, leaving_for="", empty_seen=0)
    return replace(record, leaving_for="") if record.phase is Phase.SERVING else record


def _adopt(world: World, by: str, resource: object, instance: object) -> tuple[Memory, Reply]:
    name, id_ = _resource(world, resource), str(instance)
    if any(record.instance_id == id_ for record in world.memory.nodes.values()):
        raise CommandRefused(f"instance {id_} is ours already")
    known = world.remembered(name)
    room, limit = room_for(world, name)
    if room - known.wanted < 1:
        raise CommandRefused(f"{name} has no room for another node ({limit})")
    memory = world.memory.with_resource(name, replace(known, adopting=tuple(sorted({*known.adopting, id_}))))
    return memory, Reply(f"instance {id_} is being adopted into {name}", {"resource": name, "instance": id_})


# -- the whole ------------------------------------------------------------------------------------------------------


def _auto(world: World, by: str, enabled: object) -> tuple[Memory, Reply]:
    on = _truth(enabled, "enabled")
    return replace(world.memory, auto=on), Reply(f"the automatic mode is {'on' if on else 'off'}", {"auto_mode": on})


def _stop(world: World, by: str) -> tuple[Memory, Reply]:
    """No launches from this moment on: what the cloud has not heard of is cancelled, the automatic mode is off."""
    unheard = [record for record in world.memory.nodes.values() if record.phase is Phase.ASKED and not record.tried_at]
    memory = replace(world.memory, auto=False).with_nodes([replace(record, leaving_for=reasons.CANCELLED) for record in unheard])
    for name, known in world.memory.resources.items():
        memory = memory.with_resource(name, replace(known, wanted=0))
    sentence = f"nothing is launched any more ({_count(len(unheard), 'order')} cancelled) until `auto True` or `add`"
    return memory, Reply(sentence, {"auto_mode": False, "cancelled": len(unheard)})


_COMMANDS: dict[str, Callable[..., tuple[Memory, Reply]]] = {
    "add": _add,
    "remove": _remove,
    "hold": _hold,
    "unhold": _unhold,
    "vacate": _vacate,
    "freeze": _flag(ResourceFlag.FROZEN, "resource {name} is frozen: nothing is launched, nothing removed"),
    "drain": _flag(ResourceFlag.DRAINING, "resource {name} is draining: its nodes are held, and removed once empty"),
    "restore": _restore,
    "adopt": _adopt,
    "auto": _auto,
    "stop": _stop,
}
