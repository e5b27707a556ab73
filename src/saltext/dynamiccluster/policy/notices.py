"""What a cloud announces about a machine, and who goes on account of it.

One reaction for all kinds: the node is held, its jobs are awaited, another machine takes its place. Only for an interruption, which nobody can
put off, what may be run again is requeued at once; all other jobs run on until the machine ends.
"""

from __future__ import annotations

from dataclasses import replace

from ..errors import CommandRefused
from ..model import HoldBy, Instance, Job, NodeRecord, Notice, NoticeKind, Phase, ResourceFlag
from . import reasons
from .memory import Memory
from .nodes import find_host
from .records import LIFT
from .view import View
from .world import World

_WHY = {
    NoticeKind.REBALANCE: reasons.REBALANCE,
    NoticeKind.IMPAIRED: reasons.IMPAIRED,
    NoticeKind.RETIREMENT: reasons.RETIREMENT,
    NoticeKind.INTERRUPTION: reasons.INTERRUPTED,
}
_GRAVITY = {kind: number for number, kind in enumerate(NoticeKind)}
_TOO_LATE = frozenset({Phase.ASKED, Phase.LEAVING, Phase.DESTROYING})


def hear(known: Notice | None, new: Notice) -> Notice:
    """Return what is to be remembered once `new` was heard: the same again is no news, and nothing milder replaces it."""
    if known is None or _GRAVITY[new.kind] > _GRAVITY[known.kind]:
        return new
    return known


def fold(record: NodeRecord, instance: Instance, read_at: float) -> NodeRecord:
    """Return the record with what a fresh listing says of its machine. Checks that pass again end their own notice, nothing else does."""
    notice = record.notice
    if notice is not None and notice.kind is NoticeKind.IMPAIRED and not instance.impaired:
        notice = None
    if instance.impaired:
        notice = hear(notice, Notice(NoticeKind.IMPAIRED, instance.impaired, heard_at=read_at))
    if instance.notice:
        notice = hear(notice, Notice(NoticeKind.RETIREMENT, instance.notice, heard_at=read_at))
    return record if notice is record.notice else replace(record, notice=notice)


def heed(world: World) -> Memory:
    """Return the memory with those marked to go whose cloud gave notice."""
    nodes = {name: replace(record, leaving_for=why) for name, record in world.memory.nodes.items() if (why := _why_it_goes(world, record))}
    return replace(world.memory, nodes={**world.memory.nodes, **nodes}) if nodes else world.memory


def dismiss(notice: Notice | None) -> Notice | None:
    """Return the notice once an administrator wants the node in service all the same. Raises CommandRefused where that cannot be."""
    if notice is None or notice.dismissed:
        return notice
    if notice.kind is NoticeKind.INTERRUPTION:
        raise CommandRefused(f"{explain(notice)}; nothing can keep the node in service")
    return replace(notice, dismissed=True)


def explain(notice: Notice) -> str:
    """Return why a node goes, in one line."""
    return f"{_WHY[notice.kind]}: {notice.text}"


def is_interrupted(record: NodeRecord) -> bool:
    """Tell whether the node's machine ends within minutes, whatever we do."""
    return record.notice is not None and record.notice.kind is NoticeKind.INTERRUPTION and not record.notice.dismissed


def is_over(record: NodeRecord) -> bool:
    """Tell whether a node goes on account of checks that pass again."""
    return record.leaving_for.startswith(reasons.IMPAIRED) and record.notice is None


def rerunnable_jobs(view: View) -> tuple[Job, ...]:
    """Return the jobs that the node runs, whose daemon can still be told, and that may be run again elsewhere."""
    if view.host is None or view.host.up is not True or not view.host.jobs:
        return ()
    numbers = {_number(job_id) for job_id in view.host.jobs}
    return tuple(job for job in view.world.batch.jobs if job.rerunnable and job.hosts and _number(job.id) in numbers)


def _why_it_goes(world: World, record: NodeRecord) -> str:
    """Return why a node has to go on account of a notice, "" when it stays, or goes already for a reason that lasts."""
    notice = record.notice
    if notice is None or notice.dismissed or record.phase in _TOO_LATE:
        return ""
    if record.leaving_for and record.leaving_for not in reasons.REVOCABLE:
        return ""
    if notice.kind is not NoticeKind.INTERRUPTION and _is_left_alone(world, record, notice):
        return ""
    return explain(notice)


def _is_left_alone(world: World, record: NodeRecord, notice: Notice) -> bool:
    """Tell whether an administrator's word stands against a move that could wait."""
    if record.held_for not in ("", LIFT) or world.flag(record.resource) is ResourceFlag.FROZEN:
        return True
    host = find_host(world.snapshot.batch.value, record.hostname)
    if host is not None and host.hold is HoldBy.ADMINISTRATOR:
        return True
    # without the automatic mode nothing would take its place: a recommendation alone is no reason to lose it
    return notice.kind is NoticeKind.REBALANCE and not world.auto


def _number(job_id: str) -> str:
    return job_id.partition(".")[0]
