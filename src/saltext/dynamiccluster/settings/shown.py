"""What of the settings may be shown (REST, `config`): an allow-list, so that a field is hidden until somebody decides otherwise."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from ..model import Reservation
from .aws import AwsSettings, Disk
from .checker import ConfigChecker, PluginChecker, PortChecker, SaltChecker
from .cluster import ClusterSettings
from .general import AdminServer, BatchWindow, General, HostnameCommand, Limits
from .logs import LoggingSettings
from .openstack import OpenStackSettings
from .plugins import GraphiteSettings, PluginSettings
from .resource import Quantity, ResourceSettings
from .schema import Settings
from .sge import COMMANDS as SGE_COMMANDS
from .sge import SgeSettings
from .standby import Standby
from .templates import Template
from .torque import COMMANDS as TORQUE_COMMANDS
from .torque import TorqueSettings

MASK = "********"
_ADDRESSES = frozenset({"auth_url", "endpoint_url", "sts_endpoint_url", "proxy"})  # shown without what may be credentials in them
_BATCH = "queue_to_monitor queued_job_number_to_display post_add_node_command post_remove_node_command".split()

_SHOWN: dict[type, frozenset[str]] = {
    kind: frozenset(names.split() if isinstance(names, str) else names)
    for kind, names in {
        Settings: "name dynamic_cluster cluster cloud plugins logging",
        General: "auto_mode admin_server config_checker max_idle_time max_down_time max_launch_time cluster_poller_interval"
        " cloud_poller_interval auto_provision_interval worker_number post_vm_provision_command post_vm_destroy_command"
        " hook_timeout batch_window minimum_node_life idle_boots idle_learns headroom surge destroy_down_nodes_with_jobs hostname limits standby",
        AdminServer: "address port tls_certificate tls_key anonymous_read without_tls hosts",  # paths of files, not what is in them
        ConfigChecker: "port salt plugin",
        PortChecker: "number",
        SaltChecker: "",
        PluginChecker: "name",
        BatchWindow: "quiet most",
        Limits: "max_nodes max_launches_per_hour max_cost_per_day",
        HostnameCommand: "command",
        Standby: "lease",
        ClusterSettings: "type config",
        SgeSettings: [*_BATCH, *SGE_COMMANDS, "host_group"],
        TorqueSettings: [*_BATCH, *TORQUE_COMMANDS, "restart_server_command"],
        ResourceSettings: "type reservation quantity priority price billing_unit billing_minimum config",
        Reservation: "queue account property",
        Quantity: "min max",
        AwsSettings: "region_name endpoint_url image_id instance_type instance_types key_name availability_zone subnet_id"
        " subnet_ids security_groups use_public_ip_address instance_name_prefix userdata_file iam_instance_profile disk_map"
        " spot_bid spot_timeout proxy proxy_port validate_certs profile role_arn sts_endpoint_url",
        Disk: "device size delete_on_termination",
        OpenStackSettings: "auth_url region_name username project project_id user_domain_name project_domain_name cacert interface image"
        " image_uuid flavor gpu_resources key_name security_groups networks availability_zone server_group instance_name_prefix"
        " userdata_file",
        PluginSettings: "class_name arguments",
        GraphiteSettings: "hostname port prefix interval",
        LoggingSettings: "log_level log_location log_format log_max_size",
    }.items()
}


def public(settings: Settings) -> dict[str, Any]:
    """Return the settings under their pillar keys, as plain JSON types, whatever may be a secret masked."""
    return _show_section(settings)


def _show_section(section: BaseModel) -> dict[str, Any]:
    kind = type(section)
    shown = _SHOWN.get(kind, frozenset())
    return {
        key: _show_field(name, getattr(section, name), name in shown)
        for key, name in zip(kind.names(), kind.model_fields, strict=True)  # type: ignore[attr-defined]
    }


def _show_field(name: str, value: Any, allowed: bool) -> Any:
    if value is None or not allowed:
        return _mask(value)
    if name in _ADDRESSES:
        return _strip_address(value)
    if name == "arguments" and isinstance(value, dict):
        return _mask(value)  # a site's own class: nobody knows what is secret in it
    return _show(value)


def _show(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _show_section(value)
    if isinstance(value, Reservation):
        return {name: getattr(value, name) for name in sorted(_SHOWN[Reservation])}
    if isinstance(value, dict):
        return {key: _show(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_show(item) for item in value]
    if isinstance(value, Template):
        return value.text
    return value if isinstance(value, (str, int, float)) else _mask(value)


def _mask(value: Any) -> Any:
    """Return what may be told of a hidden value: that it is set, and the names in a mapping."""
    if value is None or value == {} or value == ():
        return [] if value == () else value
    return {key: MASK for key in value} if isinstance(value, dict) else MASK


def _strip_address(value: str) -> str:
    """Return an address without user, password and query."""
    if "://" not in value:
        return value
    parts = urlsplit(value)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{MASK + '@' if '@' in parts.netloc else ''}{host}{parts.path}"
