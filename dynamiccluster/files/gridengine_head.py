"""Prepare a Grid Engine head for a cluster that grows and shrinks.

The head states run this file; it needs only Python's standard library and Grid Engine's client commands.

    gridengine_head.py [--check] manager USER
    gridengine_head.py [--check] admin-host HOST
    gridengine_head.py [--check] submit-host HOST
    gridengine_head.py [--check] host-group @GROUP
    gridengine_head.py [--check] placeholder HOST [@GROUP ...]
    gridengine_head.py [--check] scheduler KEY=VALUE ...
    gridengine_head.py [--check] configuration KEY=VALUE ...

The last line is JSON for Salt's `stateful` commands: {"changed": bool, "comment": str}. With --check nothing is changed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable

TIMEOUT = 30  # seconds; a frozen qmaster keeps its clients for minutes
HELD_GROUP = "@dynamiccluster_held"
NAME = re.compile(r"@?[A-Za-z0-9_][A-Za-z0-9_.-]*")
KEY = re.compile(r"[a-z_]+")


class Refused(Exception):
    """Grid Engine did not do, or cannot be asked to do, what was wanted."""


def qconf(*arguments: str) -> tuple[int, str]:
    """Run qconf; return its exit status and both outputs in one text. Raises Refused on a time-out."""
    try:
        done = subprocess.run(
            ["qconf", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT,
            env={**os.environ, "SGE_SINGLE_LINE": "1", "LC_ALL": "C"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"qconf {' '.join(arguments)}: no answer within {TIMEOUT} s; is the qmaster frozen?") from None
    except OSError as error:
        raise Refused(f"qconf cannot be run: {error}; install Grid Engine's client commands on this host") from None
    return done.returncode, done.stdout.decode("utf-8", "replace").strip()


def show(*arguments: str) -> str:
    """Return what a qconf query prints. Raises Refused when it fails: unknown is not absent."""
    status, text = qconf(*arguments)
    if status:
        raise Refused(f"qconf {' '.join(arguments)}: {text}")
    return text


def show_list(option: str) -> list[str]:
    """Return the names that qconf lists, [] when it says that there are none (which is an exit status of 1)."""
    status, text = qconf(option)
    if status and not re.search(r"^no .* defined", text):
        raise Refused(f"qconf {option}: {text}")
    return [] if status else text.split()


def show_fields(*arguments: str) -> dict[str, str]:
    """Return the `key value` lines of a qconf query as a mapping."""
    lines = (line.split(None, 1) for line in show(*arguments).splitlines() if not line.startswith("#"))
    return {parts[0]: parts[1].strip() if len(parts) > 1 else "" for parts in lines if parts}


def same_host(one: str, other: str) -> bool:
    """Tell whether two names stand for one host: equal, or one is the other's short form."""
    one, other = one.lower(), other.lower()
    return one == other or (("." in one) != ("." in other) and one.split(".")[0] == other.split(".")[0])


def same_value(one: str, other: str) -> bool:
    """Compare two settings; 0:0:2, 00:00:02 are equal times."""
    return _normal(one) == _normal(other)


def _lists(option: str, host: str) -> bool:
    return any(same_host(host, name) for name in show_list(option))


def _normal(value: str) -> str:
    parts = value.strip().split(":")
    if len(parts) == 3 and all(part.isdigit() for part in parts):
        return str(int(parts[0]) * 3600 + int(parts[1]) * 60 + int(parts[2]))
    return " ".join(value.split())


def ensure(done: Callable[[], bool], change: tuple[str, ...], check: bool, what: str) -> list[str]:
    """Run a change unless it is done; return what changed. qconf's exit status lies, so look again afterwards."""
    if done():
        return []
    if not check:
        _, text = qconf(*change)
        if not done():
            raise Refused(f"{what} failed: qconf {' '.join(change)}: {text}")
    return [what]


def add_manager(user: str, check: bool) -> list[str]:
    """Let a user change Grid Engine's configuration."""
    return ensure(lambda: user in show_list("-sm"), ("-am", user), check, f"manager {user}")


def add_admin_host(host: str, check: bool) -> list[str]:
    """Accept administrative commands from a host."""
    return ensure(lambda: _lists("-sh", host), ("-ah", host), check, f"administrative host {host}")


def add_submit_host(host: str, check: bool) -> list[str]:
    """Accept jobs and queries about them from a host."""
    return ensure(lambda: _lists("-ss", host), ("-as", host), check, f"submit host {host}")


