"""One real OpenStack for all tests of a process that want one: the fixture `nova`, empty and whole at each test's beginning."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.nova import Nova, places


def missing() -> str:
    """Return what keeps the stack from running here, "" when nothing does. `./run test` has installed it all before."""
    if not Path("/usr/lib/postgresql").is_dir() or shutil.which("setpriv") is None:
        return "PostgreSQL or setpriv is missing: ./run test installs them"
    if not places.venv().is_dir():
        return "OpenStack's environment is missing: python -m lab.nova.install makes it"
    return ""


@pytest.fixture(scope="session")
def nova_stack() -> Iterator[Nova]:
    """Start the stack once."""
    if missing():
        pytest.fail(missing())
    with Nova() as stack:
        yield stack


@pytest.fixture
def nova(nova_stack: Nova) -> Iterator[Nova]:
    """Yield the stack without any server, quota or knob; what the test leaves is cleared."""
    yield nova_stack
    nova_stack.clear()
