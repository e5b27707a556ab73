"""Let in the minions that were ordered, once each, and nobody else.

Salt 3008 puts the token into the `salt/auth` event (`auth_events_autosign_grains: [pend]`); exactly the key that showed the right one is accepted. Before
3008 the master itself accepts whoever shows an unspent token (`autosign_grains_dir`); then the id is checked afterwards.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import salt.version

from ..ports import Announcer, Event, Finding
from .autosign import GRAIN, TokenFile, other_ways_in
from .bus import cluster_tag
from .places import cluster_directory, read_json, write_json, write_private
from .tokens import Guests, Ruling, key_digest, token_digest
from .keystore import ACCEPTED, PENDING, KeyStore

log = logging.getLogger(__name__)

_FIRST_WITH_GRAINS_IN_EVENTS = 3008


def way_of_acceptance(opts: Mapping[str, Any]) -> str:
    """Return "events" (3008 and later), "autosign" (before) or "" when the master is set up for neither."""
    if salt.version.__saltstack_version__.major >= _FIRST_WITH_GRAINS_IN_EVENTS:
        return "events" if "pend" in (opts.get("auth_events_autosign_grains") or ()) else ""
    return "autosign" if opts.get("autosign_grains_dir") else ""


def check_master(opts: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Tell whether this master can accept keys by token."""
    way = way_of_acceptance(opts)
    modern = salt.version.__saltstack_version__.major >= _FIRST_WITH_GRAINS_IN_EVENTS
    setting = "auth_events_autosign_grains: [pend]" if modern else "autosign_grains_dir: /etc/salt/autosign_grains"
    findings = [Finding("key acceptance", bool(way), way or "off", "" if way else f"put `{setting}` into the master's configuration")]
    if opts.get("auto_accept") or opts.get("open_mode"):
        remedy = "set auto_accept and open_mode to False"
        findings.append(Finding("key acceptance", False, "the master accepts any key without a token", remedy))
    if not opts.get("auth_events", True):
        findings.append(Finding("key acceptance", False, "auth_events is off: keys that wait are not seen", "set auth_events: True"))
    return tuple(findings)


