"""One admin server for the tests that only look; a fresh one for those that change something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .house import House


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have servers look every moment whether their settings have changed; set before one of them has begun to wait."""
    monkeypatch.setattr("saltext.dynamiccluster.web.server._RETRY", 0.05)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A cluster at work: three nodes that run jobs, which nobody changes."""
    with House(tmp_path_factory.mktemp("shown")) as house:
        house.grow(3)
        yield house


@pytest.fixture
def house(tmp_path: Path, quick: None) -> Iterator[House]:
    """A cluster at work that the test may change."""
    with House(tmp_path) as made:
        made.grow(3)
        yield made
