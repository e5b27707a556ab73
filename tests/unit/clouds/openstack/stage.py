"""What the tests of the adapter have in common: an adapter on the small OpenStack, orders, and refusals."""

from __future__ import annotations

from typing import Any

import pytest

from saltext.dynamiccluster.clouds.openstack import OpenStack, Timeouts
from saltext.dynamiccluster.errors import CloudError
from saltext.dynamiccluster.model import LaunchOrder
from tests.contract.cloud_openstack import settings
from tests.unit.clouds.openstack.fake_http import FakeOpenStack

ORDER = LaunchOrder("intent-1", "os-a", "#!/bin/sh\n# t0ken\n", 0.0)
FAST = Timeouts(call=60.0, listing=60.0, settle=0.0)
OURS = {"dynamiccluster:cluster": "one", "dynamiccluster:resource": "alpha"}


def openstack(fake: FakeOpenStack, *, page: int | None = None, timeouts: Timeouts = FAST, **more: Any) -> OpenStack:
    """Return the adapter of the resource `alpha` of the cluster `one`."""
    return OpenStack("alpha", "one", settings(fake.auth_url, **more), timeouts=timeouts, page=page)


def order(number: int) -> LaunchOrder:
    return LaunchOrder(f"intent-{number}", f"os-{number:06d}", "", 0.0)


def refused(call: Any, *arguments: Any) -> CloudError:
    """Return the error that the call raises."""
    with pytest.raises(CloudError) as error:
        call(*arguments)
    return error.value
