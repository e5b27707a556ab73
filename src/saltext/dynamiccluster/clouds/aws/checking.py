"""`validate` for a resource on EC2: credentials, rights, and each thing that the settings name. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ...model import LaunchOrder, Shape
from ...ports import Finding
from ...settings.aws import AwsSettings
from .. import userdata
from ..findings import check_user_data, probe
from . import fleet
from .api import Api, EC2Error
from .groups import resolve_groups
from .launching import Launcher
from .refusals import ADVICE
from .request import is_group_id


class Aws(Protocol):
    """What a check needs of the adapter."""

    name: str
    settings: AwsSettings
    api: Api
    launcher: Launcher

    def shape(self) -> Shape: ...

    def trial_order(self) -> LaunchOrder: ...


def check(aws: Aws) -> tuple[Finding, ...]:
    """Return one finding for each thing checked; only the first one when EC2 does not let us in."""
    access = _finding(aws, "access", lambda: _access(aws))
    user_data = check_user_data(aws.name, aws.settings.userdata_file, userdata.AWS_LIMIT, aws.settings.instance_name_prefix)
    if not access.ok:
        return (access, *user_data)
    settings = aws.settings
    wanted: tuple[tuple[str, Any, Callable[[], str]], ...] = (
        ("image_id", settings.image_id, lambda: _image(aws)),
        ("instance_types" if settings.instance_types else "instance_type", settings.types, lambda: _type(aws)),
        ("key_name", settings.key_name, lambda: _key(aws)),
        ("subnet_ids" if settings.subnet_ids else "subnet_id", settings.subnets, lambda: _subnets(aws)),
        ("availability_zone", settings.availability_zone, lambda: _zone(aws)),
        ("security_groups", settings.security_groups, lambda: _groups(aws)),
    )
    named = tuple(_finding(aws, f"{key} {_shown(value)}", probe) for key, value, probe in wanted if value)
    # A dry run of a request that names a missing thing would only say so a second time.
    launch = (_finding(aws, "right to launch", lambda: _dry_run(aws)),) if all(f.ok for f in named) else ()
    return (access, *named, *launch, *user_data)


def _finding(aws: Aws, what: str, look: Callable[[], str]) -> Finding:
    return probe(aws.name, what, look, ADVICE)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _access(aws: Aws) -> str:
    region = aws.settings.region_name
    filters = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    aws.api.read("describe_instances", "list machines", Filters=filters, MaxResults=5)
    return f"EC2 answers in {region or 'the default region'} and takes the keys"


def _image(aws: Aws) -> str:
    doing = "look up the image"
    images = aws.api.read("describe_images", doing, ImageIds=[aws.settings.image_id])["Images"]
    if not images:
        raise aws.api.refused(doing, f"EC2 shows no image {aws.settings.image_id}", "image_id")
    if images[0].get("State") != "available":
        raise aws.api.refused(doing, f"the image is {images[0].get('State')}, not available", "image_id")
    return str(images[0].get("Name") or "")


def _type(aws: Aws) -> str:
    shape = aws.shape()
    return f"{shape.cores} cores, {shape.memory_mb} MiB, {shape.gpus} GPUs"


def _key(aws: Aws) -> str:
    aws.api.read("describe_key_pairs", "look up the key", KeyNames=[aws.settings.key_name])
    return ""


def _subnets(aws: Aws) -> str:
    doing, zone, wanted = "look up the subnet", aws.settings.availability_zone, aws.settings.subnets
    found = {raw["SubnetId"]: raw for raw in aws.api.read("describe_subnets", doing, SubnetIds=list(wanted))["Subnets"]}
    for name in wanted:
        if name not in found:
            raise aws.api.refused(doing, f"EC2 shows no subnet {name}", "subnet_id")
        there = found[name].get("AvailabilityZone")
        if zone and there != zone:
            raise aws.api.refused(doing, f"{name} is in {there}, not in {zone}", "availability_zone")
    return "; ".join(f"{raw.get('AvailableIpAddressCount', 'unknown')} free addresses in {raw.get('AvailabilityZone')}" for raw in found.values())


def _zone(aws: Aws) -> str:
    doing, zone = "look up the zone", aws.settings.availability_zone
    zones = aws.api.read("describe_availability_zones", doing, ZoneNames=[zone])["AvailabilityZones"]
    if zone not in [raw["ZoneName"] for raw in zones]:
        raise aws.api.refused(doing, f"the region has no zone {zone!r}", "availability_zone")
    return ""


def _groups(aws: Aws) -> str:
    groups = tuple(aws.settings.security_groups)
    ids = [group for group in groups if is_group_id(group)]
    if ids:
        aws.api.read("describe_security_groups", "look up the security groups", GroupIds=ids)
    if len(ids) < len(groups):
        ids = list(resolve_groups(aws.api, next(iter(aws.settings.subnets), None), groups))
    return ", ".join(ids)


def _dry_run(aws: Aws) -> str:
    order = aws.trial_order()
    _try_dry(aws, "run_instances", aws.launcher.request(order))
    if fleet.needs_fleet(aws.settings):
        _try_dry(aws, "create_launch_template", {"LaunchTemplateName": "dynamiccluster-dry-run", "LaunchTemplateData": {}})
        _try_dry(aws, "create_fleet", aws.launcher.fleet_request(order))
    return "a dry run of the launch passes"


def _try_dry(aws: Aws, operation: str, request: dict[str, Any]) -> None:
    try:
        aws.api.read(operation, "launch (dry run)", **{**request, "DryRun": True})
    except EC2Error as error:
        # The launch template is only made at the first launch, so that a fleet's dry run may miss it.
        if error.code != "DryRunOperation" and not error.code.startswith("InvalidLaunchTemplateName"):
            raise
