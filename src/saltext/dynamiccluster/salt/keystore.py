"""Salt's key store: read, accept and delete the keys of minions by exact id."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

import salt.key

ACCEPTED, PENDING, REJECTED, DENIED = "minions", "minions_pre", "minions_rejected", "minions_denied"
_STATES = (ACCEPTED, PENDING, REJECTED, DENIED)


class KeyStore:
    """Keys by state. Calls block (some 10 ms each) and are serialised; deletions that come together are one batch."""

    def __init__(self, opts: Mapping[str, Any], window: float = 0.2):
        self._opts = dict(opts)
        self._window = window
        self._lock = threading.RLock()
        self._batch_lock = threading.Lock()
        self._batch: tuple[set[str], Future[None]] | None = None

    def list(self) -> dict[str, set[str]]:
        """Return {state: ids} for all keys."""
        found = self._call("all_keys")
        return {state: set(found.get(state) or ()) for state in _STATES}

    def key_of(self, minion_id: str) -> dict[str, str]:
        """Return {state: public key} of one id, {} when it has none."""
        found = self._call("key_str", minion_id)
        return {state: str(found[state][minion_id]) for state in _STATES if minion_id in (found.get(state) or {})}

    def accept(self, minion_id: str) -> None:
        """Accept the key that is pending under exactly this id."""
        self._call("accept", match_dict={PENDING: [minion_id]})

    def delete(self, minion_id: str) -> None:
        """Delete the keys of an id in every state; waits until it is done.

        Each deletion makes the master rotate its session key and every minion authenticate again, hence the batches.
        """
        leads, (ids, done) = self._join_batch(minion_id)
        if leads:
            time.sleep(self._window)
            with self._batch_lock:
                self._batch = None
            self._finish_batch(ids, done)
        done.result(timeout=60)

    def _join_batch(self, minion_id: str) -> tuple[bool, tuple[set[str], Future[None]]]:
        with self._batch_lock:
            leads = self._batch is None
            if self._batch is None:
                self._batch = (set(), Future())
            self._batch[0].add(minion_id)
            return leads, self._batch

    def _finish_batch(self, ids: Iterable[str], done: Future[None]) -> None:
        try:
            self._delete_now(ids)
        except BaseException as error:
            done.set_exception(error)
            return
        done.set_result(None)

    def _delete_now(self, ids: Iterable[str]) -> None:
        present = {state: sorted(keys.intersection(ids)) for state, keys in self.list().items()}
        if doomed := {state: keys for state, keys in present.items() if keys}:
            self._call("delete_key", match_dict=doomed)

    def _call(self, method: str, *arguments: Any, **options: Any) -> Mapping[str, Any]:
        # What the wheel functions do, without a wheel client: that one loads a whole minion, and leaves it behind.
        with self._lock, salt.key.get_key(self._opts) as keys:
            return getattr(keys, method)(*arguments, **options) or {}
