"""The section `plugins`: reporters, built in or of the site."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from .kinds import Arguments, HostName, Port, PositiveSeconds, Text, matching, read_dotted, read_mapping
from .section import Section

# names of what is built in: ours, and version 1's
BUILT_IN = {"graphite": "graphite", "dynamiccluster.graphite.GraphiteReporter": "graphite"}
_MetricPath = Annotated[
    Text,
    AfterValidator(
        matching(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*", "not a path of metrics", "for example head.dynamiccluster")
    ),
]


class GraphiteSettings(Section):
    """Where the numbers go, and how often (seconds)."""

    hostname: HostName = "localhost"
    port: Port = 2003
    prefix: _MetricPath = "dynamiccluster"
    interval: PositiveSeconds = 60.0


class PluginSettings(Section):
    """One plugin. `class_name` is `graphite`, or the dotted name of a class of the site, which gets `arguments`."""

    class_name: Text
    arguments: GraphiteSettings | Arguments = Field(default=None, validate_default=True)

    @field_validator("class_name")
    @classmethod
    def _read_class(cls, value: str) -> str:
        return BUILT_IN.get(value) or read_dotted(value)

    @field_validator("arguments", mode="wrap")
    @classmethod
    def _read_arguments(cls, value: Any, _inner: Any, info: ValidationInfo) -> GraphiteSettings | dict[str, Any]:
        if info.data.get("class_name") == "graphite":
            return GraphiteSettings.model_validate(value)
        return read_mapping(value)

    @property
    def is_builtin(self) -> bool:
        return self.class_name in BUILT_IN.values()


def name_builtin(plugins: dict[str, Any]) -> dict[str, Any]:
    """Let `graphite:` alone mean the built-in class of that name."""
    return {name: _with_class(name, plugin) for name, plugin in plugins.items()}


def _with_class(name: str, plugin: Any) -> Any:
    if name not in BUILT_IN or not (plugin is None or isinstance(plugin, dict)):
        return plugin
    return {"class_name": name} | {key: value for key, value in (plugin or {}).items() if value is not None}
