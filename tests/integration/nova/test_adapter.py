"""What else only a real Nova can show: small pages while it builds, server groups, locks, and orders that it carries out late."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import pytest

from lab.nova import Nova
from saltext.dynamiccluster.clouds.openstack import OpenStack, Timeouts
from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.model import Instance, InstanceState, LaunchOrder, Shape

from .clouds import await_states, cloud, order, remove

pytestmark = pytest.mark.integration


def refused(call: Callable[..., object], *arguments: Any) -> CloudError:
    with pytest.raises(CloudError) as error:
        call(*arguments)
    return error.value


def test_s33_every_setting_at_once(nova: Nova):
    group = nova.client().server_groups.create("spread", "soft-anti-affinity")
    port = cloud(nova, flavor="lab.gpu", availability_zone="zone-b", server_group="spread", metadata={"cost-centre": "1234"})
    try:
        assert [finding for finding in port.check() if not finding.ok] == []
        launched = port.launch(replace(order(), user_data="#!/bin/sh\n" + "x" * 48_900))
        shown = await_states(nova, port, [launched.id], InstanceState.ACTIVE)[launched.id]
        assert shown.shape == port.shape() == Shape(8, 16384, 1)
        assert (shown.name, shown.zone, shown.flavor) == (launched.name, "zone-b", "lab.gpu")
        (raw,) = nova.servers("hpc")
        assert raw.metadata["cost-centre"] == "1234" and "dynamiccluster:resource:alpha" in raw.tags
        assert nova.client().server_groups.get(group.id).members == [shown.id]
        remove(nova, port, [launched.id])
    finally:
        nova.client().server_groups.delete(group.id)


def test_defect_small_pages_repeat_and_lose_nothing_while_servers_are_built(nova: Nova):
    """Rows were repeated (305 for 60 servers in pages of 10) and lost (53 of 60) while Nova built them."""
    port = cloud(nova)
    small = OpenStack("alpha", port.cluster, port.settings, page=4)
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(port.launch, order()) for _ in range(12)]
        while not all(one.done() for one in futures):
            before = {one.result().id for one in futures if one.done()}
            listed = [instance.id for instance in small.list()]
            assert len(listed) == len(set(listed)) and before <= set(listed)
            wait(futures, 0.3)
    made = {one.result().id for one in futures}
    assert {one.id for one in small.list()} == made == {one.id for one in port.list()}


def test_an_adopted_server_is_found_in_small_pages_too(nova: Nova):
    port = cloud(nova)
    foreign = [nova.make_server(f"theirs-{number}", nova.colleague).id for number in range(4)]
    nova.wait_for(lambda: nova.admin.servers.get(foreign[2]).status != "BUILD", 120, "a foreign server to be built")
    port.adopt(foreign[2], {})
    small = OpenStack("alpha", port.cluster, port.settings, page=2)
    assert [one.id for one in small.list()] == [foreign[2]]


def test_a_locked_server_is_told_and_ends_once_it_is_unlocked(nova: Nova):
    port = cloud(nova)
    launched = port.launch(order())
    await_states(nova, port, [launched.id], InstanceState.ACTIVE)
    nova.admin.servers.lock(launched.id)
    error = refused(port.destroy, launched.id)
    assert error.kind is Refusal.FAILED and "openstack server unlock" in str(error)
    nova.admin.servers.unlock(launched.id)
    remove(nova, port, [launched.id])


def test_user_data_that_is_too_large_is_not_quoted(nova: Nova):
    error = refused(cloud(nova).launch, replace(order(), user_data="t0ken" * 12_000))
    assert (error.kind, error.setting) == (Refusal.BAD_REQUEST, "dynamiccluster:cloud:alpha:config:userdata_file"), error
    assert "t0ken" not in str(error) and "dDBrZW" not in str(error)


def test_defect_orders_that_are_taken_and_then_refused_for_the_quota_say_so(nova: Nova):
    """8 creates side by side against a quota of 5 all gave 202; then 3 went into ERROR."""
    nova.set_quota(instances=2)
    ports = [cloud(nova) for _ in range(5)]  # none of them counts what the others have under way
    for port in ports:
        port.names.ids()
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda port: _try(lambda: port.launch(order())), ports))
    taken = [one for one in answers if isinstance(one, Instance)]
    assert {one.kind for one in answers if isinstance(one, CloudError)} <= {Refusal.QUOTA}
    listed = await_states(nova, ports[0], [one.id for one in taken], InstanceState.ACTIVE, InstanceState.ERROR)
    failed = [one for one in listed.values() if one.state is InstanceState.ERROR]
    assert len(listed) - len(failed) <= 2 and all(one.refusal == Refusal.QUOTA.value for one in failed)
    remove(nova, ports[0], list(listed))


def test_s35_an_order_that_nova_carries_out_late_makes_one_server_also_after_a_restart(nova: Nova):
    """It waits in front of Nova while its caller has given up; it is carried out later and must not be repeated meanwhile."""
    port = cloud(nova, timeouts=Timeouts(call=3.0, settle=3600.0))
    port.list()
    asked, ask = order(), port.api.change

    def ask_while_nova_hangs(doing: str, call: Callable[[Any], Any]) -> Any:
        with nova.hung("nova"):
            return ask(doing, call)

    port.api.change = ask_while_nova_hangs  # type: ignore[method-assign]
    error = refused(port.launch, asked)
    assert (error.kind, error.certain) == (Refusal.UNREACHABLE, False)
    restarted = cloud(nova, timeouts=Timeouts(settle=3600.0))
    found = nova.wait_for(lambda: _launched(restarted, replace(asked, tried_at=1.0)), 60, "the server of the lost order")
    await_states(nova, restarted, [found.id], InstanceState.ACTIVE)
    assert [one.id for one in nova.servers("hpc")] == [found.id]


def _launched(port: OpenStack, wanted: LaunchOrder) -> Instance | None:
    """Return the order's server, None while the cloud is not asked again."""
    answer = _try(lambda: port.launch(wanted))
    if isinstance(answer, Instance):
        return answer
    assert answer.alone and not answer.certain, answer
    return None


def _try(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except CloudError as error:
        return error
