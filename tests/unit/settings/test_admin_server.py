"""Where to serve although the pillar has faults elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from saltext.dynamiccluster.settings import read_admin_server
from saltext.dynamiccluster.settings.general import AdminServer

CASES: dict[str, tuple[Any, int]] = {
    "faults elsewhere": ({"dynamic-cluster": {"admin-server": {"port": 9001}, "nonsense": 1}, "cluster": 3}, 9001),
    "the other spelling": ({"dynamic_cluster": {"admin_server": {"port": "9002"}}}, 9002),
    "faults of its own": ({"dynamic-cluster": {"admin-server": {"port": "many"}}}, 8001),
    "an unknown key": ({"dynamic-cluster": {"admin-server": {"port": 9001, "prot": 1}}}, 8001),
    "no such section": ({"cluster": {}}, 8001),
    "a list": ([1, 2], 8001),
    "text in its place": ({"dynamic-cluster": "on"}, 8001),
    "nothing": (None, 8001),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_can_be_read_is_used(case: tuple[Any, int]) -> None:
    mapping, port = case
    found = read_admin_server(mapping)
    assert found == AdminServer(port=port) and found.address == "127.0.0.1"
