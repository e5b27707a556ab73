"""`cloud: NAME: config:` for OpenStack."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from .kinds import Path, Prefix, Secret, Tags, Text, Texts, Url, matching
from .section import Section, Wrong

_Uuid = Annotated[
    Text,
    AfterValidator(
        matching(
            r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}", "not a UUID", "`openstack image list` shows it"
        )
    ),
]
_ProjectId = Annotated[
    Text, AfterValidator(matching(r"[0-9a-fA-F-]{32,36}", "not a project's id", "`openstack project list` shows it"))
]
_Interface = Annotated[
    Text, AfterValidator(matching(r"public|internal|admin", "not a kind of endpoint", "public, internal or admin"))
]
_LONGEST = 255  # characters of a metadata key or value


class OpenStackSettings(Section):
    """One project and kind of server. Signs in with a user's password, or with an application credential."""

    auth_url: Url = Field(repr=False)
    region_name: Text | None = None
    application_credential_id: Text | None = None
    application_credential_secret: Secret | None = Field(default=None, validate_default=True)
    username: Text | None = Field(default=None, validate_default=True)
    password: Secret | None = Field(default=None, validate_default=True)
    project: Text | None = Field(default=None, validate_default=True)
    project_id: _ProjectId | None = None
    user_domain_name: Text = "Default"
    project_domain_name: Text = "Default"
    cacert: Path | None = None
    interface: _Interface = "public"
    image: Text | None = None
    image_uuid: _Uuid | None = Field(default=None, validate_default=True)
    flavor: Text
    gpu_resources: Texts = ()
    key_name: Text | None = None
    security_groups: Texts = ()
    networks: Texts = ()
    availability_zone: Text | None = None
    server_group: Text | None = None
    instance_name_prefix: Prefix
    userdata_file: Path | None = None
    metadata: Tags = {}

    @property
    def account(self) -> tuple[str, ...]:
        """Return what tells projects apart: resources with equal ones share the cloud's quota and its limit of requests."""
        who = (self.application_credential_id, self.project, self.project_domain_name)
        return ("openstack", self.auth_url, self.region_name or "", *(text or "" for text in who))

    @field_validator("application_credential_secret")
    @classmethod
    def _check_credential(cls, value: Any, info: ValidationInfo) -> Any:
        named = "application_credential_id"
        if named in info.data and (value is None) != (info.data[named] is None):
            raise Wrong(f"{named} and application_credential_secret belong together", "give both, or neither")
        return value

    @field_validator("username", "password", "project")
    @classmethod
    def _check_sign_in(cls, value: Any, info: ValidationInfo) -> Any:
        if "application_credential_id" not in info.data or "application_credential_secret" not in info.data:
            return value  # the fault is there
        if info.data["application_credential_id"] is None and value is None:
            raise Wrong("missing", "give username, password and project, or an application credential")
        if info.data["application_credential_id"] is not None and value is not None:
            raise Wrong("not used with an application credential", "remove it, or the application credential")
        return value

    @field_validator("image_uuid")
    @classmethod
    def _check_image(cls, value: Any, info: ValidationInfo) -> Any:
        if "image" in info.data and (value is None) == (info.data["image"] is None):
            raise Wrong("exactly one of image_uuid and image is needed", "image_uuid for an id, image for a name")
        return value

    @field_validator("metadata")
    @classmethod
    def _check_metadata(cls, value: dict[str, str]) -> dict[str, str]:
        for key, text in value.items():
            if key.lower().startswith("dynamiccluster:"):
                raise Wrong(f"{key[:80]!r} is not yours to set", "dynamiccluster:... is taken")
            if not 1 <= len(key) <= _LONGEST or len(text) > _LONGEST:
                raise Wrong(f"{key[:80]!r} is too long", f"{_LONGEST} characters at most, its value as well")
        return value
