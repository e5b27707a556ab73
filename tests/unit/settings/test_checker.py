from __future__ import annotations

import pytest

from tests.unit.settings.build import faults, loaded

PATH = "dynamic-cluster:config-checker"


@pytest.mark.parametrize("written", [None, {}, {"salt": {}}, {"salt": None}, {"salt": {}, "port": None}, {"salt": "", "plugin": ""}])
def test_the_highstate_is_the_default(written):
    assert loaded({PATH: written}).dynamic_cluster.config_checker.kind == "salt"


@pytest.mark.parametrize("name", ["dynamiccluster.salt.SaltChecker", "dynamiccluster.saltclient.SaltChecker"])
def test_old_class_names_mean_the_highstate(name):
    assert loaded({PATH: {"plugin": {"name": name}}}).dynamic_cluster.config_checker.kind == "salt"


def test_port_and_plugin():
    checker = loaded({PATH: {"port": {"number": "15002"}}}).dynamic_cluster.config_checker
    assert checker.kind == "port" and checker.port.number == 15002
    checker = loaded({PATH: {"plugin": {"name": "site.Ready", "arguments": {"a": [1]}}}}).dynamic_cluster.config_checker
    assert checker.kind == "plugin" and checker.plugin.arguments == {"a": [1]}


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ({"salt": {}, "port": {"number": 1}}, ""),
        ({"plugin": {"name": "site.Ready"}, "port": {"number": 1}}, ""),
        ({"port": None}, ""),
        ({"plugin": " "}, ""),
        ("salt", ""),
        ({"port": {"number": 0}}, ":port:number"),
        ({"port": {}}, ":port:number"),
        ({"port": 15002}, ":port"),
        ({"prt": {"number": 1}}, ":prt"),
        ({"plugin": {"name": "nodots"}}, ":plugin:name"),
        ({"plugin": {"name": "site.Ready", "arguments": [1]}}, ":plugin:arguments"),
        ({"plugin": "site.Ready"}, ":plugin"),
    ],
)
def test_checkers_that_are_refused(written, path):
    assert set(faults({PATH: written})) == {PATH + path}
