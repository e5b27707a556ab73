"""What runs only now and then, or in a process of its own, imports what there is."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = sorted(path for room in ("bench", "lab") for path in (ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_it_imports_from_the_library_exists(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("saltext.dynamiccluster"):
            module = importlib.import_module(node.module or "")
            absent = [alias.name for alias in node.names if not hasattr(module, alias.name) and not _is_module(module.__name__, alias.name)]
            assert not absent, f"{node.module} has no {absent}"


def _is_module(package: str, name: str) -> bool:
    return importlib.util.find_spec(f"{package}.{name}") is not None if "." in package else False
