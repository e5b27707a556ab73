"""The contracts between the control loop and the world. Calls block, each within its own time-out; control runs them in threads.

One contract suite for each port (tests/contract) holds every adapter, real or simulated, to what stands here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .model import BatchOrder, BatchView, CheckResult, Instance, LaunchOrder, Reservation, Shape


class Clock(Protocol):
    """The time. The simulator has its own."""

    def now(self) -> float:
        """Return Unix time in seconds. It may be set, so that it jumps."""

    def steady(self) -> float:
        """Return seconds since some moment, which only pass: nobody sets them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of `validate`. `ok` False: it must be mended; `remedy` says what to run."""

    what: str
    ok: bool
    detail: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Joining:
    """A host that is to join the batch system, held."""

    hostname: str
    address: str
    shape: Shape
    reservation: Reservation = Reservation()


@dataclass(frozen=True, slots=True)
class Cleared:
    """What became of the jobs of a machine that is gone: ids requeued, ids that were not rerunnable and are gone."""

    requeued: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


class BatchSystem(Protocol):
    """A batch system. Every method raises BatchUnreachable when it does not answer, BatchRefused when it says no.

    Changes are idempotent: doing again what is done already succeeds. Callers never run two changes at once.
    """

    def observe(self) -> BatchView:
        """Read all jobs and hosts. Raises BatchUnreachable or BatchMalformed; never returns a part of the truth."""

    def resolve(self, hostname: str) -> str:
        """Return the address that the batch system's head resolves the name to, "" when it does not."""

    def join(self, node: Joining) -> None:
        """Register the host, held, before its execution daemon starts. Raises NameUnresolvable."""

    def hold(self, hostname: str, why: str) -> None:
        """Keep new jobs off the host, marked as our hold; running jobs go on."""

    def unhold(self, hostname: str) -> None:
        """Lift our hold, or an administrator's when the administrator asked for it."""

    def remove(self, hostname: str, *, gone: bool = False) -> None:
        """Take the host out of the batch system. Raises HostHasJobs unless the machine is `gone` and its jobs were cleared."""

    def vacate(self, hostname: str) -> tuple[str, ...]:
        """End all jobs of the host, by an administrator's explicit wish; return their ids."""

    def requeue(self, hostname: str) -> tuple[str, ...]:
        """Put the rerunnable jobs of a held host, whose machine is about to end, back into the queue; the others run on. Return their ids.

        A job may still be listed on the host for a moment afterwards.
        """

    def clear(self, hostname: str) -> Cleared:
        """Requeue the rerunnable jobs of a host whose machine is gone, and clear away the others."""

    def job(self, job_id: str) -> Mapping[str, str]:
        """Return the batch system's own details of one job, {} when it has no such job."""

    def check(self) -> tuple[Finding, ...]:
        """Check commands, rights and settings on the real system; never changes anything."""


class Cloud(Protocol):
    """One resource's cloud. Every method raises CloudError with its kind; an error is never an empty answer."""

    def shape(self) -> Shape:
        """Return what one instance of the resource gives, from the cloud's own data."""

    def list(self) -> tuple[Instance, ...]:
        """Return all instances that carry the resource's owner tags, complete and without repeats, ended ones left out or INEXISTENT."""

    def get(self, instance_id: str) -> Instance | None:
        """Return one instance by id; None only when the cloud surely does not know it."""

    def launch(self, order: LaunchOrder) -> Instance:
        """Launch one instance, name and owner tags in the same call. Calling again with the same order makes no second one."""

    def destroy(self, instance_id: str) -> None:
        """End the instance. One that is gone already is a success."""

    def adopt(self, instance_id: str, tags: Mapping[str, str]) -> Instance:
        """Put our owner tags on an existing instance, by an administrator's explicit wish; return it."""

    def console(self, instance_id: str) -> str:
        """Return the end of what the machine wrote on its console, "" when there is nothing. May be left out."""

    def check(self) -> tuple[Finding, ...]:
        """Check credentials and that what the settings name exists; never changes anything."""


class CloudOfMany(Cloud, Protocol):
    """A cloud that launches several machines with one call."""

    @property
    def most_at_once(self) -> int:
        """Return how many machines one call may launch, at least 1."""

    def launch_many(self, order: BatchOrder) -> tuple[Instance, ...]:
        """Launch up to as many machines as the order says, at least one, each with the order's intent and a name that its id in the cloud tells.

        There surely are no others than those returned. Calling again with the same order makes no further ones.
        """


@dataclass(frozen=True, slots=True)
class Target:
    """A node whose configuration is to be checked."""

    name: str
    hostname: str
    address: str
    resource: str
    since: float  # when its instance was asked for


class Check(Protocol):
    """Tells whether a node is configured. Must return within its own time-out (10 s at most)."""

    def check(self, target: Target) -> CheckResult:
        """Return READY, WAITING or FAILED with what is known of the cause. An exception counts as WAITING and is logged."""


class Minions(Protocol):
    """The configuration system's side of a node: its key and its highstate."""

    def expect(self, name: str, token: str, resource: str) -> None:
        """Let the minion of this name in once, when it shows this token. Called before the launch; again is harmless."""

    def configure(self, names: Iterable[str]) -> None:
        """Make sure that these minions run their highstate."""

    def forget(self, name: str) -> None:
        """Delete the minion's key and void its token."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `tag` below `dynamiccluster/`; the payload holds no secret and is small."""

    tag: str
    data: Mapping[str, object] = field(default_factory=dict)


class Announcer(Protocol):
    """Where events go (the Salt bus, a list in the tests)."""

    def fire(self, event: Event) -> None:
        """Announce it. Never raises: a lost event must not stop the loop."""


@dataclass(frozen=True, slots=True)
class Report:
    """The cluster in numbers, for reporters. Counts by state: "total", "starting", "idle", "busy", "error", "deleting", "holding", "held"."""

    at: float  # Unix time of the snapshot
    cluster: str
    nodes: Mapping[str, int]
    cores: Mapping[str, int]
    resources: Mapping[str, Mapping[str, int]]  # name -> {"nodes", "cores", "min", "max"}
    jobs: Mapping[str, int]  # by state: "pending", "running", ...
    document: Mapping[str, object] = field(default_factory=dict)  # all that readers are shown, without any secret; not to be changed


class Reporter(Protocol):
    """Takes numbers somewhere else. Made and called in a thread of its own, so that it may block; what it raises is logged and harms nothing.

    `interval`, seconds between two reports, may be left out (60), as may `close`.
    """

    interval: float

    def report(self, report: Report) -> None:
        """Take one report. Raise anything when that failed."""

    def close(self) -> None:
        """Let go of connections; the engine ends or the settings have changed."""
