"""Masters before 3008: the file of one-time tokens that Salt's autosign reads at each try of a minion."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from .places import cluster_directory, write_private

GRAIN = "dynamiccluster_token"


class TokenFile:
    """`<autosign_grains_dir>/dynamiccluster_token`: the unspent tokens of all clusters of this master, one a line."""

    def __init__(self, opts: Mapping[str, Any], cluster: str):
        self._own = cluster_directory(opts, cluster, create=True) / "autosign"
        self._directory = Path(opts["autosign_grains_dir"])
        self._opts = opts

    def write(self, tokens: Callable[[], Iterable[str]]) -> None:
        """Replace this cluster's tokens; raises OSError. Without any token there is no file: a blank line would let an empty token in.

        `tokens` is asked under the lock, so that of two writers the later one writes the newer state.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self._own.parent.parent / "autosign.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            write_private(self._own, "".join(f"{token}\n" for token in tokens()))
            self._merge()

    def _merge(self) -> None:
        lines = {line.strip() for path in self._own.parent.parent.glob("*/autosign") for line in _read_lines(path)}
        merged = self._directory / GRAIN
        if lines := lines - {""}:
            write_private(merged, "".join(f"{line}\n" for line in sorted(lines)))
        elif merged.exists():
            os.unlink(merged)


def other_ways_in(opts: Mapping[str, Any]) -> str:
    """Return which other setting of the master may have accepted a key without a token of ours, "" when none can."""
    if opts.get("auto_accept") or opts.get("open_mode"):
        return "auto_accept or open_mode"
    if opts.get("autosign_file") and Path(opts["autosign_file"]).exists():
        return "autosign_file"
    if any((Path(opts["pki_dir"]) / "minions_autosign").glob("*")):
        return "minions_autosign"
    others = [path.name for path in Path(opts["autosign_grains_dir"]).glob("*") if path.name != GRAIN and path.is_file()]
    return f"autosign grain {others[0]}" if others else ""


def _read_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
