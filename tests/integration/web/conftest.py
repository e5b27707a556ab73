"""Each of Schemathesis's tests under an id of its own: it gives all of them one, and of equal ids only one runs where tests run side by side."""

from __future__ import annotations

from collections import Counter

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    seen: Counter[str] = Counter()
    for item in items:
        seen[item.nodeid] += 1
        if seen[item.nodeid] > 1:
            _name(item, f"{item.nodeid}[{seen[item.nodeid]}]")


def _name(item: pytest.Item, nodeid: str) -> None:
    """Give an item another id; how pytest keeps it depends on its version, and it has no public way."""
    try:
        from _pytest.nodeid import coerce_node_id
    except ImportError:
        item._nodeid = nodeid
        return
    item._id = coerce_node_id(nodeid)
