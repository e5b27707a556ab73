"""Reads the settings from the pillar: all of them, or every fault at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ..errors import ConfigurationError, Fault
from .crosschecks import Machinery, check_machinery, check_together
from .faults import from_validation, without_repeats
from .general import AdminServer
from .outline import outline
from .plain import ROOT, Plain
from .schema import Settings
from .section import is_empty


def load(mapping: Mapping[str, Any], *, machinery: Machinery | None = None) -> Settings:
    """Return the settings that the pillar holds under `dynamiccluster`.

    `machinery` says what can be driven; without it only the schema is checked. Raises ConfigurationError with every
    fault that was found; nothing else, whatever the pillar holds.
    """
    settings, faults = _examine(mapping, machinery or Machinery())
    if settings is None or faults:
        # raised here, not while an error is handled: that one's text may hold values, so it must not be chained
        raise ConfigurationError(faults)
    return settings


def read_admin_server(mapping: Any) -> AdminServer:
    """Return the admin server's settings out of a pillar that has faults; the defaults when they have some themselves."""
    general = _get(Plain().copy(mapping) if isinstance(mapping, Mapping) else {}, "dynamic-cluster")
    return AdminServer.try_read(_get(general, "admin-server")) or AdminServer()


def _get(section: Any, key: str) -> Any:
    return (section.get(key) or section.get(key.replace("-", "_"))) if isinstance(section, Mapping) else None


def _examine(mapping: Any, machinery: Machinery) -> tuple[Settings | None, tuple[Fault, ...]]:
    early = _check_outside(mapping)
    if early is not None:
        return None, (early,)
    plain = Plain()
    data = plain.copy(mapping)
    settings, found = _validate(data)
    seen = outline(data)
    cross = [*check_together(seen), *check_machinery(seen, machinery)]
    return settings, without_repeats([*plain.faults, *found, *cross])


def _check_outside(mapping: Any) -> Fault | None:
    if is_empty(mapping) or mapping == {}:
        return Fault(ROOT, "no settings", "put them into the pillar under `dynamiccluster`; pillar.example shows all")
    if not isinstance(mapping, Mapping):
        return Fault(ROOT, "must be a mapping", "write `cluster:` and the other sections below it, indented")
    if set(mapping) == {ROOT}:
        return Fault(f"{ROOT}:{ROOT}", "the key is there twice", "write `dynamiccluster:` once, and the sections right below it")
    return None


def _validate(data: dict[str, Any]) -> tuple[Settings | None, list[Fault]]:
    try:
        return Settings.model_validate(data), []
    except ValidationError as error:
        return None, from_validation(error)
