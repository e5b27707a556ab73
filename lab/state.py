"""Where a lab keeps what others must find: its directory under /run, its lock, and who its first process is."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from lab.errors import LabError

BASE = Path("/run/dynamiccluster-lab")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


def now() -> float:
    """Return seconds of the monotonic clock; the lab's deadlines are made of it."""
    return time.monotonic()


@dataclass(frozen=True)
class State:
    """The directory of one lab. Everything in it is small and may be lost without harm."""

    name: str
    path: Path

    @classmethod
    def of(cls, name: str) -> State:
        """Return the state of the lab called `name` (letters, digits, dashes); raise LabError for another name."""
        if not _NAME.fullmatch(name):
            raise LabError(f"{name!r} is no name for a lab", "use lower-case letters, digits and dashes, at most 31")
        return cls(name, BASE / name)

    @property
    def logs(self) -> Path:
        """Return the directory of the log files."""
        return self.path / "logs"

    @property
    def socket(self) -> Path:
        """Return the hypervisor's command socket."""
        return self.path / "hypervisor.sock"

    def lock(self) -> IO[str]:
        """Take the lab for the caller until the returned file is closed; raise LabError when another has it."""
        self.path.mkdir(parents=True, exist_ok=True)
        BASE.chmod(0o755)
        handle = open(self.path.with_name(f".{self.name}.lock"), "w", encoding="utf-8")  # noqa: SIM115 (its life is the lock's)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            raise LabError(f"another process is busy with the lab {self.name!r}", "wait for it, or choose another --name") from None
        return handle

    def write(self, name: str, value: Any) -> None:
        """Store `value` as JSON in the file `name`, all of it or nothing."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.new")
        temporary.write_text(json.dumps(value), encoding="utf-8")
        temporary.replace(target)

    def read(self, name: str) -> Any:
        """Return what the file `name` holds, or None when there is none."""
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def init_pid(self) -> int | None:
        """Return the pid of the lab's first process, or None when it does not run (a pid used again by another counts as none)."""
        known = self.read("init.json")
        if known is None or start_time(known["pid"]) != known["started"]:
            return None
        return int(known["pid"])

    def remember_init(self, pid: int) -> None:
        """Note the lab's first process together with its start time, which tells it from a later owner of the pid."""
        self.write("init.json", {"pid": pid, "started": start_time(pid)})

    def end(self, within: float = 20.0) -> None:
        """End the lab's first process, and with it every process of the lab; then remove the directory."""
        pid = self.init_pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            _wait_gone(pid, within)
        shutil.rmtree(self.path, ignore_errors=True)


def start_time(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot, or None when there is no such process (zombies count as gone)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def known_labs() -> list[str]:
    """Return the names of the labs that have a directory, running or not."""
    if not BASE.is_dir():
        return []
    return sorted(entry.name for entry in BASE.iterdir() if entry.is_dir())


def _wait_gone(pid: int, within: float) -> None:
    deadline = now() + within
    while start_time(pid) is not None:
        if now() > deadline:
            raise LabError(f"the lab's first process {pid} did not end within {within:.0f} s", "look at /proc/PID/stack: a mount may hang")
        time.sleep(0.02)
