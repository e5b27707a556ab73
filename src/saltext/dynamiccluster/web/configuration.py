"""The shape of the configuration as it is shown, derived from the settings' own classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from ..model import Reservation
from ..settings.resource import ResourceSettings
from ..settings.schema import Settings
from ..settings.section import Section
from .schemas import TEXT, Schema, closed, listed, mapped

_SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}
_PLAIN: Schema = {"anyOf": [_SCALAR, listed(_SCALAR)]}
_RESERVATION = closed(queue=TEXT, account=TEXT, property=TEXT)


def configuration_schemas() -> dict[str, Schema]:
    """Return the schemas of the whole configuration and of one resource's `config`."""
    return {
        "Configuration": _section(Settings),
        "ResourceConfiguration": _field(ResourceSettings.model_fields["config"].annotation),
    }


def _section(kind: type[Section]) -> Schema:
    fields = zip(kind.names(), kind.model_fields.values(), strict=True)
    return closed(**{name: _field(field.annotation) for name, field in fields})


def _field(annotation: Any) -> Schema:
    kinds = list(dict.fromkeys(_alternatives(annotation)))
    found = [_one(kind) for kind in kinds]
    return found[0] if len(found) == 1 else {"anyOf": found}


def _one(kind: Any) -> Schema:
    if isinstance(kind, type) and issubclass(kind, Section):
        return _section(kind)
    if kind is Reservation:
        return _RESERVATION
    if get_origin(kind) is dict:
        return mapped(_field(get_args(kind)[1]))
    if get_origin(kind) is tuple:
        return listed(_field(get_args(kind)[0]))
    return _PLAIN


def _alternatives(annotation: Any) -> Iterator[Any]:
    """Yield what a value may be: sections, collections, and "plain" for everything else."""
    origin = get_origin(annotation)
    if origin in (dict, tuple):
        yield annotation
    elif isinstance(annotation, type) and issubclass(annotation, Section) or annotation is Reservation:
        yield annotation
    elif hasattr(annotation, "__metadata__"):
        yield from _alternatives(get_args(annotation)[0])
    elif get_args(annotation) and str(origin) in ("<class 'types.UnionType'>", "typing.Union"):
        for item in get_args(annotation):
            yield from _alternatives(item)
    else:
        yield "plain"
