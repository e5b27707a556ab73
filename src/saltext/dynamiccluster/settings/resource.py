"""`cloud: NAME:`: one resource, a group of like worker nodes from one cloud account."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from ..model import Reservation
from .aws import AwsSettings
from .kinds import Account, Count, Name, Price, Queue, Seconds, Text, Whole, between
from .openstack import OpenStackSettings
from .section import Section, Wrong, read_type

CONFIGS: dict[str, type[AwsSettings] | type[OpenStackSettings]] = {"aws": AwsSettings, "openstack": OpenStackSettings}


class Quantity(Section):
    """How many worker nodes there are at least and at most."""

    min: Count = 0
    max: Count

    @field_validator("max")
    @classmethod
    def _check_order(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("min", 0):
            raise Wrong(f"max ({value}) is less than min ({info.data['min']})", "raise max or lower min")
        return value


class ReservationSettings(Section):
    """What restricts the nodes; empty: nothing."""

    queue: Queue = ""
    account: Account = ""
    property: Name = ""


class ResourceSettings(Section):
    """One resource. The class of `config` follows from `type`. Lower `priority` comes first; `price` is for a node and hour."""

    type: Text
    reservation: Reservation = Reservation()
    quantity: Quantity
    priority: Annotated[Whole, AfterValidator(between(-1000, 1000))] = 0
    price: Price | None = None
    billing_unit: Seconds = 0.0
    billing_minimum: Seconds = 0.0
    config: AwsSettings | OpenStackSettings = Field(default=None, validate_default=True)

    @field_validator("type")
    @classmethod
    def _check_type(cls, value: str) -> str:
        return read_type(value, tuple(CONFIGS), "cloud")

    @field_validator("reservation", mode="wrap")
    @classmethod
    def _read_reservation(cls, value: Any, _inner: Any) -> Reservation:
        return Reservation(**ReservationSettings.model_validate(value).model_dump())

    @field_validator("config", mode="wrap")
    @classmethod
    def _read_config(cls, value: Any, _inner: Any, info: ValidationInfo) -> Any:
        chosen = CONFIGS.get(info.data.get("type", ""))
        return chosen.model_validate(value) if chosen else value
