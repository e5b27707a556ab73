"""Whose servers are whose: what carries our metadata is ours, whatever it is called; nothing else is ever touched."""

from __future__ import annotations

from datetime import datetime

import pytest

from saltext.dynamiccluster.model import InstanceState

from .clouds import CLUSTER, await_states, cloud, order, remove

pytestmark = pytest.mark.integration


def test_defect_name_filter_is_a_pattern_that_matches_foreign_servers(nova):
    """A prefix `wn-` as a regular expression matches `dawn-1`; a name of ours in another's server makes it no server of ours."""
    foreign = [
        nova.make_server("wn-000001", nova.colleague),
        nova.make_server("dawn-1", nova.colleague),
        nova.make_server("wn-aaaaaa", nova.stranger),
        nova.make_server("wn-bbbbbb", nova.colleague, meta={"dynamiccluster:cluster": "another", "dynamiccluster:resource": "alpha"}),
        nova.make_server("wn-cccccc", nova.colleague, meta={"dynamiccluster:cluster": CLUSTER, "dynamiccluster:resource": "beta"}),
        nova.make_server("wn-dddddd", nova.colleague, meta={"dynamiccluster:cluster": CLUSTER}),
        nova.make_server("wn-eeeeee", nova.colleague, meta={"dynamiccluster:cluster": CLUSTER.upper(), "dynamiccluster:resource": "alpha"}),
    ]
    port = cloud(nova)
    ours = [port.launch(order()).id for _ in range(2)]
    await_states(nova, port, ours, InstanceState.ACTIVE)
    assert sorted(one.id for one in port.list()) == sorted(ours)
    remove(nova, port, [one.id for one in port.list()])
    assert {one.id for one in nova.servers()} == {one.id for one in foreign}
    nova.wait_for(lambda: all(one.status == "ACTIVE" for one in nova.servers()), 60, "foreign servers to be built")


def test_s33_list_launch_and_destroy_work_with_names_zone_and_user_data(nova):
    """The predecessor's OpenStack could not start: NameError in update, user-data a constant, region fixed, zone ignored."""
    port = cloud(nova, availability_zone="zone-b", region_name=nova.region)
    launched = port.launch(order())
    shown = await_states(nova, port, [launched.id], InstanceState.ACTIVE)[launched.id]
    server = nova.admin.servers.get(launched.id)
    assert shown.zone == "zone-b" and server.name == launched.name
    assert getattr(server, "OS-EXT-SRV-ATTR:user_data") == "IyEvYmluL3NoCg=="  # base64 of the order's own
    assert server.key_name == nova.key_name and [one["name"] for one in server.security_groups] == [nova.security_group]
    remove(nova, port, [launched.id])


def test_defect_created_at_is_text(nova):
    """Nova's `created` is text; arithmetic on it ended the predecessor's engine. Here it is Unix time."""
    port = cloud(nova)
    launched = port.launch(order())
    shown = await_states(nova, port, [launched.id], InstanceState.ACTIVE)[launched.id]
    server = nova.admin.servers.get(launched.id)
    assert isinstance(shown.created, float) and f"{shown.created:.0f}" == f"{_unix(server.created):.0f}"


def _unix(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def test_servers_deleted_behind_our_back_are_gone_and_the_others_stay(nova):
    port = cloud(nova)
    ids = [port.launch(order()).id for _ in range(4)]
    await_states(nova, port, ids, InstanceState.ACTIVE)
    for id_ in ids[:2]:
        nova.lose(id_)
    nova.wait_for(lambda: {one.id for one in port.list() if one.state is InstanceState.ACTIVE} == set(ids[2:]), 60, "the lost ones to be noticed")
    nova.wait_for(lambda: port.get(ids[0]) is None, 60, "a lost one to be unknown")
    port.destroy(ids[0])  # again: a success


def test_a_server_that_breaks_is_an_error_and_can_be_ended(nova):
    port = cloud(nova)
    launched = port.launch(order())
    await_states(nova, port, [launched.id], InstanceState.ACTIVE)
    nova.fail(launched.id)
    assert await_states(nova, port, [launched.id], InstanceState.ERROR)
    remove(nova, port, [launched.id])
    assert nova.servers() == []


def test_a_server_is_ended_while_it_is_built(nova):
    nova.knobs(spawn_seconds=6)
    port = cloud(nova)
    launched = port.launch(order())
    port.destroy(launched.id)
    remove(nova, port, [launched.id])
    assert nova.servers() == []


def test_a_server_that_ends_slowly_is_deleting_until_it_is_gone(nova):
    nova.knobs(destroy_seconds=4)
    port = cloud(nova)
    launched = port.launch(order())
    await_states(nova, port, [launched.id], InstanceState.ACTIVE)
    port.destroy(launched.id)
    assert port.get(launched.id).state is InstanceState.DELETING
    nova.wait_for(lambda: port.get(launched.id) is None, 60, "the server to be gone")
