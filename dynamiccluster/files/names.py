"""Keep the names of worker nodes on the batch system's head. Only Python's standard library is needed.

    names.py hosts FILE add NAME ADDRESS         names.py directory DIR add NAME ADDRESS
    names.py hosts FILE remove NAME              names.py directory DIR remove NAME

`hosts` keeps marked lines in one file and never touches others; `directory` keeps one file a node, for dnsmasq's `hostsdir`.
The file is rewritten in place, since a bind mount pins its inode; a lock lets any number of calls run at once.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import re
import sys

MARK = "# dynamiccluster"
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


class Refused(Exception):
    """The names were left as they are."""


def check_name(name: str) -> str:
    """Return the name in lower case. Raises Refused when it is no host name."""
    if len(name) > 253 or not NAME.fullmatch(name):
        raise Refused(f"{name!r} is no host name")
    return name.lower()


def check_address(address: str) -> str:
    """Return the address in its usual form. Raises Refused when it is none, or one that cannot be a worker node's."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise Refused(f"{address!r} is no address") from None
    if parsed.is_loopback or parsed.is_unspecified or parsed.is_multicast:
        raise Refused(f"{address} cannot be a worker node's address")
    return str(parsed)


def line_for(name: str, address: str) -> str:
    """Return one line of a hosts file: the address, the name and its short form."""
    short = name.split(".")[0]
    return " ".join([address, name] + ([short] if short != name else []))


def keep(line: str, name: str, address: str) -> bool:
    """Tell whether a line stays when this name leaves, or comes with this address (an address has one owner only)."""
    if MARK not in line:
        return True
    words = line.split("#")[0].split()
    return bool(words) and name not in words[1:] and words[0] != address


def owned_by_others(lines: list[str], name: str, address: str) -> str:
    """Return a line that is not ours and gives the name another address, "" when there is none."""
    for line in lines:
        words = line.split("#")[0].split()
        if MARK not in line and name in (word.lower() for word in words[1:]) and words[0] != address:
            return line.strip()
    return ""


def rewrite(path: str, name: str, address: str) -> None:
    """Put the name into a hosts file, or take it out when the address is ""."""
    with open(path, "r+", encoding="utf-8", errors="surrogateescape") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = file.read()
        lines = text.splitlines(keepends=True)
        other = owned_by_others(lines, name, address) if address else ""
        if other:
            raise Refused(f"{path} already says {other!r}; remove that line or rename the node")
        kept = [line if line.endswith("\n") else line + "\n" for line in lines if keep(line, name, address)]
        if address:
            kept.append(f"{line_for(name, address)} {MARK}\n")
        if "".join(kept) != text:
            file.seek(0)
            file.write("".join(kept))
            file.truncate()


def write_file(directory: str, name: str, address: str) -> None:
    """Put the name into a directory of hosts files, or take it out when the address is ""."""
    path = os.path.join(directory, name)
    for other in os.listdir(directory) if address else ():
        if other != name and not other.startswith(".") and _address_in(os.path.join(directory, other)) == address:
            os.unlink(os.path.join(directory, other))
    if not address:
        if os.path.exists(path):
            os.unlink(path)
        return
    hidden = os.path.join(directory, f".{name}.{os.getpid()}")  # dnsmasq skips names that begin with a dot
    with open(hidden, "w", encoding="utf-8") as file:
        file.write(line_for(name, address) + "\n")
    os.chmod(hidden, 0o644)
    os.replace(hidden, path)


def _address_in(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return (file.read().split() or [""])[0]
    except FileNotFoundError:  # another call was faster
        return ""


def change(method: str, where: str, verb: str, words: list[str]) -> None:
    """Carry out one command line. Raises Refused, OSError."""
    if method not in ("hosts", "directory") or verb not in ("add", "remove"):
        raise Refused(__doc__ or "")
    if not words or (verb == "add" and len(words) < 2):
        raise Refused(f"{verb} needs a name{' and an address' if verb == 'add' else ''}")
    name = check_name(words[0])
    address = check_address(words[1]) if verb == "add" else ""
    if method == "hosts":
        rewrite(where, name, address)
        return
    with open(os.path.join(where, ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_file(where, name, address)


def main(arguments: list[str]) -> int:
    """Run one command line; return the exit status."""
    try:
        method, where, verb, *words = arguments
        change(method, where, verb, words)
    except ValueError:
        print(__doc__, file=sys.stderr)
        return 2
    except (Refused, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
