"""What all tests need."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Generator
from pathlib import Path

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leave out what a test that passed has logged and printed: nobody reads it, and it would go from process to process."""
    report = yield
    if report.passed:
        report.sections.clear()
    return report


def pytest_sessionfinish() -> None:
    """Spare the search for garbage in all that was loaded, five times over, of a process that ends."""
    gc.freeze()


# What takes longest begins first, so that nobody waits for it in the end; all else after it, as it is found.
_FIRST = ("end_to_end/", "integration/nova/", "unit/control/test_crash_at_every_step", "unit/sim/soak/", "integration/", "faults/", "browser/",
          "property/", "contract/", "unit/web/", "unit/clouds/", "unit/control/")  # fmt: skip
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by what takes longest."""

    def turn(item: pytest.Item) -> int:
        place = item.path.relative_to(_HERE).as_posix() if item.path.is_relative_to(_HERE) else ""
        return next((number for number, start in enumerate(_FIRST) if place.startswith(start)), len(_FIRST))

    items.sort(key=turn)


_ON_NOVA = re.compile(r"integration/nova/|[\[-]nova[]-]")


class _WholeFiles(LoadFileScheduling):
    """A file's tests stay together, and so do all that share something large: the one real OpenStack, the one lab with everything in it."""

    def _split_scope(self, nodeid: str) -> str:
        if _ON_NOVA.search(nodeid):
            return "nova"
        shared = "end_to_end/" in nodeid and "test_full_disk" not in nodeid
        return "end to end" if shared else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling | None:
    """Take the place of `--dist loadfile`, which would begin with the files of most tests: those are the short ones."""
    config.option.loadscopereorder = False
    return _WholeFiles(config, log) if config.getvalue("dist") == "loadfile" else None
