"""The document that the engine leaves for readers: what it saw and decided last, also while it is down.

{"written_at": Unix seconds, "engine": {...}, "cluster": {...}, "nodes": [...], "jobs": [...], "resources": [...], "plan": {...}, "orphans": [...],
"problems": [...], "totals": {...}, "history": [...]}: what control/present.py makes, plain JSON data without any secret.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import CommandRefused
from .places import cluster_directory, read_json, write_private

FILE, SUMMARY, NODES = "snapshot.json", "summary.json", "nodes.json"
# what a table of nodes is made of
COLUMNS = ("hostname", "name", "type", "resource", "state", "state_name", "time_in_current_state", "num_proc", "jobs", "reason")
_LONG = ("nodes", "jobs", "plan", "history")  # what the summary leaves out: it grows with the cluster


def write_snapshot(opts: Mapping[str, Any], cluster: str, document: Mapping[str, Any]) -> None:
    """Replace the cluster's snapshot at once, mode 0600. Raises OSError."""
    directory = cluster_directory(opts, cluster, create=True)
    document = {**document, "written_at": time.time()}
    write_private(directory / FILE, "".join(_encode(document)))
    write_private(directory / NODES, _dumps([[row.get(name) for name in COLUMNS] for row in document.get("nodes", ())]))
    write_private(directory / SUMMARY, _dumps({key: value for key, value in document.items() if key not in _LONG}))


def mask_rows(document: Mapping[str, Any], secrets: Iterable[str], mask: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the document masked by `mask`. Rows that surely hold no secret, which are nearly all, are taken as they are."""
    written = [json.dumps(secret)[1:-1] for secret in secrets if secret]

    def mask_row(row: Any) -> Any:
        text = json.dumps(row, default=str)
        return mask(row) if any(secret in text for secret in written) else json.loads(text)

    return {key: [mask_row(row) for row in value] if isinstance(value, list) else mask(value) for key, value in document.items()}


def _encode(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the document's JSON row by row: one call for thousands of rows would hold the interpreter, and the loop with it."""
    for number, (key, value) in enumerate(document.items()):
        yield f"{',' if number else '{'}{json.dumps(key)}:"
        if not isinstance(value, list):
            yield _dumps(value)
            continue
        for place, row in enumerate(value):
            yield f"{',' if place else '['}{_dumps(row)}"
        yield "]" if value else "[]"
    yield "}"


def _dumps(value: Any) -> str:
    return json.dumps(value, default=str, separators=(",", ":"))


def read_snapshot(opts: Mapping[str, Any], cluster: str) -> dict[str, Any]:
    """Return the last snapshot. Raises CommandRefused when there is none."""
    document = read_json(cluster_directory(opts, cluster) / FILE)
    if not isinstance(document, dict):
        raise CommandRefused(
            f"there is no snapshot of cluster {cluster!r}: its engine has not run on this master yet; "
            "see the master's log, and `engines` in its configuration"
        )
    return document


def read_summary(opts: Mapping[str, Any], cluster: str) -> dict[str, Any]:
    """Return the last snapshot without its long lists, which costs as little with thousands of nodes. Raises CommandRefused when there is none."""
    document = _read_extract(cluster_directory(opts, cluster), SUMMARY)
    return document if isinstance(document, dict) else read_snapshot(opts, cluster)


def read_nodes(opts: Mapping[str, Any], cluster: str) -> list[dict[str, Any]]:
    """Return the COLUMNS of each node of the last snapshot. Raises CommandRefused when there is none."""
    rows = _read_extract(cluster_directory(opts, cluster), NODES)
    if isinstance(rows, list):
        return [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    return [{name: row.get(name) for name in COLUMNS} for row in read_snapshot(opts, cluster).get("nodes", ())]


def _read_extract(directory: Path, name: str) -> Any:
    """Return what is kept beside the snapshot, None when that is missing, damaged or not of this snapshot: it is written after it."""
    try:
        current = (directory / name).stat().st_mtime_ns >= (directory / FILE).stat().st_mtime_ns
    except OSError:
        return None
    return read_json(directory / name) if current else None
