"""The numbers as Prometheus reads them, and adapters that count their calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from ..errors import BatchError, CloudError


def render(registry: CollectorRegistry) -> bytes:
    """Return everything in Prometheus' text format."""
    return generate_latest(registry)


class Metered:
    """An adapter that tells of each of its calls: (method, result, seconds). All else is the adapter's."""

    def __init__(self, adapter: Any, tell: Callable[[str, str, float], None]):
        self._adapter, self._tell = adapter, tell

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._adapter, name)
        if name.startswith("_") or not callable(found):
            return found

        def call(*arguments: Any, **options: Any) -> Any:
            return self._call(name, found, arguments, options)

        self.__dict__[name] = call
        return call

    def _call(self, name: str, found: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        began, result = time.monotonic(), "ok"
        try:
            return found(*arguments, **options)
        except Exception as error:
            result = _name_error(error)
            raise
        finally:
            self._tell(name, result, time.monotonic() - began)


def _name_error(error: Exception) -> str:
    if isinstance(error, CloudError):
        return error.kind.value.replace(" ", "_")
    return type(error).__name__ if isinstance(error, BatchError) else "error"
