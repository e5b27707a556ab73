"""The module of the worker nodes, as Salt's own loader loads it: it needs neither the library nor any package."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

salt_config = pytest.importorskip("salt.config")
import salt.loader  # noqa: E402

MODULES = Path(__file__).parents[3] / "_modules"
NAME = "dynamiccluster_node"


@pytest.fixture
def module(tmp_path: Path) -> Any:
    options = {**salt_config.DEFAULT_MINION_OPTS, "id": "dc-a", "extension_modules": str(tmp_path), "cachedir": str(tmp_path), "grains": {}}
    pack = {"__opts__": options, "__pillar__": {}, "__salt__": {}, "__context__": {}, "__grains__": {}}
    return salt.loader.LazyLoader([str(MODULES)], options, tag="module", pack=pack)


def test_each_function_has_an_example(module: Any) -> None:
    found = {name for name in module if name.startswith(f"{NAME}.")}
    assert found == {f"{NAME}.facts", f"{NAME}.execd_running"}
    for name in found:
        assert "CLI Example" in inspect.getdoc(module[name]) and name in inspect.getdoc(module[name])


def test_facts(module: Any) -> None:
    facts = module[f"{NAME}.facts"]()
    assert facts["cores"] == len(os.sched_getaffinity(0))
    assert 0 < facts["memory_mb"] <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20


@pytest.mark.parametrize("name", ["dc_fake_execd", "dc_fake_execd_with_a_long_name"])
def test_execd_running(name: str, module: Any, tmp_path: Path) -> None:
    running = lambda: module[f"{NAME}.execd_running"](name)  # noqa: E731
    assert running() is False
    program = shutil.copy(shutil.which("sleep") or "", tmp_path / name)
    daemon = subprocess.Popen([program, "60"])
    try:
        until = time.monotonic() + 10  # the kernel gives a new process its name a moment after it was started
        while not running() and time.monotonic() < until:
            time.sleep(0.01)
        assert running() is True
    finally:
        daemon.kill()
        daemon.wait()
    assert running() is False
