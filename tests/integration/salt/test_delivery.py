"""Both deliveries bring engine, runner and modules: synced from file_roots, and installed with pip; a mixture of versions is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest

from .clusters import await_running, good_pillar
from .daemons import BIN, CHECKOUT, Master

SHELLS = ("_engines", "_runners", "_modules", "_beacons")
KINDS = {"engines": "dynamiccluster", "runners": "dynamiccluster", "modules": "dynamiccluster_aws"}
# What a master loads, from where; in a process of its own, because Python keeps what it has imported.
LOOK = """
import json, sys
import salt.config, salt.loader
opts = salt.config.master_config(sys.argv[1])
loaders = {"engines": salt.loader.engines(opts, {}, {}, {}), "runners": salt.loader.runner(opts), "modules": salt.loader.minion_mods(opts)}
wanted = {"engines": "dynamiccluster.start", "runners": "dynamiccluster.status", "modules": "dynamiccluster_aws.list_nodes"}
def tell(kind, loader):
    name = wanted[kind]
    path = loader.file_mapping.get(name.partition(".")[0], [""])[0]
    return [path, name in loader, str(loader.missing_fun_string(name))]
print(json.dumps({kind: tell(kind, loader) for kind, loader in loaders.items()}))
"""


def look(master: Master, python_path: Path = CHECKOUT / "src") -> dict[str, tuple[str, bool, str]]:
    """Return {kind: (file, loaded, why not)}."""
    argv = [sys.executable, "-c", LOOK, master.config["conf_file"]]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, env={**os.environ, "PYTHONPATH": str(python_path)}, cwd="/")
    assert done.returncode == 0, done.stderr
    return {kind: tuple(found) for kind, found in json.loads(done.stdout.splitlines()[-1]).items()}


def copy_checkout(target: Path) -> Path:
    """Copy what is installed; a build leaves files beside it."""
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("src", *SHELLS):
        shutil.copytree(CHECKOUT / name, target / name, ignore=ignore)
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, target / name)
    return target


def synced(root: Path, **config: Any) -> Master:
    """Return a master that serves the shells in its file_roots, not started."""
    master = Master(root, module_dirs=[], **config)
    (root / "cache" / "proc").mkdir(parents=True)  # a master that has ever run has made it
    for name in SHELLS:
        shutil.copytree(CHECKOUT / name, root / "states" / name, ignore=shutil.ignore_patterns("__pycache__"))
    return master


def test_sync_all_from_file_roots(tmp_path: Path) -> None:
    master = synced(tmp_path / "s", engines=[{"dynamiccluster": {}}])
    code, value, text = master.run("saltutil.sync_all")
    assert code == 0, text
    assert value["engines"] == ["engines.dynamiccluster"] and value["runners"] == ["runners.dynamiccluster"]
    assert set(value["modules"]) == {f"modules.dynamiccluster_{name}" for name in ("aws", "node", "openstack")}
    for kind, (file, loaded, why) in look(master).items():
        assert loaded and file.startswith(str(master.root)) and f"/extmods/{kind}/" in file, (kind, file, why)
    master.pillar("top.sls", "base:\n  the_master:\n    - cluster\n")
    master.pillar("cluster.sls", good_pillar())
    master.start()
    try:
        await_running(master)
        assert master.run("dynamiccluster.status")[1]["engine"]["running"]
    finally:
        master.stop()


def test_a_synced_file_of_another_version_is_refused_with_a_reason(tmp_path: Path) -> None:
    master = synced(tmp_path / "v")
    for shell in SHELLS:
        for path in (master.root / "states" / shell).glob("*.py"):
            path.write_text(path.read_text().replace('__version__ = "2.0.0"', '__version__ = "0.0.1"'))
    assert master.run("saltutil.sync_all")[0] == 0
    for kind, (_, loaded, why) in look(master).items():
        assert not loaded and "this file is version 0.0.1, the installed library 2.0.0: sync or install again" in why, kind
    assert "this file is version 0.0.1" in master.run("dynamiccluster.status")[2]


def test_the_installed_package(tmp_path: Path) -> None:
    target = tmp_path / "site"
    argv = [str(BIN / "python"), "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), str(copy_checkout(tmp_path / "source"))]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    package = target / "saltext" / "dynamiccluster"
    found = look(Master(tmp_path / "m", module_dirs=[]), target)
    for kind, (file, loaded, why) in found.items():
        assert loaded and file == str(package / f"_{kind}" / f"{KINDS[kind]}.py"), (kind, file, why)
    assert (package / "_beacons" / "dynamiccluster_notice.py").is_file()
    assert (package / "web" / "static").is_dir() and list((package / "web" / "static").rglob("*.js"))


def test_the_package_installed_editable(tmp_path: Path) -> None:
    installed = [found.read_text("direct_url.json") or "" for found in distributions(name="saltext.dynamiccluster")]
    if not any('"editable": true' in found for found in installed):
        pytest.skip("the project is not installed editable here; ./run test does it")
    for kind, (file, loaded, why) in look(Master(tmp_path / "m", module_dirs=[]), tmp_path).items():
        assert loaded and file == str(CHECKOUT / f"_{kind}" / f"{KINDS[kind]}.py"), (kind, file, why)
