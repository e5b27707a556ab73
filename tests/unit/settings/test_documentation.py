"""docs/settings.md names every setting under its section, with its default."""

from __future__ import annotations

import re
from typing import Any

import pytest
from saltext.dynamiccluster.settings.resource import ReservationSettings
from saltext.dynamiccluster.settings.section import Section
from saltext.dynamiccluster.settings.templates import Template

from tests.unit.settings.examples import ROOT
from tests.unit.settings.schema_walk import sections, sections_in

HEADINGS = {
    "Settings": "Top level",
    "General": "dynamic-cluster",
    "AdminServer": "dynamic-cluster: admin-server",
    "ConfigChecker": "dynamic-cluster: config-checker",
    "PortChecker": "dynamic-cluster: config-checker: port",
    "PluginChecker": "dynamic-cluster: config-checker: plugin",
    "BatchWindow": "dynamic-cluster: batch_window",
    "HostnameCommand": "dynamic-cluster: hostname",
    "Limits": "dynamic-cluster: limits",
    "Standby": "dynamic-cluster: standby",
    "ClusterSettings": "cluster",
    "SgeSettings": "cluster: config (sge)",
    "TorqueSettings": "cluster: config (torque)",
    "ResourceSettings": "cloud: NAME",
    "ReservationSettings": "cloud: NAME: reservation",
    "Quantity": "cloud: NAME: quantity",
    "AwsSettings": "cloud: NAME: config (aws)",
    "Disk": "cloud: NAME: config (aws): disk_map: DISK",
    "OpenStackSettings": "cloud: NAME: config (openstack)",
    "PluginSettings": "plugins: NAME",
    "GraphiteSettings": "plugins: NAME: arguments (graphite)",
    "LoggingSettings": "logging",
}
_ROW = re.compile(r"^\| `([^`]+)` \| (.*?) \| (.+) \|$")
ALL = [kind for kind in [*sections(), ReservationSettings] if kind.model_fields]


def documented(heading: str) -> dict[str, str]:
    """Return the defaults under a heading, by key."""
    text = (ROOT / "docs/settings.md").read_text()
    parts = {part.partition("\n")[0]: part for part in re.split(r"^## ", text, flags=re.MULTILINE)}
    rows = (_ROW.match(line.replace(r"\|", "\0")) for line in parts[heading].splitlines())
    return {row[1]: row[2].replace("\0", "|").strip("` ") for row in rows if row}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_setting_is_documented_with_its_default(kind):
    found = documented(HEADINGS[kind.__name__])
    wanted = {key: default_of(kind, name) for key, name in zip(kind.names(), kind.model_fields, strict=True)}
    assert found == wanted


def default_of(kind: type[Section], name: str) -> str:
    """Return a default as the documentation writes it."""
    field = kind.model_fields[name]
    if field.is_required():
        return "needed"
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, Section) or name in ("config", "reservation") or (name == "arguments" and any(sections_in(field.annotation))):
        return "below"
    if default is None or default in ((), {}, ""):
        return "below" if kind.__name__ == "ConfigChecker" else "none"
    return _write(default)


def _write(default: Any) -> str:
    if isinstance(default, Template):
        return default.text.strip("` ")
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_hooks_placeholders_are_documented():
    text = (ROOT / "docs/settings.md").read_text()
    for hook in ("post_vm_provision_command", "post_vm_destroy_command", "post_add_node_command", "post_remove_node_command"):
        assert f"`{hook}`" in text.partition("### Hooks")[2].partition("## ")[0]
