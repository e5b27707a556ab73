from __future__ import annotations

import os
import subprocess

import pytest

from lab import state as state_module
from lab.errors import LabError
from lab.state import State, start_time


@pytest.fixture
def state(tmp_path, monkeypatch) -> State:
    monkeypatch.setattr(state_module, "BASE", tmp_path)
    return State.of("one")


@pytest.mark.parametrize("name", ["", "../up", "a/b", "A", "-x", "x" * 32, "a b"])
def test_a_name_that_could_leave_the_directory_is_refused(name):
    with pytest.raises(LabError, match="no name for a lab"):
        State.of(name)


def test_a_lab_is_held_by_one_process_at_a_time(state):
    held = state.lock()
    with pytest.raises(LabError, match="another process is busy"):
        state.lock()
    held.close()
    state.lock().close()


def test_a_pid_used_again_by_another_process_is_not_the_labs(state):
    state.write("init.json", {"pid": os.getpid(), "started": start_time(os.getpid())})
    assert state.init_pid() == os.getpid()
    state.write("init.json", {"pid": os.getpid(), "started": start_time(os.getpid()) - 1})
    assert state.init_pid() is None


def test_ending_a_lab_ends_its_first_process_and_removes_its_directory(state):
    with subprocess.Popen(["sleep", "60"]) as process:
        state.remember_init(process.pid)
        state.end()
        assert process.wait(60) == -9
    assert not state.path.exists()
    state.end()


def test_ending_spares_a_process_that_is_not_the_labs(state):
    with subprocess.Popen(["sleep", "60"]) as process:
        state.write("init.json", {"pid": process.pid, "started": 1})
        state.end()
        assert process.poll() is None
        process.kill()
