"""`salt-run dynamiccluster.status` and `.nodes` of a cluster with 10,000 nodes, against the least that any salt-run costs."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from saltext.dynamiccluster.control.present import present_node
from saltext.dynamiccluster.model import BatchView
from saltext.dynamiccluster.policy.plan import Plan
from saltext.dynamiccluster.salt.snapshot import write_snapshot

from .cases import Case, Sample, peak_mb
from .decide import NOW, cluster
from .worlds import make_listing

ROOT = Path(__file__).parents[1]
NODES = 10_000
_TIMEOUT = 300.0  # seconds
_TRIES = 2


def _prepare(folder: Path) -> None:
    """Write a master's configuration, and the snapshot that an engine of 10,000 nodes leaves."""
    base = folder / "runner"
    (base / "cache" / "proc").mkdir(parents=True, exist_ok=True)
    directories = {name: str(base / name) for name in ("pki_dir", "sock_dir", "run_dir")}
    master = {
        **directories,
        "cachedir": str(base / "cache"),
        "root_dir": str(base),
        "log_file": str(base / "log"),
        "id": "bench",
        "user": "root",
        "runner_dirs": [str(ROOT / "_runners")],
        "engines": [{"dynamiccluster": {"cluster": "bench"}}],
    }
    (base / "master").write_text(json.dumps(master))
    write_snapshot({"cachedir": str(base / "cache")}, "bench", _make_snapshot())


def _make_snapshot() -> dict[str, Any]:
    engine, hosts = cluster(NODES, 5000)
    listing = {item.id: item for item in make_listing(engine.memory.nodes.values())}
    engine.listing = tuple(listing.values())
    engine.decide(BatchView((), hosts), NOW, 1)
    assert engine.plan is not None
    plan: Plan = engine.plan
    return {
        "engine": {"version": "bench", "alive_at": NOW},
        "cluster": {"name": "bench", "type": "sge"},
        "nodes": [present_node(node, plan, NOW) for node in plan.nodes],
        "jobs": [],
        "resources": [],
        "totals": {"nodes": NODES},
    }


def _run(folder: Path, function: str) -> Sample:
    base = folder / "runner"
    spent = min(_salt_run(base, f"dynamiccluster.{function}") for _ in range(_TRIES))
    trivial = min(_salt_run(base, "test.arg") for _ in range(_TRIES))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    return Sample(spent, trivial, max(peak, peak_mb()))


def _salt_run(base: Path, function: str) -> float:
    """Return the CPU seconds of one salt-run. Raises SystemExit when it fails."""
    words = [str(Path(sys.executable).with_name("salt-run")), "--config-dir", str(base), "--out", "json", "--log-level", "quiet", function]
    before = _children()
    done = subprocess.run(words, capture_output=True, timeout=_TIMEOUT, check=False)
    if done.returncode or (function.endswith("nodes") and done.stdout.count(b'"hostname"') != NODES):
        raise SystemExit(f"{function} failed: {done.stderr.decode()[-500:]}")
    return _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _status(folder: Path) -> Sample:
    return _run(folder, "status")


def _nodes(folder: Path) -> Sample:
    return _run(folder, "nodes")


CASES = (
    Case("runner-status", "salt-run dynamiccluster.status, 10,000 nodes", 1.2, _status, _prepare),
    Case("runner-nodes", "salt-run dynamiccluster.nodes, 10,000 nodes", 1.2, _nodes, _prepare),
)
