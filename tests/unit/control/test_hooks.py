"""An administrator's commands: quoted values, a time-out that ends everything they started, output when they fail."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from saltext.dynamiccluster.control.hooks import check_commands, find_hook, run_bounded, run_hook
from saltext.dynamiccluster.model import NodeRecord
from saltext.dynamiccluster.settings.slots import HOOK
from saltext.dynamiccluster.sim.world import make_settings

RECORD = NodeRecord("dc-abc234", "cloud1", "intent", hostname="host1", address="10.0.0.7")


def script(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "hook.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def has_ended(pid: int) -> bool:
    """Return whether a process is gone; one that nobody has waited for yet is."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_hook_gets_host_name_address_instance_name_and_resource(tmp_path):
    path = script(tmp_path, f'printf "%s|" "$@" > {tmp_path}/out')
    assert run_hook(HOOK.read(f"{path} {{0}} {{1}} {{2}} {{3}}"), RECORD, 60.0) == ""
    assert (tmp_path / "out").read_text() == "host1|10.0.0.7|dc-abc234|cloud1|"


def test_unknown_address_keeps_its_place(tmp_path):
    path = script(tmp_path, f'printf "%s|" "$@" > {tmp_path}/out')
    run_hook(HOOK.read(f"{path} {{1}} {{2}}"), NodeRecord("dc-abc234", "cloud1", "intent"), 60.0)
    assert (tmp_path / "out").read_text() == "|dc-abc234|"


@pytest.mark.parametrize("evil", ["x; touch /tmp/owned", "$(id)", "a b", "-rf", "`id`", "a\nb", "x'y"])
def test_hostile_value_is_never_run(tmp_path, evil):
    path = script(tmp_path, f"touch {tmp_path}/ran")
    record = NodeRecord("dc-abc234", "cloud1", "intent", hostname=evil)
    assert run_hook(HOOK.read(f"{path} {{0}} | cat"), record, 60.0).startswith("not run:")
    assert not (tmp_path / "ran").exists()


@pytest.mark.thorough
def test_defect_hook_that_hangs_is_ended_with_everything_that_it_started(tmp_path):
    path = script(tmp_path, f"sleep 100 & echo $! > {tmp_path}/child; echo started; sleep 100")
    began = time.monotonic()
    trouble = run_hook(HOOK.read(str(path)), RECORD, 1.5)
    assert time.monotonic() - began < 60
    assert "1.5 s" in trouble and "started" in trouble
    child = int((tmp_path / "child").read_text())
    while not has_ended(child):
        assert time.monotonic() - began < 60
        time.sleep(0.02)


def test_child_that_keeps_the_output_open_does_not_make_us_wait(tmp_path):
    path = script(tmp_path, f"sleep 100 & echo $! > {tmp_path}/child")
    began = time.monotonic()
    assert run_hook(HOOK.read(str(path)), RECORD, 50.0) == ""
    assert time.monotonic() - began < 50
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


def test_failure_tells_status_and_the_end_of_the_output_without_control_characters(tmp_path):
    path = script(tmp_path, "head -c 100000 /dev/zero | tr '\\0' x; printf '\\033[31mred'; echo sorry >&2; exit 7")
    trouble = run_hook(HOOK.read(str(path)), RECORD, 60.0)
    assert "exit status 7" in trouble and trouble.endswith("red" + "sorry") and "\033" not in trouble
    assert len(trouble) < 4200


def test_command_that_does_not_exist_is_one_sentence():
    assert run_hook(HOOK.read("/nonexistent/hook.sh {0}"), RECORD, 60.0) == "/nonexistent/hook.sh cannot be run: No such file or directory"


def test_output_without_errors_is_what_was_printed():
    assert run_bounded(("/bin/sh", "-c", "echo name; echo warning >&2"), 5.0, with_errors=False) == ("", "name")


def test_s22_hooks_are_found_where_the_settings_have_them():
    settings = make_settings(post_vm_provision_command="/bin/true {0}")
    assert str(find_hook(settings, "post_vm_provision_command")) == "/bin/true {0}"
    assert find_hook(settings, "post_remove_node_command") is None
    config = settings.cluster.config.model_copy(update={"post_remove_node_command": HOOK.read("/bin/false {0}")})
    settings = settings.model_copy(update={"cluster": settings.cluster.model_copy(update={"config": config})})
    assert str(find_hook(settings, "post_remove_node_command")) == "/bin/false {0}"
    assert find_hook(settings, "post_add_node_command") is None


def test_validate_names_the_commands_that_are_missing(tmp_path):
    there, gone = script(tmp_path, "true"), tmp_path / "gone.sh"
    settings = make_settings(
        post_vm_provision_command=f"{there} {{0}}",
        post_vm_destroy_command=f"{gone} {{0}}",
        hostname={"command": f"test -e /etc/hosts && {gone} {{0}}"},
    )
    found = {finding.what: finding for finding in check_commands(settings)}
    assert {name: finding.ok for name, finding in found.items()} == {
        "post_vm_provision_command": True,
        "post_vm_destroy_command": False,
        "hostname: command": True,
    }
    assert str(gone) in found["post_vm_destroy_command"].detail and found["post_vm_destroy_command"].remedy
