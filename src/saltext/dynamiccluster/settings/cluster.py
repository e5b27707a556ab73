"""The section `cluster`: which batch system, and how it is asked."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from .batch import BatchSettings
from .kinds import Text
from .section import Section, read_type
from .sge import SgeSettings
from .torque import TorqueSettings

CONFIGS: dict[str, type[BatchSettings]] = {"sge": SgeSettings, "torque": TorqueSettings}


class ClusterSettings(Section):
    """One batch system. The class of `config` follows from `type`."""

    type: Text
    config: SgeSettings | TorqueSettings = Field(default=None, validate_default=True)

    @field_validator("type")
    @classmethod
    def _check_type(cls, value: str) -> str:
        return read_type(value, tuple(CONFIGS), "batch system")

    @field_validator("config", mode="wrap")
    @classmethod
    def _read_config(cls, value: Any, _inner: Any, info: ValidationInfo) -> Any:
        chosen = CONFIGS.get(info.data.get("type", ""))
        return chosen.model_validate(value) if chosen else value
