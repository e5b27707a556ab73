"""A simulated cloud: an account with machines, and the Cloud port of each resource in it. Deterministic, with switches for trouble."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ..clouds.ownership import INTENT, RESOURCE, batch_tags, is_owned, launch_tags, name_of, other_owner, owner_tags
from ..errors import CloudError, Refusal
from ..model import BatchOrder, Instance, InstanceState, LaunchOrder, Shape
from ..ports import Clock, Finding
from .troubles import Troubles

_Result = TypeVar("_Result")


@dataclass(slots=True)
class Machine:
    """A machine of the account. Times are virtual Unix seconds; None: not (yet)."""

    id: str
    tags: dict[str, str]
    shape: Shape
    address: str
    asked_at: float
    active_at: float | None  # None: it never becomes active
    visible_at: float
    user_data: str = ""
    leaves_at: float | None = None  # when its end was accepted
    ends_at: float = math.inf
    broken: str = ""  # why it is in error
    stopped: bool = False
    notice: str = ""  # what listings say that the cloud will soon do to it
    impaired: str = ""  # which of the cloud's own checks of it fail

    @property
    def name(self) -> str:
        """Return what the machine calls itself."""
        return name_of(self.tags, self.id) or self.id

    def state(self, now: float) -> InstanceState:
        """Return what the cloud says of it at that time."""
        if now >= self.ends_at:
            return InstanceState.INEXISTENT
        if self.leaves_at is not None and now >= self.leaves_at:
            return InstanceState.DELETING
        if self.broken or self.stopped:
            return InstanceState.ERROR
        return InstanceState.ACTIVE if self.active_at is not None and now >= self.active_at else InstanceState.STARTING


@dataclass
class Account:
    """All machines of one account, whoever owns them; what a test looks into to see what really happened."""

    clock: Clock
    boot: float = 30.0  # seconds until a machine is active
    ending: float = 10.0  # seconds from an accepted destroy until it is gone
    lag: float = 0.0  # seconds until a new machine shows in listings and look-ups
    remembered: float = 3600.0  # seconds that an ended machine still shows, as INEXISTENT
    quota: int | None = None  # living machines that the account may have
    capacity: int | None = None  # living machines that the cloud has room for
    machines: dict[str, Machine] = field(default_factory=dict)
    launches: int = 0  # machines ever made by a launch
    stuck_next: int = 0  # so many next machines never become active
    broken_next: int = 0  # so many next machines end in error instead
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def living(self, tags: Mapping[str, str] | None = None) -> list[Machine]:
        """Return the machines that are not gone, those that carry all of `tags` if given."""
        now = self.clock.now()
        wanted = (tags or {}).items()
        return [m for m in self.machines.values() if m.state(now) is not InstanceState.INEXISTENT and wanted <= m.tags.items()]

    def make(self, tags: Mapping[str, str], shape: Shape = Shape(1), user_data: str = "") -> Machine:
        """Make a machine, as a launch does, or somebody else with the account."""
        number, now = next(self._numbers), self.clock.now()
        stuck, self.stuck_next = self.stuck_next > 0, max(0, self.stuck_next - 1)
        broken, self.broken_next = self.broken_next > 0, max(0, self.broken_next - 1)
        machine = Machine(
            id=f"sim-{number:06d}",
            tags=dict(tags),
            shape=shape,
            address=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
            asked_at=now,
            active_at=None if stuck else now + self.boot,
            visible_at=now + self.lag,
            user_data=user_data,
            broken="no valid host was found" if broken else "",
        )
        self.machines[machine.id] = machine
        return machine

    def end(self, machine_id: str) -> None:
        """End a machine at once, as a cloud or an administrator outside of us does."""
        self.machines[machine_id].ends_at = self.clock.now()

    def stop(self, machine_id: str) -> None:
        """Stop a machine (powered off, not ended), outside of us."""
        self.machines[machine_id].stopped = True

    def forget(self, machine_id: str) -> None:
        """Take a machine away without a trace: it is unknown from now on."""
        del self.machines[machine_id]


class SimulatedCloud:
    """One resource's Cloud port over an account. `troubles` holds what goes wrong next."""

    def __init__(self, account: Account, cluster: str, name: str, shape: Shape = Shape(4, 8192)):
        self.account = account
        self.cluster = cluster
        self.name = name
        self.troubles = Troubles()
        self.calls: list[tuple[str, str]] = []  # (operation, intent or id), in order
        self.most_at_once = 1  # more: one call may launch several machines
        self._shape = shape

    def shape(self) -> Shape:
        """Return the shape that was given."""
        return self._do("shape", "", lambda: self._shape)

    def list(self) -> tuple[Instance, ...]:
        """Return the resource's machines, ended ones as INEXISTENT while the account remembers them."""
        found = self._do("list", "", self._list)
        found = found * 2 if self.troubles.repeat_list else found
        return found if self.troubles.truncate_list is None else found[: self.troubles.truncate_list]

    def get(self, instance_id: str) -> Instance | None:
        """Return one machine; None while it lags or when it is not known."""
        return self._do("get", instance_id, lambda: self._get(instance_id))

    def launch(self, order: LaunchOrder) -> Instance:
        """Make the order's machine, or return the one that it made before."""
        return self._do("launch", order.intent, lambda: self._launch(order))

    def launch_many(self, order: BatchOrder) -> tuple[Instance, ...]:
        """Make the order's machines, as many as there is room for."""
        return self._do("launch_many", order.intent, lambda: self._launch_many(order))

    def destroy(self, instance_id: str) -> None:
        """Accept to end the machine; it is gone `account.ending` seconds later."""
        self._do("destroy", instance_id, lambda: self._destroy(instance_id))

    def adopt(self, instance_id: str, tags: Mapping[str, str]) -> Instance:
        """Put our owner tags on a living machine that nobody else of us owns."""
        return self._do("adopt", instance_id, lambda: self._adopt(instance_id, tags))

    def check(self) -> tuple[Finding, ...]:
        """Return one finding: whether the cloud lets us in."""
        try:
            self._do("check", "", lambda: None)
        except CloudError as error:
            return (Finding(f"cloud {self.name}: access", False, str(error), "wait for the simulation"),)
        return (Finding(f"cloud {self.name}: access", True),)

    # -- inside -------------------------------------------------------------------------------------------------

    def _do(self, operation: str, about: str, effect: Callable[[], _Result]) -> _Result:
        with self.account.lock:
            self.calls.append((operation, about))
            trouble = self.troubles.take(operation)
            if trouble and not trouble.happens:
                raise trouble.error(operation, self.name)
            result = effect()
            if trouble:
                raise trouble.error(operation, self.name)
            return result

    def _list(self) -> tuple[Instance, ...]:
        then = self.account.clock.now() - self.troubles.stale_list
        ours = [m for m in self.account.machines.values() if is_owned(m.tags, self.cluster, self.name)]
        return tuple(_show(machine, then) for machine in ours if self._shows(machine, then))

    def _get(self, instance_id: str) -> Instance | None:
        now = self.account.clock.now()
        machine = self.account.machines.get(instance_id)
        return _show(machine, now) if machine and self._shows(machine, now) else None

    def _shows(self, machine: Machine, now: float) -> bool:
        return machine.visible_at <= now < machine.ends_at + self.account.remembered

    def _launch(self, order: LaunchOrder) -> Instance:
        before = self._made_before(order.intent)
        return before[0] if before else self._make(launch_tags(self.cluster, self.name, order), order.user_data)

    def _launch_many(self, order: BatchOrder) -> tuple[Instance, ...]:
        if before := self._made_before(order.intent):
            return tuple(before)
        tags, made = batch_tags(self.cluster, self.name, order, f"{self.name}-"), []
        while len(made) < order.count:
            try:
                made.append(self._make(tags, order.user_data))
            except CloudError:
                if not made:
                    raise
                break
        return tuple(made)

    def _made_before(self, intent: str) -> Sequence[Instance]:
        """Return what an order with this intent made already."""
        now, machines = self.account.clock.now(), self.account.machines.values()
        return [_show(one, now) for one in machines if is_owned(one.tags, self.cluster, self.name) and one.tags.get(INTENT) == intent]

    def _make(self, tags: Mapping[str, str], user_data: str) -> Instance:
        account = self.account
        living = len(account.living())
        if account.quota is not None and living >= account.quota:
            raise self._refused("launch", Refusal.QUOTA, f"the account may have {account.quota} machines")
        if account.capacity is not None and living >= account.capacity:
            raise self._refused("launch", Refusal.NO_CAPACITY, "the cloud is full")
        account.launches += 1
        return _show(account.make(tags, self._shape, user_data), account.clock.now())

    def _destroy(self, instance_id: str) -> None:
        machine = self.account.machines.get(instance_id)
        if machine is not None and machine.leaves_at is None and not self.troubles.deaf:
            machine.leaves_at = self.account.clock.now()
            machine.ends_at = min(machine.ends_at, machine.leaves_at + self.account.ending)

    def _adopt(self, instance_id: str, tags: Mapping[str, str]) -> Instance:
        now = self.account.clock.now()
        machine = self.account.machines.get(instance_id)
        if machine is None or machine.state(now) is InstanceState.INEXISTENT:
            raise self._refused("adopt", Refusal.BAD_REQUEST, f"there is no machine {instance_id}")
        owner = other_owner(machine.tags, self.cluster, self.name)
        if owner:
            raise self._refused("adopt", Refusal.BAD_REQUEST, f"it belongs to {owner} already")
        machine.tags.update({**tags, **owner_tags(self.cluster, self.name)})
        return _show(machine, now)

    def _refused(self, doing: str, kind: Refusal, why: str) -> CloudError:
        return CloudError(f"resource {self.name}: could not {doing}: {why}", kind)


def _show(machine: Machine, now: float) -> Instance:
    state = machine.state(now)
    return Instance(
        id=machine.id,
        name=name_of(machine.tags, machine.id),
        resource=machine.tags.get(RESOURCE, ""),
        state=state,
        intent=machine.tags.get(INTENT, ""),
        address=machine.address if state is InstanceState.ACTIVE else "",
        private_dns=f"{machine.id}.sim.internal",
        created=machine.asked_at,
        shape=machine.shape,
        flavor="simulated",
        zone="sim-1",
        detail="stopped" if machine.stopped else machine.broken or state.name.lower(),
        stopped=machine.stopped and state is InstanceState.ERROR,
        notice=machine.notice,
        impaired=machine.impaired,
    )
