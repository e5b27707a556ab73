"""Read the settings from the pillar of one minion id, on the master, without leaving a copy on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import salt.pillar

from ..errors import ConfigurationError, Fault
from ..settings import Settings, load, read_admin_server
from ..settings.general import AdminServer
from .wiring import MACHINERY

KEY = "dynamiccluster"


def compile_pillar(opts: Mapping[str, Any], minion_id: str, grains: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the whole pillar of a minion id (about 100 ms of CPU; thread-safe).

    Not `get_pillar()`: that one may store the compiled pillar, secrets included, in the cache directory.
    Raises ConfigurationError when it does not render.
    """
    try:
        # Without grains by default: a minion of this id could choose the settings by what it says of itself.
        pillar = salt.pillar.Pillar({**opts, "file_client": "local"}, {**(grains or {}), "id": minion_id}, minion_id, "base")
        compiled = pillar.compile_pillar()
    except Exception as error:  # a renderer or an external pillar can raise anything
        raise _unrenderable(minion_id, [f"{type(error).__name__}: {error}"]) from error
    if errors := compiled.get("_errors"):
        raise _unrenderable(minion_id, errors)
    return compiled


def load_settings(opts: Mapping[str, Any], minion_id: str | None = None, cluster: str | None = None) -> Settings:
    """Return the settings that the pillar of `minion_id` (the master's own id when None) holds.

    Raises ConfigurationError with every fault, also when `cluster` is given and the pillar names another one.
    """
    minion_id = minion_id or opts["id"]
    section = compile_pillar(opts, minion_id).get(KEY)
    if section is None:
        hint = f"give that id a pillar with the key {KEY!r} in pillar_roots' top.sls, or set the engine option minion_id"
        raise ConfigurationError((Fault(KEY, f"the pillar of {minion_id!r} has no such key", hint),))
    settings = load(section, machinery=MACHINERY)
    if cluster and settings.name != cluster:
        problem = f"the pillar of {minion_id!r} names {settings.name!r}, the engine was told {cluster!r}"
        raise ConfigurationError((Fault(f"{KEY}:name", problem, "make the two equal"),))
    return settings


def load_admin_server(opts: Mapping[str, Any], minion_id: str | None = None) -> AdminServer:
    """Return where to serve although the pillar has faults: as it says, where that much can be read, else the defaults."""
    try:
        return read_admin_server(compile_pillar(opts, minion_id or opts["id"]).get(KEY))
    except ConfigurationError:
        return AdminServer()


def _unrenderable(minion_id: str, errors: list[str]) -> ConfigurationError:
    hint = f"see: salt-run pillar.show_pillar {minion_id}"
    return ConfigurationError(
        tuple(Fault(KEY, f"the pillar of {minion_id!r} does not render: {_first_lines(text)}", hint) for text in errors)
    )


def _first_lines(text: object, lines: int = 4, width: int = 300) -> str:
    """Shorten a renderer's message: it quotes the file, in which a secret may stand, after its first lines."""
    kept = [line.strip() for line in str(text).splitlines() if line.strip()][:lines]
    return " ".join(kept).split("---")[0].strip()[:width]
