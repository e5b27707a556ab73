"""Run an administrator's command: bounded in time and output, with everything it started ended when its time is over."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import tempfile
from contextlib import suppress

from ..model import NodeRecord
from ..policy.records import minion_of
from ..ports import Finding
from ..settings import Settings
from ..settings.templates import Template, UnsafeValue

log = logging.getLogger(__name__)

GENERAL = ("post_vm_provision_command", "post_vm_destroy_command")
CLUSTER = ("post_add_node_command", "post_remove_node_command")
_CHECK_TIMEOUT = 10.0
_OUTPUT = 4000  # octets of the end of a failed command's output that are logged


def find_hook(settings: Settings, name: str) -> Template | None:
    """Return the command of this setting, None when it is not configured."""
    section = settings.dynamic_cluster if name in GENERAL else settings.cluster.config
    return getattr(section, name, None)


def check_commands(settings: Settings) -> list[Finding]:
    """Tell which of the commands that are run here, hooks and the one that tells host names, do not exist for the engine's user."""
    commands = {name: find_hook(settings, name) for name in (*GENERAL, *CLUSTER)}
    commands["hostname: command"] = getattr(settings.dynamic_cluster.hostname, "command", None)
    return [_check_command(name, template) for name, template in commands.items() if template is not None]


def _check_command(name: str, template: Template) -> Finding:
    # The shell is asked, not the path: some of the templates are lines for a shell, and begin with a word of its own.
    trouble, _ = run_bounded(("/bin/sh", "-c", 'command -v -- "$1"', "sh", template.program), _CHECK_TIMEOUT)
    if not trouble:
        return Finding(name, True, f"{template.program} is there")
    return Finding(name, False, f"{template.program} is not there or not executable", f"correct {name}, or install it")


def run_hook(template: Template, record: NodeRecord, timeout: float) -> str:
    """Run the command for this node; return "" or, in one line, why it failed. Raises nothing: a hook must not stop a node."""
    try:
        argv = template.argv(*hook_values(template, record))
    except UnsafeValue as error:
        return f"not run: {error}"
    return run_bounded(argv, timeout)[0]


def hook_values(template: Template, record: NodeRecord) -> tuple[str, ...]:
    """Return host name, address, instance name and resource, as many as the command knows."""
    values = (record.hostname or record.name, record.address, minion_of(record), record.resource)
    return values[: len(template.spec.slots)]


def run_bounded(argv: tuple[str, ...], timeout: float, *, with_errors: bool = True) -> tuple[str, str]:
    """Run a command in a process group of its own; return (trouble in one line or "", its output's end, errors with it or not).

    The output goes to a file, so that a child which keeps a pipe open cannot make us wait.
    """
    with tempfile.TemporaryFile() as output:
        try:
            errors = output if with_errors else subprocess.DEVNULL
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True)
        except OSError as error:
            return f"{argv[0]} cannot be run: {error.strerror}", ""
        trouble = _wait(process, timeout)
        text = _tail(output)
    if trouble:
        return f"{trouble}{'; output: ' + text if text else ''}", text
    return "", text


def _wait(process: subprocess.Popen[bytes], timeout: float) -> str:
    try:
        status = process.wait(timeout)
    except subprocess.TimeoutExpired:
        _end_group(process)
        return f"ended after {timeout:g} s, its time-out (hook_timeout)"
    return f"exit status {status}" if status else ""


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the command and whatever it started that is still in its process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tail(output: object) -> str:
    size = output.seek(0, os.SEEK_END)  # type: ignore[attr-defined]
    output.seek(max(size - _OUTPUT, 0))  # type: ignore[attr-defined]
    text = output.read().decode("utf-8", "replace").strip()  # type: ignore[attr-defined]
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)
