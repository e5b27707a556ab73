"""What all tests need."""

from __future__ import annotations

import re
import sys

import pytest
from xdist.scheduler import LoadFileScheduling

from tests import examples  # noqa: F401  its profile is known before the command line is read
from tests.nova_stack import nova, nova_stack

__all__ = ["nova", "nova_stack"]

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


_ON_NOVA = re.compile(r"[\[-]nova[]-]")


class _FilesAndNova(LoadFileScheduling):
    """A file's tests stay together, and so do all that need the one real OpenStack, which is large."""

    def _split_scope(self, nodeid: str) -> str:
        return "nova" if "integration/nova/" in nodeid or nodeid.endswith(("[nova]", "-nova]")) or "[nova-" in nodeid else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling | None:
    """Take the place of `--dist loadfile`."""
    return _FilesAndNova(config, log) if config.getvalue("dist") == "loadfile" else None
