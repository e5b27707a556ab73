"""What may be shown is an allow-list: every secret is hidden, and so is whatever nobody has decided on."""

from __future__ import annotations

import json

import pytest
import yaml
from pydantic import SecretStr
from saltext.dynamiccluster.settings import load, public, shown
from saltext.dynamiccluster.settings.section import Section
from saltext.dynamiccluster.settings.shown import MASK

from tests.unit.settings.build import loaded
from tests.unit.settings.examples import ROOT
from tests.unit.settings.schema_walk import sections

HIDDEN = {
    "access_key_id",
    "secret_access_key",
    "session_token",
    "role_external_id",
    "tags",
    "application_credential_id",
    "application_credential_secret",
    "password",
    "metadata",
    "url",
}


def test_r2_the_configuration_of_version_1_is_shown_without_its_secrets():
    data = yaml.safe_load((ROOT / "tests/data/predecessor.yaml").read_text())
    text = json.dumps(public(load(data)))
    assert "not-a-real" not in text
    assert json.loads(text)["cloud"]["nectar"]["config"]["password"] == MASK
    assert json.loads(text)["cloud"]["burst"]["config"]["userdata_file"] == "/etc/dynamiccluster/userdata-aws.sh"
    assert json.loads(text)["dynamic-cluster"]["post_vm_provision_command"] == "/the/path/some.sh {0} {1} {2}"


def test_what_is_hidden_and_nothing_else():
    shown_or_not = {
        (kind.__name__, field) for kind in sections() for field in kind.model_fields if field not in shown._SHOWN[kind]
    }
    assert {field for _, field in shown_or_not} - {"arguments"} == HIDDEN
    assert {kind for kind, field in shown_or_not if field == "arguments"} == {"PluginChecker"}


def test_every_secret_field_is_hidden():
    for kind in sections():
        for name, field in kind.model_fields.items():
            if SecretStr in _arguments(field.annotation):
                assert name not in shown._SHOWN[kind]


def _arguments(annotation):
    return getattr(annotation, "__args__", (annotation,))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("cloud:burst:config:tags", {"token": "S3CRET"}),
        ("cloud:private:config:metadata", {"token": "S3CRET"}),
        ("plugins:mine", {"class_name": "site.Reporter", "arguments": {"token": "S3CRET", "more": {"x": ["S3CRET"]}}}),
        ("dynamic-cluster:config-checker", {"plugin": {"name": "site.Ready", "arguments": {"token": "S3CRET"}}}),
        ("cloud:burst:config:proxy", "http://me:S3CRET@proxy:3128"),
        ("cloud:burst:config:endpoint_url", "https://S3CRET@ec2.example.org/x?key=S3CRET#S3CRET"),
        ("cloud:private:config:auth_url", "https://me:S3CRET@keystone.example.org/v3"),
    ],
)
def test_secrets_of_the_site_are_hidden(path, value):
    text = json.dumps(public(loaded({path: value})))
    assert "S3CRET" not in text
    assert MASK in text


def test_addresses_stay_recognisable():
    config = public(loaded({"cloud:burst:config:proxy": "http://me:pw@proxy:3128"}))["cloud"]["burst"]["config"]
    assert config["proxy"] == f"http://{MASK}@proxy:3128"
    assert public(loaded({"cloud:burst:config:proxy": "proxy"}))["cloud"]["burst"]["config"]["proxy"] == "proxy"


def test_names_in_a_hidden_mapping_are_shown():
    config = public(loaded({"cloud:burst:config:tags": {"cost-centre": "12"}}))["cloud"]["burst"]["config"]
    assert config["tags"] == {"cost-centre": MASK}


def test_an_unknown_section_is_hidden_whole():
    class New(Section):
        token: str = "S3CRET"

    assert shown._show_section(New()) == {"token": MASK}


def test_keys_are_those_of_the_pillar():
    found = public(loaded())
    assert set(found) == {"name", "dynamic-cluster", "cluster", "cloud", "plugins", "logging"}
    assert "admin-server" in found["dynamic-cluster"] and "worker_number" in found["dynamic-cluster"]
