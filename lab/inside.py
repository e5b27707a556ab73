"""Running commands inside a lab from outside: by nsenter, with a clean environment and a deadline that also ends the command."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from lab.errors import CommandFailed, LabError, TimedOut
from lab.layout import environment
from lab.state import State

Command = str | list[str]


def head_argv(state: State, user: str = "root", directory: str = "") -> list[str]:
    """Return the words to put before a command so that it runs on the head as `user`; raise LabError when the lab is down."""
    pid = state.init_pid()
    # Before the head has a root of its own, a command sent into it would change the machine itself.
    if pid is None or state.read("head.json") is None:
        raise LabError(f"the lab {state.name!r} is not running", "./run lab up")
    return [*_enter(pid), *_become(user, directory)]


def node_argv(state: State, node: str, user: str = "root") -> list[str]:
    """Return the words to put before a command so that it runs on a node; raise LabError when there is no such node."""
    known = (state.read("nodes.json") or {}).get(node)
    if known is None:
        raise LabError(f"there is no node {node!r}", "./run lab status lists them")
    # The node's pid is one of the head's pid namespace, so the way leads through the head.
    return [*head_argv(state)[:len(_enter(0))], *_enter(known["pid"]), *_become(user, "")]


def run(prefix: list[str], command: Command, timeout: float = 60.0, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command behind `prefix`; text is for `sh -c`. Raises CommandFailed (unless check is False) and TimedOut."""
    words = ["sh", "-c", command] if isinstance(command, str) else command
    guarded = [*prefix, "timeout", "--kill-after=2", f"{timeout:g}", *words]
    try:
        done = subprocess.run(guarded, capture_output=True, text=True, errors="replace", timeout=timeout + 10, check=False,
                              input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise TimedOut(f"`{_shown(command)}` did not end", f"{timeout:g} s") from error
    if done.returncode == 124:
        raise TimedOut(f"`{_shown(command)}` did not end", f"{timeout:g} s; {done.stderr[-500:]}")
    if check and done.returncode:
        raise CommandFailed(_shown(command), done.returncode, done.stderr + done.stdout)
    return done


def spawn(prefix: list[str], command: list[str], log: Path, keep: tuple[int, ...] = ()) -> None:
    """Start a daemon behind `prefix` that outlives the caller; its output goes to `log`, `keep` are descriptors it inherits."""
    with open(log, "ab") as output:
        starter = subprocess.Popen([*prefix, "setsid", "--fork", *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                   pass_fds=keep, start_new_session=True)
        starter.wait(timeout=20)


def _enter(pid: int) -> list[str]:
    return ["nsenter", f"--target={pid}", "--mount", "--uts", "--ipc", "--net", "--pid"]


def _become(user: str, directory: str) -> list[str]:
    variables = [f"{key}={value}" for key, value in environment(user).items()]
    identity = [] if user == "root" else ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
    home = directory or ("/root" if user == "root" else f"/home/{user}")
    return ["env", "-i", f"--chdir={home}", *variables, *identity]


def _shown(command: Command) -> str:
    return command if isinstance(command, str) else shlex.join(command)
