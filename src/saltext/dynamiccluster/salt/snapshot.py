"""The document that the engine leaves for readers: what it saw and decided last, also while it is down.

{"written_at": Unix seconds, "engine": {...}, "cluster": {...}, "nodes": [...], "jobs": [...], "resources": [...], "plan": {...}, "orphans": [...],
"problems": [...], "totals": {...}, "history": [...]}: what control/present.py makes, plain JSON data without any secret.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..errors import CommandRefused
from .places import cluster_directory, read_json, write_json

FILE = "snapshot.json"


def write_snapshot(opts: Mapping[str, Any], cluster: str, document: Mapping[str, Any]) -> None:
    """Replace the cluster's snapshot at once, mode 0600. Raises OSError."""
    path = cluster_directory(opts, cluster, create=True) / FILE
    write_json(path, {**document, "written_at": time.time()})


def read_snapshot(opts: Mapping[str, Any], cluster: str) -> dict[str, Any]:
    """Return the last snapshot. Raises CommandRefused when there is none."""
    document = read_json(cluster_directory(opts, cluster) / FILE)
    if not isinstance(document, dict):
        raise CommandRefused(
            f"there is no snapshot of cluster {cluster!r}: its engine has not run on this master yet; "
            "see the master's log, and `engines` in its configuration"
        )
    return document
