from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from saltext.dynamiccluster.batch.commands import Completed, ProcessRunner
from saltext.dynamiccluster.batch.listing import PIECE
from saltext.dynamiccluster.errors import BatchMalformed, BatchUnreachable


def run(*argv: str, timeout: float = 10.0) -> Completed:
    return ProcessRunner({"SGE_SINGLE_LINE": "1"})(argv, timeout=timeout)


def test_output_and_status_are_returned() -> None:
    assert run("/bin/sh", "-c", "echo out; echo err >&2; exit 3") == Completed(3, b"out\n", b"err\n")


def test_environment_is_set_and_language_is_fixed() -> None:
    assert run("/bin/sh", "-c", "echo $SGE_SINGLE_LINE $LC_ALL").out == b"1 C\n"


def test_standard_input_is_empty() -> None:
    assert run("/bin/cat").out == b""


@pytest.mark.thorough
def test_defect_any_command_may_hang(tmp_path: Path) -> None:
    """A command that does not end is given up, and so are the children that it started."""
    pid_file = tmp_path / "pid"
    started = time.monotonic()
    with pytest.raises(BatchUnreachable, match="did not answer within 1.5 s"):
        run("/bin/sh", "-c", f"sleep 100 & echo $! > {pid_file}; wait", timeout=1.5)
    assert time.monotonic() - started < 60
    assert not _lives(int(pid_file.read_text()))


@pytest.mark.thorough
def test_child_that_outlives_its_shell_and_holds_the_pipe_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with pytest.raises(BatchUnreachable):
        run("/bin/sh", "-c", f"sleep 100 & echo $! > {pid_file}", timeout=1.5)
    assert not _lives(int(pid_file.read_text()))


def test_long_output_comes_in_pieces_and_only_its_beginning_is_kept() -> None:
    pieces: list[bytes] = []
    done = ProcessRunner({}).stream(("/bin/sh", "-c", f"head -c {2 * PIECE + 5} /dev/zero; echo no >&2; exit 4"), pieces.append, timeout=10.0)
    assert [len(piece) for piece in pieces] == [PIECE, PIECE, 5]
    assert done.status == 4 and done.err == b"no\n" and 0 < len(done.out) < PIECE


def test_output_that_cannot_be_read_ends_the_command(tmp_path: Path) -> None:
    def refuse(piece: bytes) -> None:
        raise BatchMalformed("no")

    pid_file = tmp_path / "pid"
    with pytest.raises(BatchMalformed):
        ProcessRunner({}).stream(("/bin/sh", "-c", f"echo $$ > {pid_file}; exec cat /dev/zero"), refuse, timeout=10.0)
    assert not _lives(int(pid_file.read_text()))


def test_missing_program_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError):
        run("/nonexistent/qstat")


def test_brief_is_one_short_line() -> None:
    brief = Completed(1, b"a\n\n b\n", b"x" * 1000).brief
    assert brief.startswith("a; b; xxx") and len(brief) < 320


def _lives(pid: int) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(0.02)
    return os.path.exists(f"/proc/{pid}")
