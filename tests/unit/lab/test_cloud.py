"""What the hypervisor reads of an instance: its name as it will give it to itself."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from lab.cloud import Instance, _instance
from lab.metadata import read_facts


@pytest.mark.parametrize(
    ("tags", "index", "name"),
    [
        ({"Name": "wn-aaaaaa"}, "", "wn-aaaaaa"),
        ({}, "0", ""),
        ({"Name": "wn-aaaaaa", "dynamiccluster:intent": "a" * 32}, "2", "wn-aaaaaa"),
        ({"Name": "wn-", "dynamiccluster:intent": f"{'a' * 32}x7"}, "2", "wn-1"),
    ],
)
def test_the_name_of_a_machine(tags, index, name):
    items = "".join(f"<item><key>{key}</key><value>{value}</value></item>" for key, value in tags.items())
    launched = f"<amiLaunchIndex>{index}</amiLaunchIndex>" if index else ""
    text = f"<item><instanceId>i-1</instanceId><privateIpAddress>10.0.0.1</privateIpAddress>{launched}<tagSet>{items}</tagSet></item>"
    assert _instance(ElementTree.fromstring(text)) == Instance("i-1", "10.0.0.1", name, int(index or 0))


def test_the_metadata_service_tells_a_machine_its_number(tmp_path):
    nodes = {"wn-a": {"pid": 1, "address": "10.0.0.1", "instance": "i-1", "launched": 2}}
    (tmp_path / "nodes.json").write_text(json.dumps(nodes), encoding="utf-8")
    facts = read_facts(tmp_path, "10.0.0.1")
    assert facts is not None and (facts["instance-id"], facts["ami-launch-index"]) == ("i-1", "2")
    assert read_facts(tmp_path, "10.0.0.9") is None
