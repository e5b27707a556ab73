"""The engine as a process: it dies with its master, only one acts, and SIGTERM ends it in time."""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import multiprocessing
import os
import signal
import threading
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_LOCK = "engine.lock"
_GRACE = 4.6


class MasterIsGone(Exception):
    """The master ended while its engine was being started."""


def die_with_parent() -> None:
    """Have the kernel send SIGTERM when the master dies: after a SIGKILL of the master an orphan would act beside the next engine."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid != os.getppid():
        raise MasterIsGone("the master ended while its engine was starting")


class Lock:
    """The right to act for a cluster. It goes with the process, however that ends."""

    def __init__(self, directory: Path):
        self.path = directory / _LOCK
        self._file: IO[str] | None = None

    def acquire(self) -> bool:
        """Take it if it is free. Raises OSError when the file cannot be made."""
        file = open(self.path, "a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file
        return True

    async def wait(self, stop: asyncio.Event, pause: float = 1.0) -> bool:
        """Stand by until the lock is ours (True) or `stop` is set (False)."""
        while not self.acquire():
            if await sleep(stop, pause):
                return False
        return True

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def is_locked(directory: Path) -> bool:
    """Tell whether an engine acts for the cluster now."""
    try:
        with open(directory / _LOCK, encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


async def sleep(stop: asyncio.Event, seconds: float) -> bool:
    """Sleep; return True at once when `stop` is set."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` at SIGTERM and SIGINT. Salt's own handler would end the process without any clean-up.

    The master waits 5 s and then kills; a thread that hangs in somebody else's library must not make it do so.
    """
    loop = asyncio.get_running_loop()

    def begin() -> None:
        if not stop.is_set():
            stop.set()
            last_resort = threading.Timer(_GRACE, os._exit, (0,))
            last_resort.daemon = True
            last_resort.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, begin)
