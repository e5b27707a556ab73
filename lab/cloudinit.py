"""The part of cloud-init that a worker node needs. A key that is not known here is an error, so that nothing is skipped silently.

Order as in cloud-init: bootcmd, write_files, host name, packages (which must be in the image: nodes have no way out),
deferred write_files, runcmd.
"""

from __future__ import annotations

import base64
import gzip
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import yaml

_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
                "PYTHONDONTWRITEBYTECODE": "1"}
_BOOTED = Path("/var/lib/cloud/instance/boot-finished")
_WITHOUT_EFFECT = frozenset({"package_update", "package_upgrade", "package_reboot_if_required", "preserve_hostname",
                             "prefer_fqdn_over_hostname", "disable_root", "ssh_pwauth", "final_message"})


class UserDataError(Exception):
    """The user-data cannot be carried out as written."""


def run(user_data: str, instance: str) -> int:
    """Carry out `user_data` on the machine that this process runs on; return 0, or 1 after saying on standard error what failed."""
    _say(f"instance {instance}")
    try:
        if user_data.startswith("#!"):
            _run_script(user_data, "user-data")
        else:
            _apply(parse(user_data))
    except (UserDataError, OSError) as error:
        _say(f"ERROR {error}")
        return 1
    _BOOTED.parent.mkdir(parents=True, exist_ok=True)
    _BOOTED.write_text(f"{time.time():.1f}\n", encoding="utf-8")
    _say("finished")
    return 0


def parse(user_data: str) -> dict[str, Any]:
    """Return the mapping of a `#cloud-config` document; raise UserDataError for anything else and for keys without meaning here."""
    if user_data.split("\n", 1)[0].strip() != "#cloud-config":
        raise UserDataError("user-data starts with neither #cloud-config nor #!")
    try:
        document = yaml.safe_load(user_data)
    except yaml.YAMLError as error:
        raise UserDataError(f"user-data is no YAML: {error}") from error
    if not isinstance(document, dict):
        raise UserDataError("user-data is no mapping")
    unknown = sorted(set(document) - {key for key, _ in _STEPS} - _WITHOUT_EFFECT)
    if unknown:
        raise UserDataError(f"keys that the lab's cloud-init does not know: {', '.join(map(str, unknown))}")
    return document


def _apply(document: dict[str, Any]) -> None:
    for key, step in _STEPS:
        if key in document:
            step(document)


def _bootcmd(document: dict[str, Any]) -> None:
    _run_script(script_of(document["bootcmd"]), "bootcmd")


def _runcmd(document: dict[str, Any]) -> None:
    _run_script(script_of(document["runcmd"]), "runcmd")


def script_of(commands: list[str | list[Any]]) -> str:
    """Return the shell script cloud-init makes of a list of commands: a list is one quoted command, text is shell."""
    lines = []
    for command in commands:
        if isinstance(command, list):
            lines.append(shlex.join(str(word) for word in command))
        elif isinstance(command, str):
            lines.append(command)
        else:
            raise UserDataError(f"a command must be text or a list, not {command!r}")
    return "\n".join(["#!/bin/sh", *lines, ""])


def _run_script(text: str, name: str) -> None:
    path = Path("/var/lib/cloud/instance/scripts", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o700)
    done = subprocess.run([str(path)], env=_ENVIRONMENT, stdin=subprocess.DEVNULL, cwd="/", check=False)
    # As in cloud-init: a script that fails is reported, the boot goes on.
    _say(f"{name} ended with {done.returncode}")


def _write_files(document: dict[str, Any], deferred: bool) -> None:
    for entry in document.get("write_files") or []:
        if bool(entry.get("defer", False)) == deferred:
            _write_file(entry)


def _write_file(entry: dict[str, Any]) -> None:
    unknown = sorted(set(entry) - {"path", "content", "permissions", "owner", "encoding", "append", "defer"})
    if unknown or "path" not in entry:
        raise UserDataError(f"write_files entry {entry.get('path')!r}: {', '.join(unknown) or 'no path'}")
    target = Path(entry["path"])
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | (os.O_APPEND if entry.get("append") else os.O_TRUNC), 0o644)
    with os.fdopen(descriptor, "wb") as handle:
        os.fchmod(handle.fileno(), int(str(entry.get("permissions", "0644")), 8))
        handle.write(decode(str(entry.get("content", "")), str(entry.get("encoding", "text/plain"))))
    user, _, group = str(entry.get("owner", "root:root")).partition(":")
    shutil.chown(target, user, group or user)


def decode(content: str, encoding: str) -> bytes:
    """Return the bytes of a write_files entry; raise UserDataError for an encoding that cloud-init does not have."""
    steps = {"text/plain": (), "b64": ("b64",), "base64": ("b64",), "gz": ("gz",), "gzip": ("gz",),
             "gz+b64": ("b64", "gz"), "gzip+base64": ("b64", "gz"), "gz+base64": ("b64", "gz"), "gzip+b64": ("b64", "gz")}.get(encoding)
    if steps is None:
        raise UserDataError(f"encoding {encoding!r} is unknown")
    data = content.encode()
    for step in steps:
        data = base64.b64decode(data) if step == "b64" else gzip.decompress(data)
    return data


def _set_hostname(document: dict[str, Any]) -> None:
    name = str(document.get("hostname") or document["fqdn"]).partition(".")[0]
    socket.sethostname(name)
    Path("/etc/hostname").write_text(f"{name}\n", encoding="utf-8")


def _manage_etc_hosts(document: dict[str, Any]) -> None:
    """Write the line that Debian's cloud-init writes: the machine's own name at 127.0.1.1."""
    if document["manage_etc_hosts"] in (False, "False", "false"):
        return
    short = socket.gethostname()
    fqdn = str(document.get("fqdn") or short)
    names = short if fqdn == short else f"{fqdn} {short}"
    Path("/etc/hosts").write_text(f"127.0.1.1 {names}\n127.0.0.1 localhost\n", encoding="utf-8")


def _packages(document: dict[str, Any]) -> None:
    names = [str(entry[0] if isinstance(entry, list) else entry) for entry in document["packages"]]
    query = ["dpkg-query", "-W", "-f", "${Status}\n", *names]
    done = subprocess.run(query, env=_ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode or done.stdout.count("install ok installed") != len(names):
        raise UserDataError(f"not in the image: {done.stderr.strip() or names}")


_STEPS: tuple[tuple[str, Callable[[dict[str, Any]], None]], ...] = (
    ("bootcmd", _bootcmd),
    ("write_files", partial(_write_files, deferred=False)),
    ("hostname", _set_hostname),
    ("fqdn", _set_hostname),
    ("manage_etc_hosts", _manage_etc_hosts),
    ("packages", _packages),
    ("write_files", partial(_write_files, deferred=True)),
    ("runcmd", _runcmd),
)


def _say(text: str) -> None:
    print(f"cloud-init: {text}", file=sys.stderr, flush=True)
