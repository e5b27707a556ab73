"""The section `dynamic-cluster`: how the engine works, whatever the batch system and the cloud."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, ValidationInfo, field_validator

from .batch import Command
from .checker import SALT, ConfigChecker
from .durations import parse_duration
from .kinds import AtLeastOne, Flag, HostName, Number, Path, Port, Positive, PositiveSeconds, Seconds, Whole, between, read_list
from .section import Section, Wrong, is_empty
from .slots import HOOK, HOSTNAME
from .standby import Standby
from .templates import Template


_MOST = 10.0  # seconds that demand may be kept waiting for quiet
_HOSTNAMES = ("instance_name", "private_dns", "dns")
Boots = Annotated[Number, AfterValidator(between(0, 100))]
Share = Annotated[Number, AfterValidator(between(0, 1))]
Surge = Annotated[Number, AfterValidator(between(0, 10))]
Workers = Annotated[Whole, AfterValidator(between(1, 64))]


class AdminServer(Section):
    """Where the REST API and the dashboard are served."""

    address: HostName = "127.0.0.1"
    port: Port = 8001
    tls_certificate: Path | None = None
    tls_key: Path | None = Field(default=None, validate_default=True)
    anonymous_read: Flag = False
    without_tls: Flag = False
    hosts: Annotated[tuple[HostName, ...], BeforeValidator(read_list)] = ()

    @field_validator("tls_key")
    @classmethod
    def _check_pair(cls, value: str | None, info: ValidationInfo) -> str | None:
        if "tls_certificate" in info.data and bool(value) != bool(info.data["tls_certificate"]):
            raise Wrong("tls_certificate and tls_key belong together", "give both, or neither")
        return value


class Limits(Section):
    """What is never exceeded, over all resources. None: no limit."""

    max_nodes: AtLeastOne | None = None
    max_launches_per_hour: AtLeastOne | None = None
    max_cost_per_day: Positive | None = None


class BatchWindow(Section):
    """How long demand must be quiet before a decision to grow, and how long it may keep it waiting at most (seconds)."""

    quiet: Seconds = 1.0
    most: Seconds = _MOST

    @classmethod
    def _expand(cls, data: Any) -> Any:
        if isinstance(data, (int, float, str)) and not is_empty(data):
            data = {"quiet": data}
        if isinstance(data, dict) and is_empty(data.get("most")):
            return data | {"most": max(_MOST, _seconds(data.get("quiet")))}
        return data

    @field_validator("most")
    @classmethod
    def _check_order(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("quiet", 0.0):
            raise Wrong("most is less than quiet", "give most at least the value of quiet")
        return value


def _seconds(value: Any) -> float:
    """Return a duration, 0 for one that has a fault of its own."""
    try:
        return parse_duration(value)
    except Wrong:
        return 0.0


class HostnameCommand(Section):
    """A command that prints a worker's host name."""

    command: Command

    @field_validator("command", mode="wrap")
    @classmethod
    def _read_command(cls, value: Any, _inner: Any) -> Template:
        return HOSTNAME.read(value)


class General(Section):
    """The section itself. Durations are seconds."""

    auto_mode: Flag = True
    admin_server: AdminServer = Field(default=AdminServer(), alias="admin-server")
    config_checker: ConfigChecker = Field(default=SALT, alias="config-checker")
    max_idle_time: Seconds = 600.0
    max_down_time: PositiveSeconds = 480.0
    max_launch_time: PositiveSeconds = 1200.0
    cluster_poller_interval: PositiveSeconds = 10.0
    cloud_poller_interval: PositiveSeconds = 20.0
    auto_provision_interval: PositiveSeconds = 60.0
    worker_number: Workers = Field(
        default=2,
        validation_alias=AliasChoices("worker_number", "worker_process_number", "worker_thread_number"),
    )
    post_vm_provision_command: Command | None = None
    post_vm_destroy_command: Command | None = None
    hook_timeout: PositiveSeconds = 60.0
    batch_window: BatchWindow = BatchWindow()
    minimum_node_life: Seconds = 0.0
    idle_boots: Boots = 0.0
    idle_learns: Flag = False
    headroom: Share = 0.0
    surge: Surge = 3.0
    destroy_down_nodes_with_jobs: Flag = False
    hostname: Literal["instance_name", "private_dns", "dns"] | HostnameCommand = "instance_name"
    limits: Limits = Limits()
    standby: Standby | None = None

    @field_validator("post_vm_provision_command", "post_vm_destroy_command", mode="wrap")
    @classmethod
    def _read_hook(cls, value: Any, _inner: Any) -> Template:
        return HOOK.read(value)

    @field_validator("hostname", mode="wrap")
    @classmethod
    def _read_hostname(cls, value: Any, _inner: Any) -> str | HostnameCommand:
        if isinstance(value, dict):
            return HostnameCommand.model_validate(value)
        if isinstance(value, str) and value.strip() in _HOSTNAMES:
            return value.strip()
        raise Wrong("this way of knowing host names is not known", f"one of {', '.join(_HOSTNAMES)}, or {{command: ...}}")
