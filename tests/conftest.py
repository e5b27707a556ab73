"""What all tests need."""

from __future__ import annotations

import sys

import pytest

try:
    from saltext.dynamiccluster.salt.tornados import use_real_tornado
except ImportError:  # without Salt, the tests that need it are skipped
    pass
else:
    # Before pytest's finder is changed below: Salt's channels wait for ever when pyzmq is not bound to the Tornado that Salt runs.
    use_real_tornado()

# Salt puts a finder of the old kind into sys.meta_path, which pytest asks for find_spec.
for finder in sys.meta_path:
    if not hasattr(finder, "find_spec"):
        type(finder).find_spec = lambda self, name, path=None, target=None: None

# Salt keeps records back and writes them when Python ends, by then into a stream that pytest has closed.
if "salt" in sys.modules:
    from salt._logging.impl import shutdown_temp_handler

    shutdown_temp_handler()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: "end_to_end" not in item.path.parts)
