"""Running commands of a batch system: never without a time-out, never with a process left behind."""

from __future__ import annotations

import io
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..errors import BatchUnreachable
from .listing import PIECE

_SHOWN = 300  # characters of a command's output that go into an error's message
_HEAD = 1 << 16  # bytes of an output that went elsewhere that are kept for messages
_REAP = 5.0  # seconds that a killed command gets to go away


Take = Callable[[bytes], object]


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


@runtime_checkable
class Streaming(Protocol):
    """A `Run` that can also hand over an output while it comes, so that a long one is never in memory as a whole."""

    def stream(self, argv: tuple[str, ...], take: Take, *, timeout: float) -> Completed:
        """Run, and give the output to `take` in pieces; `out` has but its beginning. Raises what `Run` does, and what `take` does."""


def pour(run: Run, argv: tuple[str, ...], take: Take, timeout: float) -> Completed:
    """Run, and give the output to `take`, as it comes if `run` can do that."""
    if isinstance(run, Streaming):
        return run.stream(argv, take, timeout=timeout)
    done = run(argv, timeout=timeout)
    for at in range(0, len(done.out), PIECE):
        take(done.out[at : at + PIECE])
    return done


@dataclass(frozen=True, slots=True)
class ProcessRunner:
    """Runs commands as processes of this machine, each in a process group of its own.

    `environment` is added to the process's own. LC_ALL is always C, because the answers are read.
    """

    environment: Mapping[str, str]

    def __call__(self, argv: tuple[str, ...], *, timeout: float) -> Completed:
        out = io.BytesIO()
        done = self.stream(argv, out.write, timeout=timeout)
        return Completed(done.status, out.getvalue(), done.err)

    def stream(self, argv: tuple[str, ...], take: Take, *, timeout: float) -> Completed:
        """Run, and give the output to `take` in pieces of PIECE bytes; `out` has but its beginning."""
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **self.environment, "LC_ALL": "C"},
            start_new_session=True,
            pipesize=PIECE,
        )
        try:
            head, err = _read_both(process, take, timeout)
        except BaseException as error:
            _kill_group(process)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise BatchUnreachable(f"{' '.join(argv)[:_SHOWN]} did not answer within {timeout:g} s") from error
        return Completed(process.returncode, head, err)


def _read_both(process: subprocess.Popen[bytes], take: Take, timeout: float) -> tuple[bytes, bytes]:
    """Return the beginning of the output and all of the other one, once the process has ended. Raises TimeoutExpired."""
    deadline = time.monotonic() + timeout
    assert process.stdout is not None and process.stderr is not None
    sinks = {process.stdout.fileno(): _Sink(take), process.stderr.fileno(): _Sink((err := io.BytesIO()).write)}
    poll = select.poll()
    for descriptor in sinks:
        poll.register(descriptor, select.POLLIN | select.POLLHUP)
    waiting = len(sinks)
    while waiting:
        left = deadline - time.monotonic()
        if left <= 0:
            raise subprocess.TimeoutExpired(process.args, timeout)
        for descriptor, _ in poll.poll(left * 1000):
            if not sinks[descriptor].read(descriptor):
                poll.unregister(descriptor)
                waiting -= 1
    process.wait(max(deadline - time.monotonic(), 0.0))
    process.stdout.close()
    process.stderr.close()
    return next(iter(sinks.values())).head, err.getvalue()


class _Sink:
    """Collects what comes through a pipe, and hands it on in pieces."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._piece = memoryview(bytearray(PIECE))
        self._filled = 0
        self.head = b""

    def read(self, descriptor: int) -> bool:
        """Read what there is; return False at the end."""
        count = os.readv(descriptor, [self._piece[self._filled :]])
        self._filled += count
        if self._filled and (not count or self._filled == PIECE):
            piece = bytes(self._piece[: self._filled])
            self.head, self._filled = self.head or piece[:_HEAD], 0
            self._take(piece)
        return bool(count)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole process group: a shell's children (ssh, grep) outlive the shell, and hold its pipes."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    # a process that is stuck in the kernel (dead NFS) is left to die when it can
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=_REAP)
