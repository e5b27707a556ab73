"""Where the engine and the runner meet on disk: a directory for each cluster below Salt's cache directory."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import CommandRefused

_CLUSTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")


def check_cluster(cluster: str) -> str:
    """Return the cluster's name. Raises CommandRefused when it could not be one (it becomes part of paths and event tags)."""
    if not _CLUSTER.match(cluster):
        raise CommandRefused(f"{cluster!r} is no name of a cluster: letters, digits, '_', '.' and '-' only")
    return cluster


def cluster_directory(opts: Mapping[str, Any], cluster: str, *, create: bool = False) -> Path:
    """Return the cluster's directory, readable by the master's user alone."""
    path = Path(opts["cachedir"]) / "dynamiccluster" / check_cluster(cluster)
    if create:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def known_clusters(opts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the clusters that an engine on this master has served."""
    base = Path(opts["cachedir"]) / "dynamiccluster"
    return tuple(sorted(path.name for path in base.glob("*") if path.is_dir() and _CLUSTER.match(path.name)))


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, mode 0600: a reader sees the old content or the new one, never a part. Raises OSError."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_json(path: Path, document: object) -> None:
    """Replace a file by a JSON document, mode 0600. Raises OSError."""
    write_private(path, json.dumps(document, default=str, separators=(",", ":")))


def read_json(path: Path) -> Any:
    """Return the document of a file, None when the file is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