def add_group(group: str, check: bool) -> list[str]:
    """Create an empty host group."""
    with tempfile.NamedTemporaryFile("w", suffix=".hgrp") as file:
        file.write(f"group_name {group}\nhostlist NONE\n")
        file.flush()
        return ensure(lambda: group in show_list("-shgrpl"), ("-Ahgrp", file.name), check, f"host group {group}")


def add_member(host: str, group: str, check: bool) -> list[str]:
    """Put a host into a host group; Grid Engine makes it an execution host by that."""

    def member() -> bool:
        status, text = qconf("-shgrp_resolved", group)
        if status and "does not exist" not in text:
            raise Refused(f"qconf -shgrp_resolved {group}: {text}")
        return not status and any(same_host(host, name) for name in text.split())

    return ensure(member, ("-aattr", "hostgroup", "hostlist", host, group), check, f"{host} in {group}")


def empty_slots(host: str, queue: str, check: bool) -> list[str]:
    """Give a host 0 slots in a queue."""

    def empty() -> bool:
        pairs = re.findall(r"\[([^=\]]+)=(\d+)\]", show_fields("-sq", queue).get("slots", ""))
        return any(same_host(host, name) and count == "0" for name, count in pairs)

    return ensure(empty, ("-rattr", "queue", "slots", "0", f"{queue}@{host}"), check, f"0 slots for {host} in {queue}")


def queue_group(queue: str) -> str:
    """Return the first host group of a queue's hosts, "" when it names none: then no node can join it, and it is left alone."""
    hosts = show_fields("-sq", queue).get("hostlist", "").replace(",", " ").split()
    return next((name for name in hosts if name.startswith("@") and name != HELD_GROUP), "")


def place(host: str, groups: Iterable[str], check: bool) -> list[str]:
    """Give every queue one host without slots, so that jobs are accepted while there is no node at all."""
    changed: list[str] = []
    for group in groups:
        changed += add_group(group, check)
        changed += add_member(host, group, check)
    for queue in show_list("-sql"):
        group = queue_group(queue)
        if group:
            changed += add_member(host, group, check)
            changed += empty_slots(host, queue, check)
    return changed


def set_values(wanted: dict[str, str], query: str, change: str, file_name: str, check: bool) -> list[str]:
    """Change single values of the scheduler's or the global configuration and leave all others as they are."""
    present = show_fields(query)
    unknown = sorted(set(wanted) - set(present))
    if unknown:
        raise Refused(f"qconf {query} has no setting called {', '.join(unknown)}")
    different = {key: value for key, value in wanted.items() if not same_value(present[key], value)}
    if not different or check:
        return [f"{key} {present[key]} -> {value}" for key, value in different.items()]
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, file_name)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{key} {value}\n" for key, value in {**present, **different}.items())
        _, text = qconf(change, path)
    now = show_fields(query)
    if any(not same_value(now.get(key, ""), value) for key, value in different.items()):
        raise Refused(f"qconf {change}: {text}")
    return [f"{key} {present[key]} -> {value}" for key, value in different.items()]


def parse_values(pairs: Iterable[str]) -> dict[str, str]:
    """Return KEY=VALUE arguments as a mapping. Raises Refused on anything else."""
    values = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not KEY.fullmatch(key) or not value.strip() or "\n" in value:
            raise Refused(f"{pair!r} is not KEY=VALUE")
        values[key] = value
    return values


def carry_out(verb: str, arguments: list[str], check: bool) -> list[str]:
    """Do one command; return what changed, or with `check` what would."""
    if verb == "scheduler":
        return set_values(parse_values(arguments), "-ssconf", "-Msconf", "scheduler", check)
    if verb == "configuration":
        return set_values(parse_values(arguments), "-sconf", "-Mconf", "global", check)
    bad = [name for name in arguments if not NAME.fullmatch(name)]
    if bad or not arguments:
        raise Refused(f"{verb} needs valid names, not {', '.join(bad) or 'nothing'}")
    if verb == "placeholder":
        return place(arguments[0], arguments[1:], check)
    single = {"manager": add_manager, "admin-host": add_admin_host, "submit-host": add_submit_host, "host-group": add_group}
    if verb not in single:
        raise Refused(f"unknown command {verb!r}")
    return single[verb](arguments[0], check)


def main(arguments: list[str]) -> int:
    """Run one command line; return the exit status."""
    check = "--check" in arguments
    words = [word for word in arguments if word != "--check"]
    try:
        if not words:
            raise Refused("no command")
        changed = carry_out(words[0], words[1:], check)
    except Refused as refusal:
        print(json.dumps({"changed": False, "comment": str(refusal)}))
        return 1
    print(json.dumps({"changed": bool(changed), "comment": "; ".join(changed) or "as it should be"}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
