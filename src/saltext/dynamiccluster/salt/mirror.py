"""What an administrator decided, kept in Salt's cache backend too, where a second master can see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import salt.cache

_BANK = "dynamiccluster_decisions"  # not below the directory of the clusters, which lies in the same place


class CacheMirror:
    """Keeps one document for each cluster in Salt's cache. Implements the ledger's Mirror; raises what the backend raises."""

    def __init__(self, opts: Mapping[str, Any], cluster: str):
        self._cache = salt.cache.factory(dict(opts))
        self._cluster = cluster

    def get(self) -> Mapping[str, Any] | None:
        found = self._cache.fetch(_BANK, self._cluster)
        return found if isinstance(found, Mapping) and found else None

    def put(self, decisions: Mapping[str, Any]) -> None:
        self._cache.store(_BANK, self._cluster, dict(decisions))
