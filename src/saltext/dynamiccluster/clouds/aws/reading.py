"""What EC2's answers say, as our own types. Pure functions; a field that is missing is empty, never an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...model import Instance, InstanceState, Shape
from ..ownership import INTENT, RESOURCE, name_of

# A stopped machine runs nothing, is still billed for its disks and is never started again by us: an error, which ends it.
_STATES: dict[str, InstanceState] = {
    "pending": InstanceState.STARTING,
    "running": InstanceState.ACTIVE,
    "shutting-down": InstanceState.DELETING,
    "terminated": InstanceState.INEXISTENT,
    "stopping": InstanceState.ERROR,
    "stopped": InstanceState.ERROR,
}


def tags_of(raw: Mapping[str, Any]) -> dict[str, str]:
    """Return an item's tags as a mapping."""
    return {tag["Key"]: tag.get("Value", "") for tag in raw.get("Tags") or ()}


def to_instance(raw: Mapping[str, Any], shape_of: Callable[[str], Shape | None]) -> Instance:
    """Read one item of DescribeInstances or RunInstances. `resource` is "" for a machine without our tags."""
    tags = tags_of(raw)
    placement = raw.get("Placement") or {}
    launched = raw.get("LaunchTime")
    flavor = raw.get("InstanceType") or ""
    return Instance(
        id=raw["InstanceId"],
        name=name_of(tags, raw["InstanceId"]),
        resource=tags.get(RESOURCE, ""),
        state=_STATES.get(_state_word(raw), InstanceState.UNKNOWN),
        intent=tags.get(INTENT, ""),
        address=raw.get("PrivateIpAddress") or "",
        public_address=raw.get("PublicIpAddress") or "",
        private_dns=raw.get("PrivateDnsName") or "",
        public_dns=raw.get("PublicDnsName") or "",
        created=launched.timestamp() if launched else 0.0,
        shape=shape_of(flavor),
        flavor=flavor,
        image=raw.get("ImageId") or "",
        key_name=raw.get("KeyName") or "",
        security_groups=tuple(group.get("GroupName") or group["GroupId"] for group in raw.get("SecurityGroups") or ()),
        zone=placement.get("AvailabilityZone") or "",
        subnet=raw.get("SubnetId") or "",
        market="spot" if raw.get("InstanceLifecycle") == "spot" else "on-demand",
        detail=_detail(raw),
        stopped=_state_word(raw) == "stopped",
    )


def to_shape(raw: Mapping[str, Any]) -> Shape:
    """Read one item of DescribeInstanceTypes: vCPUs, MiB of memory, GPUs."""
    gpus = (raw.get("GpuInfo") or {}).get("Gpus") or ()
    return Shape(
        cores=int(raw["VCpuInfo"]["DefaultVCpus"]),
        memory_mb=int((raw.get("MemoryInfo") or {}).get("SizeInMiB") or 0),
        gpus=sum(int(gpu.get("Count") or 0) for gpu in gpus),
    )


def _state_word(raw: Mapping[str, Any]) -> str:
    return str((raw.get("State") or {}).get("Name") or "")


def _detail(raw: Mapping[str, Any]) -> str:
    """Return EC2's word for the state and why it came to it, as `stopped (Server.SpotInstanceShutdown: ...)`."""
    reason = (raw.get("StateReason") or {}).get("Message") or raw.get("StateTransitionReason") or ""
    word = _state_word(raw)
    return f"{word} ({reason})" if reason else word
