"""The whole of what the pillar holds under `dynamiccluster`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from .cluster import ClusterSettings
from .general import General
from .kinds import Name, read_mapping
from .logs import LoggingSettings
from .plugins import PluginSettings, name_builtin
from .resource import ResourceSettings
from .section import Section


def _read_plugins(value: Any) -> dict[str, Any]:
    return name_builtin(read_mapping(value))


class Settings(Section):
    """All settings. Made by `load`; equal settings compare equal."""

    name: Name = "default"
    dynamic_cluster: General = Field(default=General(), alias="dynamic-cluster")
    cluster: ClusterSettings
    cloud: Annotated[dict[Name, ResourceSettings], BeforeValidator(read_mapping)] = {}
    plugins: Annotated[dict[Name, PluginSettings], BeforeValidator(_read_plugins)] = {}
    logging: LoggingSettings | None = None
