"""Where a resource's machines are. While it has some, it must not move: the new place would call them gone, and they would run on, unseen."""

from __future__ import annotations

import hashlib
import re
from base64 import b32decode
from collections.abc import Mapping

from ..errors import ConfigurationError, Fault
from ..policy.memory import Memory
from ..settings import ResourceSettings, Settings

NOTE = "places"  # the ledger's: {resource: {setting: fingerprint}}
_FIELDS = ("region_name", "endpoint_url", "access_key_id", "auth_url", "project", "project_domain_name", "application_credential_id", "project_id")
# What only leads to a project: it may change when the project's own id, given before and after, does not.
_WAYS_IN = frozenset({"project", "project_domain_name", "application_credential_id"})
_TELLING_KEY = re.compile(r"A[KS]IA(?![IJ])[A-Z2-7]{16}")  # the older ones (AKIAI, AKIAJ) do not hold the account

Places = Mapping[str, Mapping[str, str]]


def check_places(settings: Settings, memory: Memory, known: Places) -> None:
    """Raise ConfigurationError, with one fault for each changed setting, when a resource that has machines would move."""
    # Only machines that were seen count: a launch that never got an answer must not keep its wrong address from being corrected.
    inhabited = {record.resource for record in memory.nodes.values() if record.instance_id and not record.gone}
    faults = [
        _fault(name, setting)
        for name, resource in settings.cloud.items()
        if name in inhabited and name in known
        for setting in _differences(known[name], find_place(resource))
    ]
    if faults:
        raise ConfigurationError(tuple(faults))


def note_places(settings: Settings, memory: Memory, known: Places) -> dict[str, Mapping[str, str]]:
    """Return what to remember: the places of these settings' resources, and of those that left the settings before their machines."""
    left = {record.resource for record in memory.nodes.values()} - settings.cloud.keys()
    kept = {name: place for name, place in known.items() if name in left}
    return {**kept, **{name: find_place(resource) for name, resource in settings.cloud.items()}}


def find_place(resource: ResourceSettings) -> dict[str, str]:
    """Return {setting: fingerprint} of what says in which cloud, region and account a resource's machines are. Nothing in it is secret."""
    values = {setting: str(getattr(resource.config, setting, None) or "") for setting in _FIELDS}
    values["access_key_id"] = _aws_account(resource.config)
    return {"type": _digest(resource.type), **{setting: _digest(value) for setting, value in values.items()}}


def _aws_account(config: object) -> str:
    """Return what tells the account on AWS: the role's own, whoever takes it on; else the key's, or the profile that holds one."""
    role, key, profile = (str(getattr(config, name, None) or "") for name in ("role_arn", "access_key_id", "profile"))
    if role:
        return str(int(role.split(":")[4]))
    return _account_of(key) if key else profile


def _account_of(key: str) -> str:
    """Return the account that an AWS key's id holds, else the id itself: a new key of the same account is no move."""
    if not _TELLING_KEY.fullmatch(key):
        return key
    return str(int.from_bytes(b32decode(key[4:])[:6]) >> 7 & (1 << 40) - 1)


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    if before.get("type") != now["type"]:
        return ["type"]  # whatever else differs follows from it
    project, then = now.get("project_id"), before.get("project_id")
    told = {"project_id"} if not (project and then) else (_WAYS_IN if project == then else frozenset())
    return [setting for setting, value in now.items() if before.get(setting, value) != value and setting not in told]


def _fault(resource: str, setting: str) -> Fault:
    path = f"dynamiccluster:cloud:{resource}:" + (setting if setting == "type" else f"config:{setting}")
    hint = f"put the old value back and drain it first: salt-run dynamiccluster.drain {resource}; change it when its machines are gone"
    return Fault(path, f"resource {resource!r} has machines elsewhere; in the new place they would not be found", hint)


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:16] if value else ""
