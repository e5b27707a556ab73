"""A launch order becomes one call: RunInstances where there is nothing to choose, else CreateFleet."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ...errors import CloudError, Refusal
from ...model import BatchOrder, Instance, LaunchOrder, Shape
from ...settings.aws import AwsSettings
from . import fleet
from .api import Api, EC2Error
from .reading import to_instance
from .refusals import classify, soonest_mended
from .request import batch_request, launch_request

log = logging.getLogger(__name__)

_TEMPLATE_EXISTS = "InvalidLaunchTemplateName.AlreadyExistsException"
_TEMPLATE_GONE = frozenset({"InvalidLaunchTemplateName.NotFoundException", "InvalidLaunchTemplateId.NotFound"})
_UNUSED_AFTER = 3600.0  # seconds: a template of other settings may still be named by a call under way
_NONE_HERE = frozenset({"Unsupported", "UnsupportedOperation"})  # this type is not to be had in this zone, ever


class Launcher:
    """Launches the machines of one resource. `groups` returns the security groups to send, `shape_of` a type's shape."""

    def __init__(
        self,
        api: Api,
        cluster: str,
        resource: str,
        settings: AwsSettings,
        groups: Callable[[], tuple[str, ...]],
        shape_of: Callable[[str], Shape | None],
    ):
        self._api, self._cluster, self._resource, self._settings = api, cluster, resource, settings
        self._groups, self._shape_of = groups, shape_of
        self._template = ""
        self._lock = threading.Lock()

    def launch(self, order: LaunchOrder) -> Instance:
        """Launch one machine. Raises CloudError; a fleet's names the offerings that had none."""
        if not fleet.needs_fleet(self._settings):
            answer = self._api.change("run_instances", f"launch {order.name}", **self.request(order))
            return to_instance(answer["Instances"][0], self._shape_of)
        return self._launch_fleet(order)[0]

    def launch_many(self, order: BatchOrder) -> tuple[Instance, ...]:
        """Launch as many machines of the order as there are, at least one. Raises CloudError, as `launch`."""
        if fleet.needs_fleet(self._settings):
            return self._launch_fleet(order)
        request = batch_request(self._cluster, self._resource, self._settings, order, self._groups())
        answer = self._api.change("run_instances", _doing(order), **request)
        return tuple(to_instance(raw, self._shape_of) for raw in answer["Instances"])

    def request(self, order: LaunchOrder) -> dict[str, Any]:
        """Return the arguments of RunInstances for one machine of the preferred type in the preferred place."""
        return launch_request(self._cluster, self._resource, self._settings, order, self._groups())

    def fleet_request(self, order: LaunchOrder | BatchOrder) -> dict[str, Any]:
        """Return the arguments of CreateFleet, with the template's name whether it exists or not."""
        whose, template = (self._cluster, self._resource, self._settings), self._name_template()[0]
        if isinstance(order, BatchOrder):
            return fleet.batch_fleet_request(*whose, order, template)
        return fleet.fleet_request(*whose, order, template)

    # -- inside -------------------------------------------------------------------------------------------------

    def _launch_fleet(self, order: LaunchOrder | BatchOrder) -> tuple[Instance, ...]:
        try:
            return self._create_fleet(order)
        except EC2Error as error:
            if error.code not in _TEMPLATE_GONE:
                raise
        self._template = ""  # somebody deleted it; nothing was launched
        return self._create_fleet(order)

    def _create_fleet(self, order: LaunchOrder | BatchOrder) -> tuple[Instance, ...]:
        doing = _doing(order)
        self._ensure_template()
        answer = self._api.change("create_fleet", doing, **self.fleet_request(order))
        failures, prefix = fleet.failures(answer), self._settings.instance_name_prefix
        instances = fleet.launched(answer, order, self._resource, prefix, self._shape_of)
        if not instances:
            raise self._refused(doing, failures)
        return tuple(replace(instance, refused=_offerings(failures)) for instance in instances)

    def _refused(self, doing: str, failures: tuple[fleet.Failure, ...]) -> EC2Error:
        if not failures:
            # The same token would be answered like this again and again; nothing is known of a machine either.
            text = f"resource {self._resource}: could not {doing}: EC2 answered with neither a machine nor an error"
            return EC2Error(text, Refusal.FAILED, certain=False)
        meanings = {failure: classify(failure.code, 400, failure.message) for failure in failures}
        meaning = soonest_mended(meanings.values())
        first = next(failure for failure in failures if meanings[failure] == meaning)
        return self._api.failed(doing, _describe(failures), meaning, first.code, _offerings(failures))

    def _ensure_template(self) -> None:
        """See to it that the launch template of these settings exists; it is made once and serves all launches."""
        with self._lock:
            name, data = self._name_template()
            if self._template == name:
                return
            try:
                request = fleet.template_request(self._cluster, self._resource, name, data)
                self._api.change("create_launch_template", "make the launch template", **request)
            except EC2Error as error:
                if error.code != _TEMPLATE_EXISTS:
                    raise
            self._template = name
        self._remove_old_templates(name)

    def _name_template(self) -> tuple[str, Mapping[str, Any]]:
        data = fleet.template_data(self._cluster, self._resource, self._settings, self._groups())
        return fleet.template_name(self._cluster, self._resource, data), data

    def _remove_old_templates(self, current: str) -> None:
        """Delete the templates of earlier settings. One that stays costs nothing, so that a failure is only noted."""
        try:
            for raw in self._own_templates():
                old = raw["LaunchTemplateName"] != current and time.time() - raw["CreateTime"].timestamp() > _UNUSED_AFTER
                if old:
                    self._api.change("delete_launch_template", "delete an old launch template", LaunchTemplateId=raw["LaunchTemplateId"])
        except CloudError as error:
            log.info("%s", error)

    def _own_templates(self) -> list[Mapping[str, Any]]:
        filters = fleet.template_filters(self._cluster, self._resource)
        pages = self._api.pages("describe_launch_templates", "list the launch templates", Filters=filters)
        found = [raw for page in pages for raw in page.get("LaunchTemplates") or ()]
        return [raw for raw in found if fleet.is_own_template(raw, self._cluster, self._resource)]


def _doing(order: LaunchOrder | BatchOrder) -> str:
    return f"launch {order.name}" if isinstance(order, LaunchOrder) else f"launch {order.count} machines"


def _offerings(failures: tuple[fleet.Failure, ...]) -> tuple[str, ...]:
    """Return the offerings that had no machine, or never have; a quota or a wrong setting is no offering's fault."""
    lacking = [
        failure.offering
        for failure in failures
        if failure.code in _NONE_HERE or classify(failure.code, 400, failure.message).kind is Refusal.NO_CAPACITY
    ]
    return tuple(dict.fromkeys(lacking))


def _describe(failures: tuple[fleet.Failure, ...]) -> str:
    """Return in one line what AWS said, each code once."""
    by_code: dict[str, list[fleet.Failure]] = {}
    for failure in failures:
        by_code.setdefault(failure.code, []).append(failure)
    told = [f"{code}: {found[0].message} [{', '.join(dict.fromkeys(one.offering for one in found))}]" for code, found in by_code.items()]
    return f"EC2 answered {'; '.join(told)}"
