"""Turn frozen dataclasses into plain JSON data and back.

Unknown fields are dropped and missing ones take their default, so that a journal written by another version still loads.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints


def encode(value: object) -> Any:
    """Return the value as data that JSON can hold. Sets are sorted, so that equal values give equal text."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(encode(key)): encode(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(encode(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return value


def decode(kind: Any, data: Any) -> Any:
    """Return a value of the type `kind` from what `encode` made. Raises ValueError, TypeError or KeyError on nonsense."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _decode_union(arguments, data)
    if is_dataclass(kind):
        return _decode_dataclass(kind, data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    if origin in (tuple, frozenset):
        return origin(decode(arguments[0], item) for item in data)
    if origin is not None and issubclass(origin, Mapping):
        return {decode(arguments[0], key): decode(arguments[1], item) for key, item in data.items()}
    return kind(data) if kind in (int, float, str, bool) else data


def _decode_union(arguments: tuple[Any, ...], data: Any) -> Any:
    if data is None and type(None) in arguments:
        return None
    return decode(next(item for item in arguments if item is not type(None)), data)


def _decode_dataclass(kind: Any, data: Any) -> Any:
    if not isinstance(data, Mapping):
        raise TypeError(f"{kind.__name__}: a mapping is expected, got {type(data).__name__}")
    hints = _hints(kind)
    return kind(**{name: decode(hints[name], item) for name, item in data.items() if name in hints})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
