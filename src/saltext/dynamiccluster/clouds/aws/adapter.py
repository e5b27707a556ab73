"""One resource on EC2: the Cloud port over RunInstances or CreateFleet, DescribeInstances and TerminateInstances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import CloudError, Refusal
from ...model import BatchOrder, Instance, InstanceState, LaunchOrder, Shape
from ...ports import Finding
from ...settings.aws import AwsSettings
from ..ownership import CLUSTER, INTENT, RESOURCE, is_owned, other_owner, owner_tags
from . import checking
from .api import Api, EC2Error, Timeouts
from .groups import resolve_groups
from .health import Health
from .launching import Launcher
from .prices import Prices
from .reading import tags_of, to_instance, to_shape
from .request import is_group_id, needs_group_ids, tag_list

_GONE = frozenset({"InvalidInstanceID.NotFound", "InvalidInstanceID"})
_MOST_AT_ONCE = 100  # larger calls are refused as a whole more often, and one lost answer leaves less in doubt
_PAGE = 1000  # the most that EC2 gives in one answer
_TYPES_A_CALL = 100


class Aws:
    """Machines of one resource. Implements `ports.Cloud`; blocks; safe to use from several threads.

    EC2 shows a new machine late: for some seconds after `launch`, `get` may return None, `destroy` may find nothing and `list`
    may leave it out. Who calls gives a young machine that grace before it takes it for gone.
    """

    def __init__(self, name: str, cluster: str, settings: AwsSettings, *, client: Any = None, timeouts: Timeouts = Timeouts()):
        """Make the adapter. Calls nothing."""
        self.name = name
        self.cluster = cluster
        self.settings = settings
        self.api = Api(name, settings, timeouts, client)
        self._shapes: dict[str, Shape] = {}
        self._group_ids: tuple[str, ...] = ()
        self.health = Health(self.api)
        self.prices = Prices(self.api)
        self.launcher = Launcher(self.api, cluster, name, settings, self._groups, self._shape_of)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} of cluster {self.cluster}>"

    def shape(self) -> Shape:
        """Return what every machine of the resource has at least: of several instance types the least of each.

        EC2 is asked once: a type never changes.
        """
        wanted = self.settings.types
        self._learn_shapes(wanted)
        unknown = [kind for kind in wanted if kind not in self._shapes]
        if unknown:
            raise self.api.refused("learn the instance type", f"EC2 knows no {unknown[0]!r}", "instance_type")
        shapes = [self._shapes[kind] for kind in wanted]
        return Shape(min(one.cores for one in shapes), min(one.memory_mb for one in shapes), min(one.gpus for one in shapes))

    def list(self) -> tuple[Instance, ...]:
        """Return all machines with this resource's owner tags; ended ones, which EC2 shows for an hour, as INEXISTENT."""
        filters = [{"Name": f"tag:{key}", "Values": [_literal(value)]} for key, value in self._owner_tags().items()]
        return self.prices.put_on(self.health.put_on(self._instances(filters)))

    def get(self, instance_id: str) -> Instance | None:
        """Return one machine, with or without our tags; None when EC2 does not know it (see the class about young ones)."""
        raw = self._describe(instance_id)
        return None if raw is None else self._read(raw)

    def launch(self, order: LaunchOrder) -> Instance:
        """Launch one machine. The client token makes a repeated order return the first one's machine, for a day after its end."""
        try:
            return self.launcher.launch(order)
        except EC2Error as error:
            if error.code != "IdempotentParameterMismatch":
                raise
            return self._found_before(order.intent, error)[0]

    @property
    def most_at_once(self) -> int:
        """Return how many machines one call may launch."""
        return _MOST_AT_ONCE

    def launch_many(self, order: BatchOrder) -> tuple[Instance, ...]:
        """Launch several machines with one call (ports.CloudOfMany). The client token makes a repeated order return the first one's machines."""
        try:
            return self.launcher.launch_many(order)
        except EC2Error as error:
            if error.code != "IdempotentParameterMismatch":
                raise
            found = self._found_before(order.intent, error)
            if len(found) < order.count:  # there may be more that do not show yet
                raise self._not_shown(error) from None
            return found

    def destroy(self, instance_id: str) -> None:
        """Terminate the machine. One that is gone already is a success."""
        try:
            self.api.change("terminate_instances", f"end {instance_id}", InstanceIds=[instance_id])
        except EC2Error as error:
            if error.code not in _GONE:
                raise

    def adopt(self, instance_id: str, tags: Mapping[str, str]) -> Instance:
        """Put our owner tags, and `tags`, on a living machine that nobody else of us owns."""
        doing = f"adopt {instance_id}"
        raw = self._describe(instance_id)
        if raw is None or raw["State"]["Name"] == "terminated":
            raise self.api.refused(doing, "EC2 has no such machine")
        owner = other_owner(tags_of(raw), self.cluster, self.name)
        if owner:
            raise self.api.refused(doing, f"it belongs to {owner} already")
        wanted = {**tags, **self._owner_tags()}
        self.api.change("create_tags", doing, Resources=[instance_id], Tags=tag_list(wanted))
        return self._read({**raw, "Tags": tag_list({**tags_of(raw), **wanted})})

    def console(self, instance_id: str, lines: int = 200) -> str:
        """Return the last lines that the machine wrote on its console; EC2 keeps the last 64 KiB, some minutes late while it boots."""
        answer = self.api.read("get_console_output", f"read the console of {instance_id}", InstanceId=instance_id)
        return "\n".join(str(answer.get("Output") or "").splitlines()[-lines:])

    def check(self) -> tuple[Finding, ...]:
        """Check the credentials, their rights, and that what the settings name exists. Changes nothing, launches nothing."""
        return checking.check(self)

    def trial_order(self) -> LaunchOrder:
        """Return an order for a dry run."""
        return LaunchOrder(intent="dry-run", name=f"{self.settings.instance_name_prefix}dry-run", user_data="", asked_at=0.0)

    # -- inside -------------------------------------------------------------------------------------------------

    def _owner_tags(self) -> dict[str, str]:
        return owner_tags(self.cluster, self.name)

    def _instances(self, filters: Iterable[Mapping[str, Any]]) -> tuple[Instance, ...]:
        pages = self.api.pages("describe_instances", "list the machines", Filters=list(filters), MaxResults=_PAGE)
        found: dict[str, Mapping[str, Any]] = {}
        for page in pages:
            for reservation in page.get("Reservations") or ():
                found.update((raw["InstanceId"], raw) for raw in reservation.get("Instances") or ())
        ours = [raw for raw in found.values() if is_owned(tags_of(raw), self.cluster, self.name)]
        self._learn_other_shapes({raw.get("InstanceType") or "" for raw in ours})
        return tuple(to_instance(raw, self._shapes.get) for raw in ours)

    def _describe(self, instance_id: str) -> Mapping[str, Any] | None:
        try:
            answer = self.api.read("describe_instances", f"look up {instance_id}", InstanceIds=[instance_id])
        except EC2Error as error:
            if error.code in _GONE:
                return None
            raise
        found = [raw for reservation in answer.get("Reservations") or () for raw in reservation.get("Instances") or ()]
        for raw in found:
            if raw["InstanceId"] == instance_id:
                return raw
        raise self.api.refused(f"look up {instance_id}", "EC2 answered without it, and without an error", kind=Refusal.FAILED)

    def _read(self, raw: Mapping[str, Any]) -> Instance:
        return to_instance(raw, self._shape_of)

    def _shape_of(self, kind: str) -> Shape | None:
        self._learn_other_shapes({kind})
        return self._shapes.get(kind)

    def _found_before(self, intent: str, error: EC2Error) -> tuple[Instance, ...]:
        """Find the machines of an order that was first sent with other settings or user-data, the living ones if there are any."""
        wanted = {CLUSTER: self.cluster, RESOURCE: self.name, INTENT: intent}
        found = self._instances({"Name": f"tag:{key}", "Values": [_literal(value)]} for key, value in wanted.items())
        living = tuple(instance for instance in found if instance.state is not InstanceState.INEXISTENT)
        if living or found:
            return living or found
        raise self._not_shown(error) from None

    def _not_shown(self, error: EC2Error) -> EC2Error:
        return EC2Error(f"{error}; what it made does not show yet", Refusal.FAILED, certain=False, code=error.code)

    def _learn_shapes(self, types: Iterable[str]) -> None:
        missing = sorted(name for name in set(types) if name and name not in self._shapes)
        for start in range(0, len(missing), _TYPES_A_CALL):
            some = missing[start : start + _TYPES_A_CALL]
            answer = self.api.read("describe_instance_types", "learn the instance type", InstanceTypes=some)
            self._shapes.update((raw["InstanceType"], to_shape(raw)) for raw in answer["InstanceTypes"])

    def _learn_other_shapes(self, types: Iterable[str]) -> None:
        """Learn the shapes of what is shown; a machine of unknown shape is better than no listing."""
        try:
            self._learn_shapes(types)
        except CloudError:
            return

    def _groups(self) -> tuple[str, ...]:
        """Return the security groups to send, names turned into ids (once) where EC2 takes only ids."""
        groups = tuple(self.settings.security_groups or ())
        if not needs_group_ids(self.settings) or all(is_group_id(group) for group in groups):
            return groups
        if not self._group_ids:
            self._group_ids = resolve_groups(self.api, next(iter(self.settings.subnets), None), groups)
        return self._group_ids


def _literal(value: str) -> str:
    """Return a filter value that matches only itself: EC2 reads * and ? as wildcards."""
    return "".join(f"\\{letter}" if letter in "*?\\" else letter for letter in value)
