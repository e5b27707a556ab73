from __future__ import annotations

import logging

import pytest
from saltext.dynamiccluster.settings import GraphiteSettings

from tests.unit.settings.build import faults, loaded


@pytest.mark.parametrize(
    "written",
    [None, {}, {"class_name": "graphite"}, {"class_name": "dynamiccluster.graphite.GraphiteReporter", "arguments": None}],
)
def test_graphite_is_built_in(written):
    plugin = loaded({"plugins:graphite": written}).plugins["graphite"]
    assert plugin.is_builtin and plugin.arguments == GraphiteSettings()
    assert (plugin.arguments.port, plugin.arguments.interval) == (2003, 60.0)


def test_a_class_of_the_site_gets_what_it_wants():
    plugin = loaded({"plugins:mine": {"class_name": "site.Reporter", "arguments": {"x": 1, "y": None}}}).plugins["mine"]
    assert not plugin.is_builtin and plugin.arguments == {"x": 1, "y": None}


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ({"mine": None}, "mine:class_name"),
        ({"mine": {"class_name": "os"}}, "mine:class_name"),
        ({"mine": {"class_name": "site.Reporter", "arguments": "x"}}, "mine:arguments"),
        ({"graphite": {"arguments": {"prot": 2003}}}, "graphite:arguments:prot"),
        ({"graphite": "localhost"}, "graphite"),
        ({"graphite": {"arguments": {"interval": 0}}}, "graphite:arguments:interval"),
    ],
)
def test_plugins_that_are_refused(written, path):
    assert set(faults({"plugins": written})) == {f"plugins:{path}"}


@pytest.mark.parametrize(("written", "level"), [(0, logging.ERROR), ("1", logging.WARNING), (2, logging.INFO), (3, logging.DEBUG)])
def test_log_levels(written, level):
    assert loaded({"logging": {"log_level": written}}).logging.level == level
