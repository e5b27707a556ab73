"""The pillar schema: defaults, validation that names every fault and its path, command templates.

`load(pillar["dynamiccluster"])` is the way in; `public(settings)` is what may be shown of them.
"""

from __future__ import annotations

from .aws import AwsSettings, Disk
from .checker import ConfigChecker
from .cluster import ClusterSettings
from .crosschecks import Machinery
from .general import General, HostnameCommand
from .load import load, read_admin_server
from .logs import LoggingSettings
from .openstack import OpenStackSettings
from .plugins import GraphiteSettings, PluginSettings
from .resource import Quantity, ResourceSettings
from .schema import Settings
from .sge import SgeSettings
from .shown import public
from .templates import Template, UnsafeValue
from .torque import TorqueSettings

__all__ = [
    "AwsSettings",
    "ClusterSettings",
    "ConfigChecker",
    "Disk",
    "General",
    "GraphiteSettings",
    "HostnameCommand",
    "LoggingSettings",
    "Machinery",
    "OpenStackSettings",
    "PluginSettings",
    "Quantity",
    "ResourceSettings",
    "Settings",
    "SgeSettings",
    "Template",
    "TorqueSettings",
    "UnsafeValue",
    "load",
    "public",
    "read_admin_server",
]
