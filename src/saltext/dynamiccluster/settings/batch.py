"""The parts of `cluster: config:` that every batch system has."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, field_validator

from .kinds import Count, Queue, read_list
from .section import Section
from .slots import HOOK
from .templates import Template

Command = Annotated[Template, PlainSerializer(str, return_type=str)]
Queues = Annotated[tuple[Queue, ...], BeforeValidator(read_list)]


class BatchSettings(Section):
    """What every batch system's `config` has."""

    queue_to_monitor: Queues = ()
    queued_job_number_to_display: Count = 30
    post_add_node_command: Command | None = None
    post_remove_node_command: Command | None = None

    @field_validator("post_add_node_command", "post_remove_node_command", mode="wrap")
    @classmethod
    def _read_hook(cls, value: Any, _inner: Any) -> Template:
        return HOOK.read(value)
