"""Which class serves which type: from the settings to the adapters."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any

from ..checks.custom import CustomCheck
from ..checks.port import PortCheck
from ..clouds.userdata import AWS_LIMIT, OPENSTACK_LIMIT, PREFIX, Limit, names_itself, prepare, prepare_shared
from ..errors import ConfigurationError, Fault
from ..model import NodeRecord
from ..ports import BatchSystem, Check, Cloud
from ..settings import ResourceSettings, Settings
from ..settings.crosschecks import Machinery
from ..settings.secrets import secret_texts as secret_texts


def _make_gridengine(settings: Settings) -> BatchSystem:
    from ..batch.gridengine import GridEngine

    return GridEngine(settings.cluster.config, (resource.reservation for resource in settings.cloud.values()))


def _make_torque(settings: Settings) -> BatchSystem:
    from ..batch.torque import Torque

    return Torque(settings.cluster.config, (resource.reservation for resource in settings.cloud.values()))


def _make_aws(name: str, settings: Settings) -> Cloud:
    from ..clouds.aws.adapter import Aws

    return Aws(name, settings.name, settings.cloud[name].config)


def _make_openstack(name: str, settings: Settings) -> Cloud:
    from ..clouds.openstack.adapter import OpenStack

    return OpenStack(name, settings.name, settings.cloud[name].config)


_BATCH: Mapping[str, Callable[[Settings], BatchSystem]] = {"sge": _make_gridengine, "torque": _make_torque}
_CLOUDS: Mapping[str, Callable[[str, Settings], Cloud]] = {"aws": _make_aws, "openstack": _make_openstack}
_USER_DATA: Mapping[str, Limit] = {"aws": AWS_LIMIT, "openstack": OPENSTACK_LIMIT}

MACHINERY = Machinery(batch_systems=frozenset(_BATCH), clouds=frozenset(_CLOUDS), reporters=frozenset({"graphite"}))


def make_batch(settings: Settings) -> BatchSystem:
    """Return the adapter of the batch system. Raises ConfigurationError for a type that this version cannot drive."""
    kind = settings.cluster.type
    if kind not in _BATCH:
        raise _without_machinery("dynamiccluster:cluster:type", kind, _BATCH)
    return _BATCH[kind](settings)


def make_cloud(name: str, settings: Settings) -> Cloud:
    """Return the adapter of one resource. Raises ConfigurationError for a type that this version cannot drive."""
    resource: ResourceSettings = settings.cloud[name]
    if resource.type not in _CLOUDS:
        raise _without_machinery(f"dynamiccluster:cloud:{name}:type", resource.type, _CLOUDS)
    try:
        return _CLOUDS[resource.type](name, settings)
    except ImportError as error:
        hint = f"salt-pip install 'saltext.dynamiccluster[{resource.type}]', then restart the salt-master"
        raise ConfigurationError((Fault(f"dynamiccluster:cloud:{name}:type", f"{error}", hint),)) from error


def make_clouds(settings: Settings) -> dict[str, Cloud]:
    """Return the adapters of all resources; raises one ConfigurationError with the faults of all of them."""
    clouds, faults = {}, []
    for name in settings.cloud:
        try:
            clouds[name] = make_cloud(name, settings)
        except ConfigurationError as error:
            faults.extend(error.faults)
    if faults:
        raise ConfigurationError(tuple(faults))
    return clouds


def make_check(settings: Settings, highstate: Check) -> Check:
    """Return what tells that a node is configured."""
    checker = settings.dynamic_cluster.config_checker
    if checker.port is not None:
        return PortCheck(checker.port.number)
    if checker.plugin is not None:
        return CustomCheck(checker.plugin.name, checker.plugin.arguments)
    return highstate


class Render:
    """Renders user-data for the nodes of these settings (control.parts.Render). Raises ConfigurationError that names the `userdata_file`."""

    def __init__(self, settings: Settings, master: str):
        self._settings, self._master = settings, master

    def __call__(self, record: NodeRecord, token: str) -> str:
        """Return the user-data of a node that is launched alone."""
        variables = {**self._common(record), **_of_one(record, token)}
        return prepare(self._file(record.resource), variables, limit=self._limit(record), resource=record.resource)

    def shared(self, record: NodeRecord, token: str) -> str:
        """Return the user-data that a node shares with all others of its launch; each machine names itself."""
        variables = {**self._common(record), "token": token, PREFIX: self._settings.cloud[record.resource].config.instance_name_prefix}
        return prepare_shared(self._file(record.resource) or "", variables, limit=self._limit(record), resource=record.resource)

    def names_itself(self, resource: str) -> bool:
        """Tell whether the machines with the resource's template name themselves."""
        return names_itself(self._file(resource))

    def _file(self, resource: str) -> str | None:
        file: str | None = self._settings.cloud[resource].config.userdata_file
        return file

    def _limit(self, record: NodeRecord) -> Limit:
        return _USER_DATA[self._settings.cloud[record.resource].type]

    def _common(self, record: NodeRecord) -> dict[str, str]:
        return {"master": self._master, "resource": record.resource, "cluster": self._settings.name}


def _of_one(record: NodeRecord, token: str) -> dict[str, str]:
    return {"instance_name": record.name, "minion_id": record.name, "hostname": record.hostname or record.name, "token": token}


def make_render(settings: Settings, master: str) -> Render:
    """Return what renders user-data."""
    return Render(settings, master)


def master_address(opts: Mapping[str, Any], given: str | None = None) -> str:
    """Return the name under which worker nodes reach this master: as given, else its interface, else its host name."""
    interface = str(opts.get("interface") or "")
    return given or (interface if interface not in ("", "0.0.0.0", "::") else socket.getfqdn())


def _without_machinery(path: str, kind: str, known: Mapping[str, Any]) -> ConfigurationError:
    problem = f"{kind!r} is known, but this version has no machinery for it"
    return ConfigurationError((Fault(path, problem, f"use one of: {', '.join(sorted(known))}"),))
