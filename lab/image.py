"""What the disk images of the head and of the nodes hold: the machine's own programs, and none of its configuration."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path

from lab import rootfs
from lab.layout import ADDRESS, HOME, PLACEHOLDER, PLACEHOLDER_ADDRESS, USER, USER_ID
from lab.torque import inlab

_FILES = Path(__file__).resolve().parent / "files"
_SALT_PROGRAMS = ("salt", "salt-api", "salt-call", "salt-cloud", "salt-key", "salt-master", "salt-minion", "salt-run")
_SALT_PLACES = ("/etc/salt", "/srv/salt", "/srv/pillar", "/var/cache/salt", "/var/log/salt", "/run/salt")
# Without a systemd that runs, Salt's systemd module claims success and starts nothing: the scripts of init.d are the truth here.
_MANAGER = ("/usr/bin/systemctl", "/bin/systemctl", "/usr/sbin/policy-rc.d")
_SWITCH = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n"


def furnish_head() -> None:
    """Turn the private root of the caller into the head's."""
    _furnish("head", f"127.0.0.1 localhost\n{ADDRESS} head\n{PLACEHOLDER_ADDRESS} {PLACEHOLDER}\n")


def furnish_node(name: str) -> None:
    """Turn the private root of the caller into that of a freshly installed worker node."""
    _furnish(name, "127.0.0.1 localhost\n")
    rootfs.write("/etc/machine-id", uuid.uuid4().hex + "\n")
    rootfs.empty("/var/lib/cloud")
    rootfs.empty("/var/spool/gridengine")
    rootfs.empty("/var/spool/gridengine/execd", owner="sgeadmin")
    rootfs.write(inlab.MOM, inlab.mom_program(), 0o755)
    rootfs.empty("/var/spool/torque")


def _furnish(name: str, hosts: str) -> None:
    rootfs.write("/etc/hostname", f"{name}\n")
    rootfs.write("/etc/hosts", hosts)
    rootfs.write("/etc/nsswitch.conf", _SWITCH)
    rootfs.write("/etc/resolv.conf", f"nameserver {ADDRESS}\noptions timeout:2 attempts:2\n")
    for path in _MANAGER:
        rootfs.remove(path)
    rootfs.write("/usr/local/sbin/runlevel", "#!/bin/sh\necho N 2\n", 0o755)
    for path in _SALT_PLACES:
        rootfs.empty(path)
    _add_user()
    _add_salt()


def _add_user() -> None:
    rows = {"/etc/passwd": f"{USER}:x:{USER_ID}:{USER_ID}::{HOME}:/bin/bash", "/etc/group": f"{USER}:x:{USER_ID}:"}
    for path, row in rows.items():
        kept = [line for line in Path(path).read_text(encoding="utf-8").splitlines() if not line.startswith(f"{USER}:")]
        rootfs.write(path, "\n".join([*kept, row]) + "\n")


def _add_salt() -> None:
    """Install Salt as an image has it: programs in the path and a script of init.d for the minion."""
    for name in _SALT_PROGRAMS:
        program = Path(sys.prefix, "bin", name)
        if program.exists():
            rootfs.link(f"/usr/local/bin/{name}", str(program))
    rootfs.write("/etc/init.d/salt-minion", (_FILES / "salt-minion.init").read_text(encoding="utf-8"), 0o755)
