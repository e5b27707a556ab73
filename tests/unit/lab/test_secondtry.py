from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import secondtry

PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist"]
TESTS = """
from pathlib import Path
import pytest

def test_sound():
    pass

@pytest.mark.parametrize("number", range({weak}))
def test_weak(number):
    tried = Path(__file__).parent / f"tried-{{number}}"
    first = not tried.exists()
    tried.touch()
    assert not first

def test_{kind}():
    assert {sound}
"""


def _run(directory: Path, capfd: pytest.CaptureFixture[str], weak: int, sound: bool = True) -> tuple[int, str]:
    (directory / "test_some.py").write_text(TESTS.format(weak=weak, kind="other", sound=sound))
    before = Path.cwd()
    os.chdir(directory)
    try:
        return secondtry.run([*PYTEST, "test_some.py"], PYTEST), capfd.readouterr().out
    finally:
        os.chdir(before)


@pytest.mark.thorough
def test_all_sound(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, said = _run(tmp_path, capfd, weak=0)
    assert status == 0 and "second try" not in said


@pytest.mark.thorough
def test_what_passes_alone_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, said = _run(tmp_path, capfd, weak=2)
    assert status == 0 and "passed only alone, at the second try:\n  - test_some.py::test_weak[0]\n  - test_some.py::test_weak[1]\n" in said


@pytest.mark.thorough
def test_what_fails_twice_has_failed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, said = _run(tmp_path, capfd, weak=1, sound=False)
    assert status == 1 and "passed only" not in said


@pytest.mark.thorough
def test_many_have_no_second_try(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, said = _run(tmp_path, capfd, weak=4)
    assert status == 1 and "tried once more" not in said


@pytest.mark.thorough
def test_what_cannot_be_collected_has_no_second_try(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "test_broken.py").write_text("import nothing_of_this_name\n")
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        assert secondtry.run([*PYTEST, "test_broken.py"], PYTEST) == 2
    finally:
        os.chdir(before)


@pytest.mark.parametrize(
    "failed, expected",
    [([], False), (["tests/unit/a.py::b"], True), (["tests/unit/a.py::b", "tests/property/a.py::b"], False), (["a"] * 3, True), (["a"] * 4, False)],
)
def test_a_fault_that_an_example_found_is_one(failed: list[str], expected: bool) -> None:
    assert secondtry.is_little(failed) is expected


@pytest.mark.parametrize("text", [None, "", "[]", "{"])
def test_no_list_of_what_failed_is_no_second_try(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "v/cache").mkdir(parents=True)
        (tmp_path / "v/cache/lastfailed").write_text(text)
    assert secondtry.read_failed(tmp_path) == []


@pytest.mark.thorough
def test_who_ends_it_ends_what_it_runs(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    (tmp_path / "test_long.py").write_text(f"import os, time, pathlib\ndef test_long():\n    pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\n    time.sleep(600)\n")
    script = f"from lab import secondtry; secondtry.run({[*PYTEST, str(tmp_path / 'test_long.py')]!r}, {PYTEST!r})"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _wait_until(lambda: pid.exists() and pid.read_text() != "")
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    _wait_until(lambda: not Path(f"/proc/{pid.read_text()}").exists())


def _wait_until(is_true) -> None:  # noqa: ANN001
    until = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.05)
