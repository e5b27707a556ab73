"""The port check against real sockets."""

from __future__ import annotations

import socket

from saltext.dynamiccluster.checks.port import PortCheck
from saltext.dynamiccluster.model import Verdict
from saltext.dynamiccluster.ports import Target


def target(address: str) -> Target:
    return Target("dc-abc234", "host1", address, "cloud1", 0.0)


def test_ready_once_something_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert PortCheck(server.getsockname()[1]).check(target("127.0.0.1")).verdict is Verdict.READY


def test_nothing_listening_is_waiting_with_the_cause():
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
    result = PortCheck(number).check(target("127.0.0.1"))
    assert result.verdict is Verdict.WAITING and "refused" in result.detail and str(number) in result.detail


def test_full_backlog_ends_with_the_time_out():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        result = PortCheck(address[1], timeout=0.2).check(target("127.0.0.1"))
        for filler in fillers:
            filler.close()
    assert result.verdict is Verdict.WAITING and "timed out" in result.detail


def test_no_address_yet_is_waiting():
    assert PortCheck(22).check(target("")).verdict is Verdict.WAITING


def test_text_that_is_no_address_is_waiting():
    assert PortCheck(22).check(target("no.such.host.invalid")).verdict is Verdict.WAITING
