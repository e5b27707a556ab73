"""What a launch on a real Nova costs through the adapter, beside the same requests made with novaclient alone. Seconds of the wall clock."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from lab.nova import Nova
from saltext.dynamiccluster.clouds.openstack import OpenStack, Timeouts
from saltext.dynamiccluster.clouds.openstack.request import launch_request
from saltext.dynamiccluster.model import InstanceState, LaunchOrder
from saltext.dynamiccluster.settings.general import General
from saltext.dynamiccluster.settings.openstack import OpenStackSettings

from .cases import Case, Sample

MANY = 300
TURNS = 6  # the two kinds take turns, so that both meet the same neighbours and about as many servers
BARE = 0.5  # bare requests for each launch: what they cost is known soon enough
GOAL = 1.5
_AT_ONCE = General().worker_number
_CLUSTER, _USER_DATA = "bench", "#!/bin/sh\n"
_RESULTS = "nova.json"
_NUMBERS = itertools.count(1)
_BUILT_S, _GONE_S = 600.0, 900.0
_WITHIN_S = 3600.0


@dataclass
class Kind:
    """One way to launch: seconds that its blocks took, and what they made."""

    launch: Callable[[LaunchOrder], str]
    seconds: float = 0.0
    made: list[str] = field(default_factory=list)

    def run(self, orders: Iterable[LaunchOrder]) -> None:
        """Launch these, as many at once as the engine does."""
        began = time.monotonic()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            self.made += pool.map(self.launch, orders)
        self.seconds += time.monotonic() - began


def measure(nova: Nova, many: int = MANY, turns: int = TURNS) -> dict[str, float]:
    """Return seconds a launch of both kinds. Raises AssertionError when a server is missing, repeated or left."""
    port = _cloud(nova, "adapter")
    adapter, bare = Kind(lambda order: port.launch(order).id), Kind(_bare(nova))
    port.names.ids()  # both kinds are signed in and know their ids
    for _ in range(turns):
        for kind, count in ((adapter, many // turns), (bare, int(many * BARE) // turns)):
            kind.run([_order() for _ in range(count)])
            nova.wait_for(lambda: _built(nova), _BUILT_S, "servers to be built", every=1.0)
    _check(port, adapter.made, bare.made)
    _end(nova, port, adapter.made, bare.made)
    return {"adapter": adapter.seconds / len(adapter.made), "bare": bare.seconds / len(bare.made)}


def _order() -> LaunchOrder:
    number = next(_NUMBERS)
    return LaunchOrder(f"bench-{number}", f"bench-{number:06d}", _USER_DATA, 0.0)


def _cloud(nova: Nova, name: str) -> OpenStack:
    given = nova.settings(networks=[nova.network], security_groups=[nova.security_group], key_name=nova.key_name)
    return OpenStack(name, _CLUSTER, OpenStackSettings.model_validate(given), timeouts=Timeouts(listing=120.0))


def _bare(nova: Nova) -> Callable[[LaunchOrder], str]:
    """Return a launch that is nothing but the request."""
    like = _cloud(nova, "bare")
    ids, version = like.names.ids(), like.api.version()
    client = nova.client(microversion=version.get_string())

    def launch(order: LaunchOrder) -> str:
        return str(client.servers.create(**launch_request(_CLUSTER, "bare", like.settings, order, ids, version)).id)

    return launch


def _built(nova: Nova) -> bool:
    return not any(one.status == "BUILD" for one in nova.client().servers.list(search_opts={"status": "BUILD"}))


def _check(port: OpenStack, made: list[str], others: list[str]) -> None:
    """Have a listing of all and only ours, each once and running."""
    listed = port.list()
    ids = [one.id for one in listed]
    assert len(ids) == len(set(ids)) and set(ids) == set(made), f"{len(ids)} listed, {len(set(ids))} of them different, {len(made)} made"
    assert not set(ids) & set(others)
    assert {one.state for one in listed} == {InstanceState.ACTIVE}, [one.detail for one in listed if one.state is not InstanceState.ACTIVE]


def _end(nova: Nova, port: OpenStack, made: list[str], others: list[str]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(port.destroy, made))
        list(pool.map(nova.admin.servers.delete, others))
    nova.wait_for(lambda: not nova.servers(), _GONE_S, "all servers to be gone", every=2.0)
    assert port.list() == () and nova.ports() == []


def _prepare(folder: Path) -> None:
    with Nova() as nova:
        found = measure(nova)
    (folder / _RESULTS).write_text(json.dumps(found))


def _row(folder: Path) -> Sample:
    found = json.loads((folder / _RESULTS).read_text())
    return Sample(found["adapter"], found["bare"])


CASES = (
    Case("nova-launch", f"a launch on a real Nova, {MANY} of them, {_AT_ONCE} at once, against bare requests", GOAL, _row, _prepare, within=_WITHIN_S),
)
