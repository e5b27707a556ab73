"""The shortcut past Debian's wrapper script."""

from __future__ import annotations

from pathlib import Path

import pytest

from saltext.dynamiccluster.batch.gridengine.debian import Shortcut, read_variables


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a directory with a wrapper, a link to it for `qconf` and `qgone`, another `qhost`, and the program of `qconf`."""
    (tmp_path / "lib").mkdir()
    for name in ("gridengine-wrapper", "lib/qconf", "qhost"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    for name in ("qconf", "qgone"):
        (tmp_path / name).symlink_to("gridengine-wrapper")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "program"),
    [
        (("{}/qconf", "-sel"), "{}/lib/qconf"),
        (("{}/qgone", "-x"), "{}/qgone"),  # nothing behind it
        (("{}/qhost",), "{}/qhost"),  # a program or script of the site's own
        (("qconf", "-sel"), "qconf"),
        (("ssh", "head", "{}/qconf"), "ssh"),
    ],
)
def test_only_links_to_the_wrapper_are_cut_short(place: Path, words: tuple[str, ...], program: str) -> None:
    argv = tuple(word.format(place) for word in words)
    assert Shortcut({}, place / "lib")(argv) == (program.format(place), *argv[1:])


def test_variables_come_from_the_environment_then_the_file_then_debian(tmp_path: Path) -> None:
    defaults = tmp_path / "gridengine"
    defaults.write_text('SGE_START_MASTERD=yes\necho noise\nSGE_ROOT="/opt/$(echo sge)"\nSGE_CELL=\n')
    assert read_variables(defaults, {}) == {"SGE_ROOT": "/opt/sge", "SGE_CELL": "default"}
    assert read_variables(defaults, {"SGE_CELL": "own"}) == {"SGE_ROOT": "/opt/sge", "SGE_CELL": "own"}
    assert read_variables(tmp_path / "none", {}) == {"SGE_ROOT": "/var/lib/gridengine", "SGE_CELL": "default"}
