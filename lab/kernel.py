"""The few Linux calls that Python 3.11 lacks: namespaces, mounts, pivot_root, death signals.

Each raises OSError with the kernel's errno and the names involved.
"""

from __future__ import annotations

import ctypes
import os
import platform

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2

_PR_SET_PDEATHSIG = 1
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result == 0:
        return
    code = ctypes.get_errno()
    raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    """Move the caller into new namespaces; CLONE_NEWPID counts from the next child on."""
    _check(_libc.unshare(ctypes.c_int(flags)), f"unshare({flags:#x})")


def setns(descriptor: int, kind: int) -> None:
    """Enter the namespace behind an open /proc/PID/ns file."""
    _check(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(kind)), f"setns({kind:#x})")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount `source` on `target`; an empty `kind` is for binds and propagation changes."""
    arguments = [text.encode() or None for text in (source, target, kind)]
    data = options.encode() or None
    _check(_libc.mount(*arguments, ctypes.c_ulong(flags), data), f"mount {kind or 'bind'} {source} on {target}")


def bind(source: str, target: str, read_only: bool = False) -> None:
    """Bind `source` with everything mounted below it on `target`; read_only covers the top mount."""
    mount(source, target, flags=MS_BIND | MS_REC)
    if read_only:
        mount("none", target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY)


def unmount(target: str) -> None:
    """Detach a mount and all below it, at once for new look-ups, for good when nobody uses it any more."""
    _check(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def make_mounts_private() -> None:
    """Keep what this mount namespace does from reaching any other."""
    mount("none", "/", flags=MS_REC | MS_PRIVATE)


def pivot_root(new: str, old: str) -> None:
    """Make `new` (a mount point) the root; the former root appears at `old`, which lies inside it."""
    number = _SYS_PIVOT_ROOT.get(platform.machine())
    if number is None:
        raise OSError(f"pivot_root is not known for {platform.machine()}")
    _check(_libc.syscall(ctypes.c_long(number), new.encode(), old.encode()), f"pivot_root {new}")
    os.chdir("/")


def die_with_parent(parent: int, signal_number: int) -> None:
    """Ask for a signal when the parent ends; leave at once when `parent` has ended already."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        raise SystemExit("the parent is gone")
