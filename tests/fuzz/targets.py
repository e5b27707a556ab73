"""What is fuzzed: each target takes bytes and raises only when something is wrong with the project.

The batch systems' output goes through the whole adapter: one command's output is replaced, and a reading is asked for. It must
be a BatchView, or a BatchError. No target keeps anything from one input to the next.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from tornado.escape import parse_qs_bytes

from saltext.dynamiccluster.batch.commands import Completed
from saltext.dynamiccluster.batch.gridengine import GridEngine
from saltext.dynamiccluster.batch.torque import Torque
from saltext.dynamiccluster.batch.torque.maui import parse_blocked, parse_created, parse_node_state, parse_reservations
from saltext.dynamiccluster.errors import BatchError, ConfigurationError
from saltext.dynamiccluster.model import BatchView, Reservation
from saltext.dynamiccluster.salt.commands import CommandDesk
from saltext.dynamiccluster.salt.highstate import Highstate
from saltext.dynamiccluster.salt.keys import Keys
from saltext.dynamiccluster.salt.notices import Notices
from saltext.dynamiccluster.settings import load
from saltext.dynamiccluster.settings.sge import SgeSettings
from saltext.dynamiccluster.settings.torque import TorqueSettings
from saltext.dynamiccluster.sim.clock import VirtualClock
from saltext.dynamiccluster.sim.world import EventList
from saltext.dynamiccluster.web.calls import CALLS
from saltext.dynamiccluster.web.parameters import BadParameter, read_all
from saltext.dynamiccluster.web.signing import read_login
from tests.unit.batch.fake_gridengine import FakeGridEngine
from tests.unit.batch.torque.fake_torque import FakeTorque
from tests.unit.salt.test_keys import Store

Target = Callable[[bytes], None]


# -- batch systems --------------------------------------------------------------------------------------------------------


def _substitute(run: Callable[..., Completed], program: str, data: bytes) -> Callable[..., Completed]:
    """Return a runner in which one program says `data` whatever it is asked."""

    def substituted(argv: tuple[str, ...], *, timeout: float) -> Completed:
        if any(PurePosixPath(word).name == program for word in argv[:3]):
            return Completed(0, data, b"")
        return run(argv, timeout=timeout)

    return substituted


def _observe(adapter: Any) -> None:
    for _ in range(2):  # what is remembered of the first reading meets the second one
        with suppress(BatchError):
            assert isinstance(adapter.observe(), BatchView)


def grid_engine(program: str, data: bytes) -> None:
    """Read a cell in which this program says `data`."""
    cell, clock = FakeGridEngine(), VirtualClock()
    _observe(GridEngine(SgeSettings(), (Reservation(),), run=_substitute(cell, program, data), clock=clock.now))


def torque(program: str, data: bytes) -> None:
    """Read a server with a node in which this program says `data`."""
    fake = FakeTorque()
    fake.boot("wn1")
    _observe(Torque(TorqueSettings(), (Reservation(),), run=_substitute(fake, program, data), clock=VirtualClock().now))


def maui(data: bytes) -> None:
    """Read what Maui's commands for one node or one job say."""
    text = data.decode("utf-8", "replace")
    for parse in (parse_reservations, parse_created, parse_node_state, parse_blocked):
        parse(text)


# -- settings, REST ---------------------------------------------------------------------------------------------------------


def settings(data: bytes) -> None:
    """Load a pillar out of YAML: settings, or all faults."""
    try:
        pillar = yaml.load(data, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError, TypeError, AttributeError, KeyError, IndexError):
        return  # PyYAML's own faults: Salt's renderer meets them before us
    with suppress(ConfigurationError):
        load(pillar)


def query(data: bytes) -> None:
    """Read a query's parameters for every call of the REST API."""
    given = parse_qs_bytes(data.decode("latin-1"), keep_blank_values=True)
    for call in CALLS:
        with suppress(BadParameter):
            read_all(call.parameters, given)


def body(data: bytes) -> None:
    """Read the body of a login."""
    try:
        found = read_login(data)
    except ValueError:
        return
    for value in (found or {}).values():
        value.encode()


# -- events -----------------------------------------------------------------------------------------------------------------


def _payload(data: bytes) -> Mapping[str, Any] | None:
    """Return an event's payload. Keys that look like numbers are numbers: msgpack has such."""
    try:
        found = json.loads(data, object_pairs_hook=lambda pairs: {int(k) if k.isdecimal() and len(k) < 9 else k: v for k, v in pairs})
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def event(data: bytes) -> None:
    """Hand an event from the bus to everyone who listens: returns, keys, commands, notices."""
    payload = _payload(data)
    if payload is None:
        return
    with tempfile.TemporaryDirectory() as directory:
        for hear in _listeners(Path(directory)):
            hear(payload)


def _listeners(directory: Path) -> list[Callable[[Mapping[str, Any]], object]]:
    (directory / "pki").mkdir()
    (directory / "pki" / "master.pub").write_text("the master's own key")
    opts = {"cachedir": str(directory), "pki_dir": str(directory / "pki"), "autosign_grains_dir": str(directory)}
    keys = Keys(opts, "lab", "head", EventList(), _call_now, Store())
    keys.expect("wn1", "a token", "cloud1")
    highstate = Highstate(lambda names: "20240101000000000000", lambda *_: None)
    highstate.expect("wn1")
    desk = CommandDesk(opts, "lab", EventList(), lambda identity, command: None)
    notices = Notices(opts, lambda *_: None, _call_now)
    return [highstate.on_return, keys.on_auth, keys.on_key, desk.hear, partial(notices.hear, "salt/beacon/wn1/dynamiccluster_notices/")]


def _call_now(work: Callable[..., object], *arguments: object) -> None:
    """Do at once what the engine leaves to a thread."""
    work(*arguments)


TARGETS: Mapping[str, Target] = {
    "qstat": partial(grid_engine, "qstat"),
    "qhost": partial(grid_engine, "qhost"),
    "qconf": partial(grid_engine, "qconf"),
    "torque-qstat": partial(torque, "qstat"),
    "pbsnodes": partial(torque, "pbsnodes"),
    "diagnose": partial(torque, "diagnose"),
    "showres": partial(torque, "showres"),
    "checknode": maui,
    "settings": settings,
    "query": query,
    "body": body,
    "event": event,
}
