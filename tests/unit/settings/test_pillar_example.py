"""pillar.example shows every setting with a comment, and loads: as it is, and with every optional line switched on."""

from __future__ import annotations

import yaml
from saltext.dynamiccluster.settings import Machinery, load
from saltext.dynamiccluster.settings.resource import ReservationSettings

from tests.unit.settings.examples import count_alternatives, example_text, key_lines, settings_of
from tests.unit.settings.schema_walk import sections


def test_it_loads_as_it_is_on_what_is_built():
    settings = load(
        yaml.safe_load(example_text(False))["dynamiccluster"],
        machinery=Machinery(frozenset({"sge"}), frozenset({"aws"}), frozenset()),
    )
    assert settings.cluster.type == "sge"


def test_it_loads_with_each_alternative_switched_on():
    text = example_text(True)
    loaded = [load(settings_of(text, number)) for number in range(count_alternatives(text))]
    assert {settings.cluster.type for settings in loaded} == {"sge", "torque"}
    assert {settings.dynamic_cluster.config_checker.kind for settings in loaded} == {"salt", "port", "plugin"}
    assert {resource.type for settings in loaded for resource in settings.cloud.values()} == {"aws", "openstack"}


def test_every_key_of_every_section_is_in_it():
    shown = {path[-1] for path, _ in key_lines(example_text(True))}
    wanted = {name for kind in [*sections(), ReservationSettings] for name in kind.names()}
    assert wanted <= shown, sorted(wanted - shown)


def test_every_setting_of_each_resource_and_cluster_type_is_in_it():
    used: dict[type, set[str]] = {}
    text = example_text(True)
    for number in range(count_alternatives(text)):
        settings = load(settings_of(text, number))
        for section in [settings.cluster.config, *(resource.config for resource in settings.cloud.values())]:
            used.setdefault(type(section), set()).update(section.model_fields_set)
    sge, torque = _kind(used, "SgeSettings"), _kind(used, "TorqueSettings")
    assert used[sge] == set(sge.model_fields)
    assert used[torque] | used[sge] >= set(torque.model_fields)
    for name in ("AwsSettings", "OpenStackSettings"):
        assert used[_kind(used, name)] == set(_kind(used, name).model_fields)


def _kind(used, name):
    return next(kind for kind in used if kind.__name__ == name)


def test_every_key_has_a_comment():
    lines = example_text(True).splitlines()
    names = {name for kind in [*sections(), ReservationSettings] for name in kind.names()}
    explained = {path[-1] for path, number in key_lines(example_text(True)) if lines[number - 1].strip().startswith("# ")}
    assert names <= explained, sorted(names - explained)


def test_defaults_that_it_shows_are_the_defaults():
    settings = load(yaml.safe_load(example_text(False))["dynamiccluster"])
    bare = load({"cluster": {"type": "sge"}})
    assert settings.dynamic_cluster == bare.dynamic_cluster
    assert settings.cluster == bare.cluster
