"""What the execution modules of all clouds have in common: whose settings hold here, and failures as one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from salt.exceptions import CommandExecutionError

from ..errors import DynamicClusterError
from ..settings import Settings, load
from . import pillar, runner
from .wiring import master_address


def is_on_master(opts: Mapping[str, Any]) -> bool:
    """Tell whether the master itself runs the module (salt-run salt.cmd)."""
    return opts.get("__role") == "master"


def may_load(opts: Mapping[str, Any], pillar_of_minion: Mapping[str, Any]) -> str:
    """Return why the functions are not for this minion, "" when they are."""
    if is_on_master(opts) or "dynamiccluster" in pillar_of_minion:
        return ""
    return "this minion's pillar holds no dynamiccluster; the settings belong to the master's own minion only"


def call(
    functions: ModuleType,
    function: str,
    opts: Mapping[str, Any],
    pillar_of_minion: Mapping[str, Any],
    resource: str,
    *arguments: Any,
    cluster: str | None = None,
    **named: Any,
) -> Any:
    """Call a function of a cloud's library. Raises CommandExecutionError: every failure of ours is one sentence, and a non-zero exit status."""
    try:
        settings = _settings(opts, pillar_of_minion, cluster)
        opened = functions.open_resource(settings, resource)
        if function == "create":
            arguments, named = (settings.cloud[resource], *arguments), {**named, "master": _master(opts)}
        return getattr(functions, function)(opened, *arguments, **named)
    except (DynamicClusterError, ValueError, OSError) as error:
        raise CommandExecutionError(str(error)) from None


def _settings(opts: Mapping[str, Any], pillar_of_minion: Mapping[str, Any], cluster: str | None) -> Settings:
    if not is_on_master(opts):
        return load(pillar_of_minion["dynamiccluster"])
    return pillar.load_settings(opts, _settings_id(opts, cluster))


def _settings_id(opts: Mapping[str, Any], cluster: str | None) -> str:
    """Return the id whose pillar holds the settings. Where there is one cluster, its engine need never have run."""
    engines = runner.engine_options(opts)
    if cluster is None and len(engines) <= 1:
        return str((engines[0] if engines else {}).get("minion_id") or opts["id"])
    return runner.settings_id(opts, runner.pick_cluster(opts, cluster))


def _master(opts: Mapping[str, Any]) -> str:
    return master_address(opts) if is_on_master(opts) else str(opts.get("master") or "")
