"""The adapter over the real stack, with short words for what the tests do again and again."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lab.nova import Nova
from saltext.dynamiccluster.clouds.openstack import OpenStack, Timeouts
from saltext.dynamiccluster.errors import CloudError
from saltext.dynamiccluster.model import Instance, InstanceState, LaunchOrder
from saltext.dynamiccluster.settings.openstack import OpenStackSettings

CLUSTER = "one"
# Long enough for a crowded machine, short enough for a test that waits for it.
QUICK = Timeouts(call=5.0, listing=20.0, settle=4.0)
_ASK_AGAIN = 8.0  # seconds
_NUMBERS = itertools.count(1)


def cloud(nova: Nova, name: str = "alpha", timeouts: Timeouts = Timeouts(), **more: Any) -> OpenStack:
    """Return a resource on the stack; keywords change its settings, None leaves a key out."""
    given = {"networks": [nova.network], "security_groups": [nova.security_group], "key_name": nova.key_name, **more}
    return OpenStack(name, CLUSTER, OpenStackSettings.model_validate(nova.settings(**given)), timeouts=timeouts)


def order() -> LaunchOrder:
    """Return a new order."""
    number = next(_NUMBERS)
    return LaunchOrder(f"intent-{number}", f"wn-{number:06d}", "#!/bin/sh\n", 0.0)


def launch(port: OpenStack, count: int, at_once: int = 4) -> tuple[list[Instance], list[CloudError]]:
    """Launch so many servers, some at once; return those that the cloud took, and what it refused."""

    def one(_: int) -> Instance | CloudError:
        try:
            return port.launch(order())
        except CloudError as error:
            return error

    with ThreadPoolExecutor(at_once) as pool:
        answers = list(pool.map(one, range(count)))
    return [it for it in answers if isinstance(it, Instance)], [it for it in answers if isinstance(it, CloudError)]


def await_states(nova: Nova, port: OpenStack, ids: Iterable[str], *states: InstanceState, within: float = 120) -> dict[str, Instance]:
    """Return the listing by id once each of these servers is in one of the states. Raises TimeoutError."""
    wanted = set(ids)

    def look() -> dict[str, Instance] | None:
        listed = {one.id: one for one in port.list()}
        return listed if all(id_ in listed and listed[id_].state in states for id_ in wanted) else None

    return nova.wait_for(look, within, f"{len(wanted)} servers to be {' or '.join(one.name for one in states)}")  # type: ignore[return-value]


def remove(nova: Nova, port: OpenStack, ids: Iterable[str], within: float = 180) -> None:
    """End these servers as the engine does: ask, look, ask again after a while. Raises TimeoutError."""
    left = set(ids)
    ask_at = 0.0

    def gone() -> bool:
        nonlocal ask_at
        if time.monotonic() >= ask_at:
            for id_ in sorted(left):
                port.destroy(id_)
            ask_at = time.monotonic() + _ASK_AGAIN
        left.intersection_update(one.id for one in port.list() if one.state is not InstanceState.INEXISTENT)
        return not left

    nova.wait_for(gone, within, "servers to be gone", every=0.4)
