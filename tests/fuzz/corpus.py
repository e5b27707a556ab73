"""The saved inputs: what real systems said, what is known to be hostile, and what once broke something."""

from __future__ import annotations

from pathlib import Path

from .targets import TARGETS

FOLDER = Path(__file__).with_name("corpus")


def saved(target: str) -> list[Path]:
    """Return the files of one target, in a stable order."""
    return sorted((FOLDER / target).iterdir())


def everything() -> list[tuple[str, Path]]:
    return [(target, path) for target in TARGETS for path in saved(target)]
