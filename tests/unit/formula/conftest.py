"""The formula's programs, loaded from their files: they are delivered as files, not as a package."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FILES = Path(__file__).resolve().parents[3] / "dynamiccluster" / "files"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"formula_{name}", FILES / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def names() -> ModuleType:
    return load("names")


@pytest.fixture
def gridengine_head() -> ModuleType:
    return load("gridengine_head")