class Keys:
    """The keys of this cluster's minions.

    `defer(function, *arguments)` runs a call in a thread: event handlers must return at once. `settings_id` is the id whose pillar holds
    the settings: it is never let in.
    """

    def __init__(
        self,
        opts: Mapping[str, Any],
        cluster: str,
        settings_id: str,
        announcer: Announcer,
        defer: Callable[..., object],
        store: KeyStore | None = None,
    ):
        self._opts = opts
        self._cluster = cluster
        self._settings_id = settings_id
        self._announcer = announcer
        self._defer = defer
        self._store = store or KeyStore(opts)
        self._ledger = cluster_directory(opts, cluster, create=True) / "spent.json"
        self._spent: dict[str, dict[str, str]] = read_json(self._ledger) or {}
        self._ledger_lock = threading.Lock()
        self._throttle = Throttle()
        self._under_way: set[str] = set()
        self.guests = Guests(forbidden=settings_id)
        self.way = way_of_acceptance(opts)
        self._file = TokenFile(opts, cluster) if self.way == "autosign" else None
        self._accepted: set[str] = set()
        if self._file is not None:
            self._begin_autosign(self._file)

    # -- asked by the control loop (in threads) ---------------------------------------------------------------------

    def expect(self, name: str, token: str, resource: str) -> None:
        """Let the minion `name` in once, when it shows `token`. A key left by an older minion of this id is deleted first."""
        spent = self._spent.get(name, {})
        if spent.get("token") == token_digest(token):
            self.guests.expect(name, token, resource, spent["key"])
        else:
            known = self.guests.get(name)
            if (known is None or known.token != token) and self._store.key_of(name):
                self._store.delete(name)
                self._accepted.discard(name)
            self._forget_spent(name)
            self.guests.expect(name, token, resource)
        self._write_tokens()

    def forget(self, name: str) -> None:
        """Void the token first, then delete the key, in every state."""
        self.guests.forget(name)
        self._write_tokens()
        self._store.delete(name)
        self._accepted.discard(name)
        self._forget_spent(name)

    # -- told by the event bus (on the loop) --------------------------------------------------------------------------

    def on_auth(self, data: Mapping[str, Any]) -> None:
        """Look at one `salt/auth` event."""
        minion_id, public_key = data.get("id"), data.get("pub")
        if not isinstance(minion_id, str) or not isinstance(public_key, str):
            return
        if data.get("act") == "accept":
            self._on_accepted_by_master(minion_id, public_key)
        elif data.get("act") in ("pend", "denied"):
            grains = data.get("autosign_grains")
            token = grains.get(GRAIN) if isinstance(grains, Mapping) else None
            self._on_waiting(str(data["act"]), minion_id, token, public_key)

    def on_key(self, data: Mapping[str, Any]) -> None:
        """Look at one `salt/key` event: what an administrator accepted or deleted by hand."""
        if data.get("act") == "accept":
            self._accepted.add(str(data.get("id")))
        elif data.get("act") == "delete":
            self._accepted.discard(str(data.get("id")))

    def _on_waiting(self, act: str, minion_id: str, token: object, public_key: str) -> None:
        judgement = self.guests.judge(minion_id, token, public_key)
        if judgement.ruling is Ruling.IGNORE:
            return
        if judgement.ruling is Ruling.REFUSE:
            self._announce_refusal(minion_id, judgement.reason)
        elif minion_id not in self._under_way:
            self._under_way.add(minion_id)
            self._defer(self._let_in, act, minion_id, public_key)

    def _on_accepted_by_master(self, minion_id: str, public_key: str) -> None:
        if self._file is None or minion_id in self._accepted:
            return
        self._accepted.add(minion_id)
        self._defer(self._settle_autosigned, minion_id, public_key)

    # -- the work (in threads) ------------------------------------------------------------------------------------------

    def _let_in(self, act: str, name: str, public_key: str) -> None:
        try:
            held = self._store.key_of(name)
            if act == "denied":
                self._evict_impostor(name, held, public_key)
            elif key_digest(held.get(PENDING, "")) == key_digest(public_key) and self._spend(name, public_key):
                self._store.accept(name)
                self._announce("accepted", name, "it showed its one-time token")
        except Exception:  # Salt raises many kinds; the minion tries again in 10 s, and so does this
            log.exception("accepting the key of %s failed, trying again when it asks again", name)
        finally:
            self._under_way.discard(name)

    def _evict_impostor(self, name: str, held: Mapping[str, str], public_key: str) -> None:
        """Make room for the owner of the token where another key, which showed no right token, waits under its id."""
        waiting = held.get(PENDING)
        if waiting and key_digest(waiting) != key_digest(public_key):
            self._store.delete(name)
            self._announce_refusal(name, "another key waited under this id; it was deleted for the one with the right token")

    def _settle_autosigned(self, minion_id: str, public_key: str) -> None:
        """Bind the token that Salt's autosign has just taken, or undo the acceptance of an id that nobody expects."""
        try:
            if minion_id == self._settings_id or self.guests.get(minion_id) is None:
                self._undo_stranger(minion_id)
            elif self._spend(minion_id, public_key):
                self._write_tokens()
                self._announce("accepted", minion_id, "it showed a one-time token")
        except Exception:  # as above; it is looked at again when the minion authenticates again
            self._accepted.discard(minion_id)
            log.exception("checking the acceptance of %s failed", minion_id)

    def _undo_stranger(self, minion_id: str) -> None:
        if not self.guests.unspent():
            return
        if way := other_ways_in(self._opts):
            log.warning("the key of %s was accepted without being expected; %s may explain it", minion_id, way)
            return
        self._store.delete(minion_id)
        self._accepted.discard(minion_id)
        self._announce_refusal(minion_id, "it used the token of another instance; its key was deleted")

    def _spend(self, name: str, public_key: str) -> bool:
        """Bind the token to the key, on disk before the key is accepted: a crash in between is finished by the minion's next try."""
        guest = self.guests.get(name)
        if guest is None or not self.guests.spend(name, public_key):
            return False
        with self._ledger_lock:
            self._spent[name] = {"token": token_digest(guest.token), "key": key_digest(public_key)}
            write_json(self._ledger, self._spent)
        return True

    def _forget_spent(self, name: str) -> None:
        with self._ledger_lock:
            if self._spent.pop(name, None) is not None:
                write_json(self._ledger, self._spent)

    def _write_tokens(self) -> None:
        if self._file is not None:
            self._file.write(self.guests.unspent)

    def _begin_autosign(self, file: TokenFile) -> None:
        file.write(tuple)
        self._accepted = self._store.list()[ACCEPTED]
        # Rejection comes before autosign in the master's order, so this id stays shut whatever token is shown.
        if not self._store.key_of(self._settings_id):
            rejected = Path(self._opts["pki_dir"]) / "minions_rejected" / self._settings_id
            rejected.parent.mkdir(mode=0o700, exist_ok=True)
            write_private(rejected, (Path(self._opts["pki_dir"]) / "master.pub").read_text(encoding="utf-8"))

    def _announce_refusal(self, minion_id: str, reason: str) -> None:
        if self._throttle.allows(f"{minion_id}\n{reason}"):
            log.warning("the key of %s is not accepted: %s", _plain(minion_id), reason)
            self._announce("refused", minion_id, reason)

    def _announce(self, verb: str, minion_id: str, reason: str) -> None:
        guest = self.guests.get(minion_id)
        data = {"id": _plain(minion_id), "resource": guest.resource if guest else "", "reason": reason}
        self._announcer.fire(Event(cluster_tag(self._cluster, f"key/{_plain(minion_id)}/{verb}"), data))


class Throttle:
    """Lets the same text pass once in `quiet` seconds, and all texts together `burst` times a minute."""

    def __init__(self, quiet: float = 600.0, burst: int = 30, clock: Callable[[], float] = time.monotonic):
        self._quiet, self._burst, self._clock = quiet, burst, clock
        self._seen: OrderedDict[str, float] = OrderedDict()

    def allows(self, text: str) -> bool:
        now = self._clock()
        while self._seen and next(iter(self._seen.values())) < now - self._quiet:
            self._seen.popitem(last=False)
        recent = sum(1 for at in self._seen.values() if at > now - 60)
        if text in self._seen or recent >= self._burst:
            return False
        self._seen[text] = now
        return True


def _plain(minion_id: str) -> str:
    """Return an id fit for a tag and a log line: it is text from outside."""
    return re.sub(r"[^A-Za-z0-9_.@-]", "_", minion_id)[:128]
