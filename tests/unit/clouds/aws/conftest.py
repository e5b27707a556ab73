"""Clients of EC2 that are made fast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.client import ClientCreator


@pytest.fixture(autouse=True, scope="session")
def methods_written_once() -> Iterator[None]:
    """Have botocore write EC2's seven hundred methods once: anew for each client, that is most of what these tests would take."""
    usual, written = ClientCreator._create_methods, {}

    def create_methods(self: ClientCreator, service: Any) -> dict[str, Any]:
        if service.service_name not in written:
            written[service.service_name] = usual(self, service)
        return dict(written[service.service_name])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClientCreator, "_create_methods", create_methods)
        yield
