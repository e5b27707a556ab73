"""Running commands of a batch system: never without a time-out, never with a process left behind."""

from __future__ import annotations

import io
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from ..errors import BatchUnreachable

_SHOWN = 300  # characters of a command's output that go into an error's message
_PIPE = 1 << 18  # bytes that a pipe holds, and that are read at once
_REAP = 5.0  # seconds that a killed command gets to go away


@dataclass(frozen=True, slots=True)
class Completed:
    """What a command left: exit status and both outputs, as bytes."""

    status: int
    out: bytes = b""
    err: bytes = b""

    @property
    def text(self) -> str:
        """Return both outputs as text, for messages and for commands whose answers come on either."""
        parts = (part.decode("utf-8", "replace").strip() for part in (self.out, self.err))
        return "\n".join(part for part in parts if part)

    @property
    def brief(self) -> str:
        """Return the outputs on one line, cut to what fits a message."""
        line = "; ".join(line.strip() for line in self.text.splitlines() if line.strip())
        return line if len(line) <= _SHOWN else line[:_SHOWN] + " ..."


class Run(Protocol):
    """How commands are executed."""

    def __call__(self, argv: tuple[str, ...], *, timeout: float) -> Completed:
        """Run and wait at most `timeout` seconds. Raises BatchUnreachable when that is not enough, OSError when it cannot start."""


@dataclass(frozen=True, slots=True)
class ProcessRunner:
    """Runs commands as processes of this machine, each in a process group of its own.

    `environment` is added to the process's own. LC_ALL is always C, because the answers are read.
    """

    environment: Mapping[str, str]

    def __call__(self, argv: tuple[str, ...], *, timeout: float) -> Completed:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **self.environment, "LC_ALL": "C"},
            start_new_session=True,
            pipesize=_PIPE,
        )
        try:
            out, err = _read_both(process, timeout)
        except BaseException as error:
            _kill_group(process)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise BatchUnreachable(f"{' '.join(argv)[:_SHOWN]} did not answer within {timeout:g} s") from error
        return Completed(process.returncode, out, err)


def _read_both(process: subprocess.Popen[bytes], timeout: float) -> tuple[bytes, bytes]:
    """Return both outputs once the process has ended. Raises TimeoutExpired.

    A listing may be a hundred megabytes long: it is read in large pieces, and there is never a second copy of it, as `communicate` makes one.
    """
    deadline = time.monotonic() + timeout
    assert process.stdout is not None and process.stderr is not None
    outputs = {process.stdout.fileno(): io.BytesIO(), process.stderr.fileno(): io.BytesIO()}
    poll = select.poll()
    for descriptor in outputs:
        poll.register(descriptor, select.POLLIN | select.POLLHUP)
    waiting = len(outputs)
    while waiting:
        left = deadline - time.monotonic()
        if left <= 0:
            raise subprocess.TimeoutExpired(process.args, timeout)
        for descriptor, _ in poll.poll(left * 1000):
            data = os.read(descriptor, _PIPE)
            outputs[descriptor].write(data)
            if not data:
                poll.unregister(descriptor)
                waiting -= 1
    process.wait(max(deadline - time.monotonic(), 0.0))
    out, err = outputs.values()
    process.stdout.close()
    process.stderr.close()
    return out.getvalue(), err.getvalue()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole process group: a shell's children (ssh, grep) outlive the shell, and hold its pipes."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    # a process that is stuck in the kernel (dead NFS) is left to die when it can
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=_REAP)
