"""A private root file system: an overlay over the machine's own `/`, all changes in memory.

SAFETY: an absolute symlink met in a root that is not yet `/` leads into the machine's own files. So nothing
inside is touched before pivot_root, every change first proves that `/` is ours, and files are removed before they are written.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from lab import kernel

_SOURCE = "dynamiccluster-lab"
_OLD = "/.old-root"
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
                 "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"}


@dataclass(frozen=True)
class Bind:
    """A path of the machine that shall be visible at `target` inside the new root."""

    source: str
    target: str
    read_only: bool = False


def enter(scratch: Path, binds: tuple[Bind, ...]) -> None:
    """Make a fresh overlay of `/` the root of the calling process, which must be in a mount namespace of its own.

    `scratch` is an empty directory on a tmpfs. Raises OSError when the kernel refuses.
    """
    kernel.make_mounts_private()
    upper, work, root = (scratch / part for part in ("upper", "work", "root"))
    for directory in (upper, work, root):
        directory.mkdir(parents=True)
    (upper / _OLD.lstrip("/")).mkdir()
    kernel.mount(_SOURCE, str(root), "overlay", 0, f"lowerdir=/,upperdir={upper},workdir={work}")
    kernel.pivot_root(str(root), str(root) + _OLD)
    # A mount changes no file, and the guard reads /proc; this one belongs to our own pid namespace.
    kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    assert_private()
    _mount_kernel_trees()
    for one in binds:
        _bind_from_old(one)
    kernel.unmount(_OLD)
    os.rmdir(_OLD)


def assert_private() -> None:
    """Raise RuntimeError unless `/` is an overlay made here: the guard before every change of a file."""
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        rows = [line.split() for line in table]
    roots = [row[row.index("-") + 2] for row in rows if row[4] == "/"]
    if roots[-1:] != [_SOURCE]:
        raise RuntimeError(f"refused: / is {roots[-1:]}, not a private root of the lab")


def write(path: str, text: str, mode: int = 0o644) -> None:
    """Replace a file of the private root, never following a link into anything else."""
    assert_private()
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    remove(path)
    target.write_text(text, encoding="utf-8")
    target.chmod(mode)


def link(path: str, destination: str) -> None:
    """Replace `path` of the private root by a symbolic link to `destination`."""
    assert_private()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    remove(path)
    os.symlink(destination, path)


def remove(path: str) -> None:
    """Remove a file, link or tree of the private root; nothing happens when there is none."""
    assert_private()
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        shutil.rmtree(path)


def empty(path: str, owner: str = "root") -> None:
    """Leave an empty directory at `path` of the private root, owned by the user `owner`."""
    remove(path)
    os.makedirs(path)
    shutil.chown(path, owner, owner)


def _mount_kernel_trees() -> None:
    kernel.mount("sysfs", "/sys", "sysfs", kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV)
    for path, mode in (("/run", "755"), ("/tmp", "1777")):
        kernel.mount("tmpfs", path, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, f"mode={mode}")
    Path("/run/lock").mkdir(mode=0o1777)
    _make_devices()


def _make_devices() -> None:
    """A /dev of our own: the machine's devtmpfs is one for all, a node must not change it."""
    kernel.mount("tmpfs", "/dev", "tmpfs", kernel.MS_NOSUID, "mode=755")
    for name in _DEVICES:
        Path("/dev", name).touch()
        kernel.bind(f"{_OLD}/dev/{name}", f"/dev/{name}")
    for directory in ("/dev/pts", "/dev/shm"):
        os.mkdir(directory)
    kernel.mount("devpts", "/dev/pts", "devpts", kernel.MS_NOSUID | kernel.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    kernel.mount("tmpfs", "/dev/shm", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=1777")
    for name, destination in _DEVICE_LINKS.items():
        os.symlink(destination, f"/dev/{name}")


def _bind_from_old(one: Bind) -> None:
    source = _OLD + one.source
    if os.path.isdir(source):
        os.makedirs(one.target, exist_ok=True)
    elif not os.path.exists(one.target):
        os.makedirs(os.path.dirname(one.target), exist_ok=True)
        Path(one.target).touch()
    kernel.bind(source, one.target, one.read_only)
