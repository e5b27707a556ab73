from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.clouds.openstack.fake_http import FakeOpenStack


@pytest.fixture
def fake() -> Iterator[FakeOpenStack]:
    """Yield a small OpenStack over HTTP, empty."""
    with FakeOpenStack() as found:
        yield found
