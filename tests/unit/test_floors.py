"""Imports go downwards only, and Salt is known in one room."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "saltext" / "dynamiccluster"
FLOORS = {
    **dict.fromkeys(("model", "job", "notice", "errors", "settings", "calm", "intents"), 0),
    **dict.fromkeys(("ports", "policy", "snapshot"), 1),
    **dict.fromkeys(("batch", "clouds", "checks", "reporters", "standby", "control"), 2),
    **dict.fromkeys(("web", "sim", "replay"), 3),
    "salt": 4,
}
ADAPTERS = {"batch", "clouds", "checks", "reporters", "standby"}


@cache
def _import_statements() -> tuple[tuple[Path, ast.Import | ast.ImportFrom], ...]:
    """Return every import of the library with its file."""
    every = ((path, node) for path in PACKAGE.rglob("*.py") for node in ast.walk(ast.parse(path.read_text())))
    return tuple((path, node) for path, node in every if isinstance(node, ast.Import | ast.ImportFrom))


@cache
def _imports() -> list[tuple[Path, str, str]]:
    """Return (file, its room, the room that it imports) for every relative import across rooms."""
    found = []
    for path, node in _import_statements():
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if isinstance(node, ast.ImportFrom) and node.level:
            target = [*parts[: len(parts) - node.level], *(node.module or "").split(".")]
            names = [target[0]] if target[0] else [alias.name for alias in node.names]
            found += [(path, parts[0], name) for name in names if name in FLOORS and name != parts[0]]
    return found


def test_every_room_has_a_floor() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.name not in ("__init__.py", "__pycache__")}
    assert rooms <= set(FLOORS)


def test_imports_go_downwards() -> None:
    imports = _imports()
    assert imports
    wrong = [(path.name, own, other) for path, own, other in imports if FLOORS[own] < FLOORS[other]]
    assert not wrong


def test_adapters_know_neither_each_other_nor_control() -> None:
    assert not [(path.name, own, other) for path, own, other in _imports() if own in ADAPTERS and other in (ADAPTERS | {"control"}) - {own}]


def test_only_the_salt_room_names_salt() -> None:
    for path, node in _import_statements():
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [] if node.level else [node.module or ""]
        assert "salt" in path.relative_to(PACKAGE).parts or not [name for name in names if name.partition(".")[0] == "salt"], path


@pytest.mark.thorough
def test_only_the_salt_room_imports_salt() -> None:
    code = """
import sys, pkgutil, importlib
class Block:
    def find_spec(self, name, path=None, target=None):
        if name == "salt" or name.startswith("salt."):
            raise ImportError("salt is blocked")
sys.meta_path.insert(0, Block())
import saltext.dynamiccluster as package
for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".", onerror=lambda name: None):
    if not module.name.startswith(package.__name__ + ".salt"):
        importlib.import_module(module.name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(PACKAGE.parents[1])})
    assert done.returncode == 0, done.stderr


def test_shells_and_library_have_one_version() -> None:
    versions = set()
    for path in (PACKAGE / "__init__.py", *(PACKAGE.parents[2] / name for name in ("_engines/dynamiccluster.py", "_runners/dynamiccluster.py", "_modules/dynamiccluster_node.py"))):
        versions |= {node.value.value for node in ast.parse(path.read_text()).body if isinstance(node, ast.Assign) and node.targets[0].id == "__version__"}
    assert len(versions) == 1
