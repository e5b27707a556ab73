"""`cloud: NAME: config:` for AWS (and what speaks its EC2 API)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from .kinds import (
    AtLeastOne,
    Flag,
    Path,
    Port,
    Positive,
    PositiveSeconds,
    Prefix,
    Secret,
    Tags,
    Text,
    Texts,
    Url,
    is_address,
    matching,
    read_host,
    read_list,
    read_mapping,
    read_url,
)
from .section import Section, Wrong

_OURS = ("name", "dynamiccluster:")  # tags that we write ourselves
_SPOT_TIMEOUT = 600.0
_MOST_TAGS = 46  # 50 are allowed, 4 are ours
InstanceType = Annotated[
    Text,
    AfterValidator(
        matching(r"[a-z0-9][a-z0-9-]*\.[a-z0-9][a-z0-9-]*", "not an instance type", "for example c5.2xlarge")
    ),
]
_Subnet = Annotated[Text, AfterValidator(matching(r"subnet-[0-9A-Za-z]+", "not a subnet's id", "it begins with subnet-"))]
_Image = Annotated[Text, AfterValidator(matching(r"ami-[0-9A-Za-z]+", "not an image's id", "it begins with ami-"))]
_Role = Annotated[
    Text, AfterValidator(matching(r"arn:[a-z0-9-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+", "not a role's ARN", "it begins with arn:aws:iam::"))
]
_Region = Annotated[Text, AfterValidator(matching(r"[a-z0-9-]+", "not a region", "for example ap-southeast-2"))]
_Device = Annotated[
    Text, AfterValidator(matching(r"(?:/dev/)?[a-z][a-z0-9/]*", "not a device's name", "for example /dev/sdb"))
]


class Disk(Section):
    """One volume of `disk_map`; `size` in GiB."""

    device: _Device
    size: AtLeastOne
    delete_on_termination: Flag = True


class AwsSettings(Section):
    """One account, region and kind of instance. Without keys boto3 looks for credentials in its own places."""

    access_key_id: Text | None = Field(default=None, repr=False)
    secret_access_key: Secret | None = Field(default=None, validate_default=True)
    session_token: Secret | None = None
    profile: Text | None = None
    role_arn: _Role | None = None
    role_external_id: Text | None = Field(default=None, repr=False)
    sts_endpoint_url: Url | None = Field(default=None, repr=False)
    region_name: _Region
    endpoint_url: Url | None = Field(default=None, repr=False)
    image_id: _Image
    instance_type: InstanceType | None = None
    instance_types: Annotated[tuple[InstanceType, ...], BeforeValidator(read_list)] = Field(
        default=(), validate_default=True
    )
    key_name: Text | None = None
    availability_zone: Text | None = None
    subnet_id: _Subnet | None = None
    subnet_ids: Annotated[tuple[_Subnet, ...], BeforeValidator(read_list)] = ()
    security_groups: Texts = ()
    use_public_ip_address: Flag | None = None
    instance_name_prefix: Prefix
    userdata_file: Path | None = None
    iam_instance_profile: Text | None = None
    disk_map: Annotated[dict[str, Disk], BeforeValidator(read_mapping)] = {}
    tags: Tags = {}
    spot_bid: Positive | None = None
    spot_timeout: PositiveSeconds | None = None
    proxy: Text | None = Field(default=None, repr=False)
    proxy_port: Port | None = None
    validate_certs: Flag = True

    @property
    def types(self) -> tuple[str, ...]:
        """Return the instance types, the preferred one first."""
        return self.instance_types or ((self.instance_type,) if self.instance_type else ())

    @property
    def subnets(self) -> tuple[str, ...]:
        """Return the subnets' ids, the preferred one first."""
        return self.subnet_ids or ((self.subnet_id,) if self.subnet_id else ())

    @property
    def is_spot(self) -> bool:
        """Return whether machines are asked for at the spot price, never above the bid."""
        return self.spot_bid is not None

    @property
    def spot_patience(self) -> float:
        """Return how long spot machines are tried for before the demand goes elsewhere, in seconds; 0 without spot."""
        return (self.spot_timeout or _SPOT_TIMEOUT) if self.is_spot else 0.0

    @property
    def account(self) -> tuple[str, ...]:
        """Return what tells accounts apart: resources with equal ones share Amazon's limit of requests."""
        who = (self.access_key_id, self.profile, self.role_arn)
        return ("aws", self.region_name, self.endpoint_url or "", *(text or "" for text in who))

    @property
    def proxy_url(self) -> str | None:
        """Return the proxy's address, None without one."""
        if self.proxy is None or "://" in self.proxy:
            return self.proxy
        host = f"[{self.proxy}]" if ":" in self.proxy else self.proxy
        return f"http://{host}:{self.proxy_port or 3128}"

    @field_validator("secret_access_key")
    @classmethod
    def _check_keys(cls, value: Any, info: ValidationInfo) -> Any:
        if "access_key_id" in info.data and (value is None) != (info.data["access_key_id"] is None):
            raise Wrong("access_key_id and secret_access_key belong together", "give both, or neither")
        return value

    @field_validator("session_token")
    @classmethod
    def _check_session(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and info.data.get("access_key_id", "") is None:
            raise Wrong("session_token without keys", "give access_key_id and secret_access_key with it, or use profile or role_arn")
        return value

    @field_validator("profile")
    @classmethod
    def _check_profile(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("access_key_id"):
            raise Wrong("profile and access_key_id are both given", "give the keys, or the profile that holds them")
        return value

    @field_validator("role_external_id", "sts_endpoint_url")
    @classmethod
    def _check_role(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("role_arn", "") is None:
            raise Wrong(f"{info.field_name} without role_arn", f"give role_arn, or remove {info.field_name}")
        return value

    @field_validator("instance_types")
    @classmethod
    def _check_types(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if "instance_type" in info.data and bool(value) == bool(info.data["instance_type"]):
            raise Wrong("exactly one of instance_type and instance_types is needed", "for several, list all in instance_types")
        return value

    @field_validator("subnet_ids")
    @classmethod
    def _check_subnets(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if value and info.data.get("subnet_id"):
            raise Wrong("subnet_id and subnet_ids are both given", "list all in subnet_ids")
        return value

    @field_validator("security_groups")
    @classmethod
    def _check_groups(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        named = [group for group in value if not group.startswith("sg-")]
        if named and (info.data.get("subnet_id") or info.data.get("subnet_ids")):
            raise Wrong(f"{named[0][:80]!r} is a name", "in a subnet, security groups are given by id (sg-...)")
        return value

    @field_validator("disk_map")
    @classmethod
    def _check_devices(cls, value: dict[str, Disk]) -> dict[str, Disk]:
        read_list([disk.device for disk in value.values()])
        return value

    @field_validator("tags")
    @classmethod
    def _check_tags(cls, value: dict[str, str]) -> dict[str, str]:
        for key, text in value.items():
            if key.lower().startswith("aws:") or key.lower() == _OURS[0] or key.lower().startswith(_OURS[1]):
                raise Wrong(f"the tag {key[:80]!r} is not yours to set", "Name, dynamiccluster:... and aws:... are taken")
            if not 1 <= len(key) <= 128 or len(text) > 256:
                raise Wrong(f"the tag {key[:80]!r} is too long", "128 characters at most, and 256 for its value")
        if len(value) > _MOST_TAGS:
            raise Wrong("too many tags", f"{_MOST_TAGS} at most")
        return value

    @field_validator("spot_timeout")
    @classmethod
    def _check_spot(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is not None and info.data.get("spot_bid", value) is None:
            raise Wrong("spot_timeout without spot_bid", "give spot_bid, or remove spot_timeout")
        return value

    @field_validator("proxy")
    @classmethod
    def _check_proxy(cls, value: str | None) -> str | None:
        if value is None or is_address(value):
            return value
        return read_url(value) if "://" in value else read_host(value)

    @field_validator("proxy_port")
    @classmethod
    def _check_proxy_port(cls, value: int | None, info: ValidationInfo) -> int | None:
        proxy = info.data.get("proxy", "")
        if value is not None and proxy is None:
            raise Wrong("proxy_port without proxy", "give proxy, or remove proxy_port")
        if value is not None and "://" in proxy:
            raise Wrong("proxy is a whole address, so that proxy_port is not used", "put the port into proxy")
        return value
