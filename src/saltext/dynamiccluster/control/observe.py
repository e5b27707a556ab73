"""Read the world: each source into a Reading that keeps the last good value and says when and why the newest try failed."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from ..errors import DynamicClusterError
from ..model import BatchView, CheckResult, CloudView, Host, Instance, InstanceState, NodeRecord, Phase, Shape, Verdict
from ..policy.nodes import look_up_hosts
from ..policy.records import minion_of
from ..ports import BatchSystem, Check, Clock, Cloud, Target
from ..settings import Settings
from ..snapshot import Reading, sought_as
from .backoff import Wait
from .hooks import run_bounded

log = logging.getLogger(__name__)
T = TypeVar("T")

HOSTNAME_TIMEOUT = 10.0


def read(previous: Reading[T], look: Callable[[], T], clock: Clock, what: str, watched: Callable[[T], Iterable[str]]) -> Reading[T]:
    """Return the new reading. `read_at` is when it began: what was changed meanwhile may or may not show in it.

    `watched` returns what is looked for in it (see Reading.watched_for).
    """
    began, steady = clock.now(), clock.steady()
    try:
        value = look()
    except DynamicClusterError as error:
        return _failed(previous, str(error), began, what)
    except Exception as error:  # an adapter's bug must not blind us for good: it is told, and tried again
        text = f"unforeseen: {type(error).__name__}: {error}"
        if previous.error != text:
            log.exception("reading %s failed in an unforeseen way", what)
        return _failed(previous, text, began, what)
    if previous.error:
        log.info("%s can be read again", what)
    return previous.followed_by(value, began, steady, watched(value), complete=not getattr(value, "cut", False))


def _failed(previous: Reading[T], error: str, began: float, what: str) -> Reading[T]:
    if previous.error != error:
        log.warning("%s cannot be read: %s", what, error)
    return replace(previous, error=error or "no reason given", failing_since=previous.failing_since or began)


def read_batch(
    batch: BatchSystem, previous: Reading[BatchView], clock: Clock, known: Iterable[NodeRecord] = ()
) -> Reading[BatchView]:
    """Read all jobs and hosts; for how long known nodes are not up is watched."""
    return read(previous, batch.observe, clock, "the batch system", lambda view: find_down(view, known, previous))


def find_down(view: BatchView, known: Iterable[NodeRecord], previous: Reading[BatchView]) -> tuple[str, ...]:
    """Return the host names of nodes that are down or missing; not to know whether one is up neither begins nor ends that."""
    names, find = (record.hostname for record in known if record.hostname), look_up_hosts(view)
    return tuple(name for name in names if _is_down(find(name), name in previous.watched))


def _is_down(host: Host | None, was_down: bool) -> bool:
    if host is None or host.error:
        return True
    return was_down if host.up is None else not host.up


def read_cloud(
    name: str, cloud: Cloud, known: Iterable[NodeRecord], previous: Reading[CloudView], clock: Clock
) -> Reading[CloudView]:
    """List a resource's instances; those that we know of and that the listing lacks are asked for by id."""
    ours = [record for record in known if record.resource == name]
    ids = [record.instance_id for record in ours if record.instance_id and not record.gone]
    sought = tuple(sought_as(record) for record in ours if record.tried_at)
    return read(previous, lambda: _look_at_cloud(name, cloud, ids, previous), clock, f"resource {name}", lambda _: sought)


def _look_at_cloud(name: str, cloud: Cloud, ids: list[str], previous: Reading[CloudView]) -> CloudView:
    listed = cloud.list()
    missing = [id_ for id_ in ids if id_ not in {instance.id for instance in listed}]
    found: list[Instance] = []
    gone: set[str] = set()
    for id_ in missing:
        instance = cloud.get(id_)
        found += [instance] if instance is not None else []
        gone |= {id_} if instance is None else set()
    shape = _shape(cloud, previous)
    return CloudView((*listed, *found), shape, frozenset(gone), any(_is_listable(instance, name) for instance in found))


def _is_listable(instance: Instance, resource: str) -> bool:
    """Tell whether a whole listing would have shown it: one without our tags is found by its id alone."""
    return instance.resource == resource and instance.state is not InstanceState.INEXISTENT


def _shape(cloud: Cloud, previous: Reading[CloudView]) -> Shape | None:
    """Return what an instance gives. Not being able to ask does not make the listing worthless."""
    try:
        return cloud.shape()
    except DynamicClusterError as error:
        log.warning("%s", error)
        return previous.value.shape if previous.value is not None else None


def check_node(check: Check, record: NodeRecord, previous: CheckResult | None = None) -> CheckResult:
    """Ask whether a node is configured; a check that raises has not said no, and is logged when it raises something new."""
    target = Target(minion_of(record), record.hostname or record.name, record.address, record.resource, record.asked_at)
    try:
        return check.check(target)
    except Exception as error:
        result = CheckResult(Verdict.WAITING, f"its check failed: {type(error).__name__}: {error}")
        if result != previous:
            log.exception("the configuration check of %s failed", record.name)
        return result


def resolve_name(batch: BatchSystem, hostname: str) -> str:
    """Return what the batch system's head resolves the name to, "" while it does not or cannot be asked."""
    try:
        return batch.resolve(hostname)
    except DynamicClusterError as error:
        log.info("%s", error)
        return ""


def ask_hostname(settings: Settings, record: NodeRecord) -> str:
    """Run the `hostname: {command: ...}` of the settings for a node; return its first word, "" when it failed."""
    command = getattr(settings.dynamic_cluster.hostname, "command", None)
    if command is None or not record.address:
        return ""
    try:
        argv = command.argv(record.address, minion_of(record), record.resource)
    except DynamicClusterError as error:
        log.error("the host name of %s cannot be asked: %s", record.name, error)
        return ""
    trouble, output = run_bounded(argv, HOSTNAME_TIMEOUT, with_errors=False)
    if trouble:
        log.error("the host name of %s cannot be asked: %s", record.name, trouble)
        return ""
    return _clean_name(output)


def _clean_name(output: str) -> str:
    word = (output.split() or [""])[0]
    legal = word.replace("-", "").replace(".", "").replace("_", "").isalnum() and word.isascii() and len(word) < 254
    return word.lower() if legal and not word.startswith(("-", ".")) else ""


def wants_check(record: NodeRecord) -> bool:
    """Return whether the node's configuration is awaited."""
    return record.phase is Phase.CONFIGURING and not record.ready_at


def wants_address(record: NodeRecord) -> bool:
    """Return whether it matters now what the node's name resolves to."""
    return record.phase is Phase.JOINING and bool(record.hostname)


def wants_hostname(record: NodeRecord, settings: Settings) -> bool:
    """Return whether a command of the administrator must tell the node's host name."""
    named = getattr(settings.dynamic_cluster.hostname, "command", None) is not None
    return named and not record.hostname and bool(record.address) and record.phase in (Phase.BOOTING, Phase.JOINING)


def pause(interval: float, took: float, failures: int, wait: Wait, chance: random.Random) -> float:
    """Return the seconds until the next reading begins: its interval, at least 4 times what the last one took, more after failures."""
    least = max(interval, 4.0 * took)
    return max(least, wait.seconds(failures, chance)) if failures else least
