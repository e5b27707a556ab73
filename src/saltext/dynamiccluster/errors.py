"""What can go wrong, one meaning a class. Every message says what, where and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class DynamicClusterError(Exception):
    """Base of every error that this project raises on purpose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the configuration: where it is, what is wrong, what to do."""

    path: str
    problem: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" + (f" ({self.hint})" if self.hint else "")


class ConfigurationError(DynamicClusterError):
    """The pillar cannot be used. `faults` holds every fault that was found, not just the first."""

    def __init__(self, faults: tuple[Fault, ...]):
        self.faults = faults
        super().__init__("; ".join(str(fault) for fault in faults))


class BatchError(DynamicClusterError):
    """The batch system could not be read or changed."""


class BatchUnreachable(BatchError):
    """The batch system does not answer (down, restarting, frozen, unroutable): nothing is known of it now."""


class BatchMalformed(BatchError):
    """The batch system answered something that cannot be understood: nothing is known of it now."""


class BatchRefused(BatchError):
    """The batch system answered and refused a change; the message holds its own words."""


class NameUnresolvable(BatchRefused):
    """The batch system cannot resolve the host name yet; ask again later, not at once."""


class HostHasJobs(BatchRefused):
    """The host still lists jobs, so that it is not removed."""


class Refusal(Enum):
    """Why a cloud said no. Each kind has a reaction of its own; never take one for another."""

    THROTTLED = "throttled"  # slow down, nobody's fault
    QUOTA = "quota"  # stop this resource until something is freed
    NO_CAPACITY = "no capacity"  # back off this offering, try the next one
    BAD_REQUEST = "bad request"  # a setting is wrong: stop and tell
    UNAUTHORISED = "unauthorised"  # credentials are wrong or lack a right: stop and tell
    UNREACHABLE = "unreachable"  # no answer: nothing is known
    FAILED = "failed"  # the cloud failed in a way that it does not explain


class CloudError(DynamicClusterError):
    """A call to a cloud failed.

    `kind` says how. `certain` is True when the cloud surely did not do what was asked (it answered no), False
    when it may have done it (the answer was lost). `setting` names the pillar key at fault, when one is known.
    `offerings`: which kinds of machine, in which place, had none, where the cloud was left to choose. `retry_after`: so many seconds the
    cloud asked us to wait, 0 when it did not say. `alone`: only this machine is concerned, others may be launched meanwhile.
    """

    def __init__(
        self,
        message: str,
        kind: Refusal,
        *,
        certain: bool = True,
        setting: str = "",
        offerings: tuple[str, ...] = (),
        retry_after: float = 0.0,
        alone: bool = False,
    ):
        self.kind = kind
        self.offerings = offerings
        self.certain = certain
        self.setting = setting
        self.retry_after = retry_after
        self.alone = alone
        super().__init__(message)


class CommandRefused(DynamicClusterError):
    """An administrator's command cannot be carried out; the message is one clear sentence.

    `kind` tells programs why: "unknown" (there is no such thing), "busy" (its jobs are in the way), "" (anything else).
    """

    def __init__(self, message: str, kind: str = ""):
        self.kind = kind
        super().__init__(message)


class JournalError(DynamicClusterError):
    """The journal cannot be read or written: nothing new is begun until it can."""


class NotActing(JournalError):
    """Another engine acts for the cluster, or may by now: nothing is begun here any more."""
