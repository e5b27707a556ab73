"""Many servers: complete listings while they build, all up, all gone again."""

from __future__ import annotations

import threading

import pytest

from saltext.dynamiccluster.model import InstanceState

from .clouds import await_states, cloud, launch, remove

pytestmark = pytest.mark.integration
COUNT = 50


def test_fifty_servers_come_and_go_and_nothing_is_left(nova):
    port = cloud(nova)
    watcher = cloud(nova)
    listings: list[list[str]] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(1.5):
            listings.append([one.id for one in watcher.list()])

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        taken, refused = launch(port, COUNT)
        assert not refused
        listed = await_states(nova, port, [one.id for one in taken], InstanceState.ACTIVE, within=240)
    finally:
        over.set()
        thread.join()
    assert len(listed) == COUNT == len({one.address for one in listed.values()}) == len({one.intent for one in listed.values()})
    assert len(listings) > 3 and all(len(ids) == len(set(ids)) for ids in listings)
    remove(nova, port, list(listed))
    assert port.list() == () and nova.servers() == []
    assert nova.ports() == [], "a port without a server"
