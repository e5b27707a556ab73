"""The way from a runner to the engine and back, over the event bus.

A minion may fire events with any tag below `dynamiccluster/`, so that a command and its reply are signed with a secret that only the
master's user can read. A reply too large for the bus goes through a file.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import salt.utils.event

from ..errors import CommandRefused
from ..ports import Event
from .bus import MAX_BYTES, Bus, cluster_tag
from .places import cluster_directory, read_json, write_json, write_private

log = logging.getLogger(__name__)

_KEY_FILE = "command.key"
_FRESH = 120.0  # seconds: an older command is a repetition, or nobody waits for its reply any more
_ROOM = MAX_BYTES - 4096

Command = dict[str, Any]
Receiver = Callable[[str, Command], None]


def ask(opts: Mapping[str, Any], cluster: str, command: Command, deadline: float = 20.0) -> dict[str, Any]:
    """Send {"name", "arguments", "by"} to the engine; return its reply {"ok", "message", "data"}.

    Raises CommandRefused when no engine answers within `deadline` seconds.
    """
    directory = cluster_directory(opts, cluster)
    key = _read_key(directory)
    if key is None:
        raise CommandRefused(_no_answer(cluster, "it has never run on this master, or you are not the master's user"))
    identity = secrets.token_hex(8)
    done = cluster_tag(cluster, f"command/{identity}/done")
    body = {"id": identity, "cluster": cluster, "at": time.time(), "command": command}
    bus = salt.utils.event.get_event("master", opts=dict(opts), listen=True)
    try:
        bus.subscribe(done)
        bus.connect_pub()
        if not bus.fire_event({**body, "signature": sign(key, body)}, cluster_tag(cluster, f"command/{identity}/new")):
            raise CommandRefused(_no_answer(cluster, "the master's event bus does not take events"))
        return _await_reply(bus, done, key, directory, cluster, deadline)
    finally:
        bus.unsubscribe(done)
        bus.destroy()


def _await_reply(bus: Any, tag: str, key: bytes, directory: Path, cluster: str, deadline: float) -> dict[str, Any]:
    until = time.monotonic() + deadline
    while (left := until - time.monotonic()) > 0:
        data = bus.get_event(wait=max(left, 0.1), tag=tag, auto_reconnect=True)
        if isinstance(data, dict) and is_signed(key, data):
            return _unfold(data, directory)
    raise CommandRefused(_no_answer(cluster, f"no answer within {deadline:.0f} s"))


def _unfold(data: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    reply = dict(data["reply"])
    if name := reply.pop("file", None):
        path = directory / Path(str(name)).name
        reply["data"] = read_json(path)
        path.unlink(missing_ok=True)
    return reply


class CommandDesk:
    """The engine's end: hands commands to `receive(id, command)` and fires what is given to `reply`."""

    def __init__(self, opts: Mapping[str, Any], cluster: str, bus: Bus, receive: Receiver):
        self._cluster = cluster
        self._directory = cluster_directory(opts, cluster, create=True)
        self._key = _ensure_key(self._directory)
        self._bus = bus
        self._receive = receive
        self._seen: dict[str, float] = {}
        for stale in self._directory.glob("reply-*.json"):
            stale.unlink(missing_ok=True)

    def hear(self, data: Mapping[str, Any]) -> None:
        """Look at one `command/<id>/new` event (on the loop); anything unsigned, old or repeated is dropped and logged."""
        identity, command = data.get("id"), data.get("command")
        now = time.time()
        if not isinstance(identity, str) or not isinstance(command, dict) or not is_signed(self._key, data):
            log.warning("a command without a valid signature was dropped: somebody else than a runner fired it")
            return
        if abs(now - float(data.get("at", 0))) > _FRESH or identity in self._seen:
            log.warning("the old or repeated command %s was dropped", identity)
            return
        self._seen = {key: at for key, at in self._seen.items() if at > now - 2 * _FRESH} | {identity: now}
        self._receive(identity, command)

    def reply(self, identity: str, reply: Mapping[str, Any]) -> None:
        """Fire the reply {"ok", "message", "data"}; large data goes into a file that the runner removes."""
        # Masked before it is signed: what the bus masks itself would make the signature wrong.
        small = self._bus.mask(dict(reply))
        if len(json.dumps(small, default=str)) > _ROOM:
            name = f"reply-{identity}.json"
            write_json(self._directory / name, small.get("data"))
            small = {"ok": small.get("ok"), "message": str(small.get("message", ""))[:1000], "file": name}
        body = {"id": identity, "reply": small}
        self._bus.fire(Event(cluster_tag(self._cluster, f"command/{identity}/done"), {**body, "signature": sign(self._key, body)}))


def sign(key: bytes, body: Mapping[str, Any]) -> str:
    """Return the signature of a body, blind to what Salt and the sender add to an event."""
    signed = {name: value for name, value in body.items() if name in ("id", "at", "command", "reply")}
    return hmac.new(key, json.dumps(signed, sort_keys=True, default=str).encode(), hashlib.sha256).hexdigest()


def is_signed(key: bytes, body: Mapping[str, Any]) -> bool:
    """Tell whether the body was signed with this key. What no runner could have sent is not: whoever is on the bus may send anything."""
    signature = body.get("signature")
    try:
        return isinstance(signature, str) and hmac.compare_digest(signature.encode(), sign(key, body).encode())
    except (TypeError, ValueError, RecursionError):  # keys of several kinds, half a surrogate, a thousand levels
        return False


def _ensure_key(directory: Path) -> bytes:
    path = directory / _KEY_FILE
    if _read_key(directory) is None:
        write_private(path, secrets.token_hex(32))
    os.chmod(path, 0o600)
    return path.read_bytes()


def _read_key(directory: Path) -> bytes | None:
    try:
        return (directory / _KEY_FILE).read_bytes() or None
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None


def _no_answer(cluster: str, why: str) -> str:
    return f"the engine of cluster {cluster!r} does not answer ({why}): is the master running, and `dynamiccluster` among its `engines`?"
