"""What a first process does: collect the processes that end, until it is told to end itself."""

from __future__ import annotations

import os
import signal


def reap_for_ever() -> None:
    """Collect every process that ends; leave on SIGTERM. The kernel ends the whole pid namespace with this process."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        signal.sigtimedwait({signal.SIGCHLD}, 60)
        reap()


def reap() -> list[int]:
    """Collect the children that have ended and return their pids; never blocks."""
    ended = []
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append(pid)
