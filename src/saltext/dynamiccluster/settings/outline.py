"""What the checks between settings look at, read leniently: a fault elsewhere in a resource must not hide another here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from .cluster import CONFIGS as BATCH_SYSTEMS
from .general import Limits
from .kinds import read_prefix, read_text, read_whole
from .plugins import BUILT_IN, name_builtin
from .resource import CONFIGS as CLOUDS
from .section import is_empty

Value = TypeVar("Value")


@dataclass(frozen=True)
class ResourceOutline:
    """What of one resource could be read; "" or None: not given, or not readable."""

    name: str
    type: str
    account: tuple[str, ...]  # whose names must not clash
    prefix: str
    least: int
    priced: bool
    host_group: str


@dataclass(frozen=True)
class Outline:
    """What of the whole could be read. `plugins`: the built-in ones, name to class."""

    batch_system: str
    limits: Limits
    resources: tuple[ResourceOutline, ...]
    plugins: Mapping[str, str]


def outline(data: Mapping[str, Any]) -> Outline:
    """Read what the checks need from plain data, without a single complaint."""
    batch_system = _text(_below(data, "cluster").get("type"))
    general = _below(data, "dynamic-cluster")
    plugins = name_builtin(_below(data, "plugins"))
    classes = {name: BUILT_IN.get(_text(_below(plugins, name).get("class_name")), "") for name in plugins}
    return Outline(
        batch_system if batch_system in BATCH_SYSTEMS else "",
        Limits.try_read(general.get("limits")) or Limits(),
        tuple(_outline_resource(name, _below(_below(data, "cloud"), name)) for name in _below(data, "cloud")),
        {name: kind for name, kind in classes.items() if kind},
    )


def _outline_resource(name: str, data: Mapping[str, Any]) -> ResourceOutline:
    config = _below(data, "config")
    kind = _text(data.get("type"))
    who = ("endpoint_url", "access_key_id", "profile", "role_arn") if kind == "aws" else ("auth_url", "project", "application_credential_id")
    return ResourceOutline(
        name,
        kind if kind in CLOUDS else "",
        (kind, *(_text(config.get(key)) for key in who)),
        _try(lambda: read_prefix(read_text(config.get("instance_name_prefix"))), ""),
        _try(lambda: read_whole(_below(data, "quantity").get("min")), 0),
        not is_empty(data.get("price")),
        _text(_below(data, "reservation").get("account")),
    )


def _below(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return _try(lambda: read_text(value), "")


def _try(read: Callable[[], Value], default: Value) -> Value:
    try:
        return read()
    except ValueError:
        return default
