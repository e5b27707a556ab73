"""Finds every section of the schema, so that tests about documentation and showing cannot forget one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, get_args

from saltext.dynamiccluster.model import Reservation
from saltext.dynamiccluster.settings import Settings
from saltext.dynamiccluster.settings.resource import ReservationSettings
from saltext.dynamiccluster.settings.section import Section


def sections(kind: type[Section] = Settings) -> list[type[Section]]:
    """Return the section and all below it."""
    found = [kind]
    for field in kind.model_fields.values():
        for below in sections_in(field.annotation):
            found.extend(item for item in sections(below) if item not in found)
    return found


def sections_in(annotation: Any) -> Iterator[type[Section]]:
    """Yield the sections that a field's type names."""
    if annotation is Reservation:  # the model's own class, written like this section
        assert [field.name for field in dataclasses.fields(Reservation)] == list(ReservationSettings.model_fields)
    elif isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for argument in get_args(annotation):
        yield from sections_in(argument)
