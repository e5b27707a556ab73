"""The command line of the lab: `./run lab ...`."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable

from lab import admin, inside
from lab.api import Lab
from lab.errors import LabError
from lab.layout import USER
from lab.state import State, known_labs

_AS_USER = frozenset({"qsub", "qalter", "qhold", "qrls", "qrsub", "qresub", "qdel"})
_HINTS = f"""Try:
  ./run lab salt-run dynamiccluster.status
  ./run lab qsub -b y sleep 30                 (as {USER}; watch the nodes come)
  ./run lab qstat -u '*'
  ./run lab salt-run dynamiccluster.explain JOB
  ./run lab poweroff NODE
  ./run lab down"""


def main(words: list[str]) -> int:
    """Run one command and return its exit status."""
    name = "lab"
    if words[:1] == ["--name"] and len(words) > 1:
        name, words = words[1], words[2:]
    if not words or words[0] in ("-h", "--help"):
        print("usage: ./run lab [--name NAME] up [--cluster torque] [--cloud openstack] | down | status | poweroff NODE [stopped|terminated|running] | announce NODE interruption|rebalance|maintenance [SECONDS] | faults [show | clear | ACTION FAULT [KEY=VALUE ...]] | log NODE | node NODE WORDS... | WORDS...")
        return 0 if words else 2
    try:
        if words[0] in ("down", "status") and len(words) > 1:
            raise LabError(f"{words[0]} takes no words", f"options come first: ./run lab --name NAME {words[0]}")
        command = _COMMANDS.get(words[0])
        return command(name, words[1:]) if command else _on_head(name, words)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


_UP = {"--cluster": ("gridengine", "torque"), "--cloud": ("aws", "openstack")}


def _up(name: str, words: list[str]) -> int:
    given = dict(zip(words[::2], words[1::2], strict=False))
    if len(words) % 2 or any(value not in _UP.get(option, ()) for option, value in given.items()):
        raise LabError(f"up does not take {' '.join(words)!r}", "./run lab [--salt 3006] [--name NAME] up [--cluster gridengine|torque] [--cloud aws|openstack]")
    lab = Lab(name, salt=True, outlive=True, cluster=given.get("--cluster", "gridengine"), provider=given.get("--cloud", "aws"))
    if lab.running:
        print(f"The lab {name!r} is up already.")
    else:
        print("Starting the lab ...", flush=True)
        lab.up()
    admin.leave_token(lab.state)  # anew each time: it ends after half a day
    describe(lab)
    print(_HINTS.replace("./run lab qsub -b y sleep 30 ", "echo sleep 30 | ./run lab qsub") if lab.cluster == "torque" else _HINTS)
    return 0


def _down(name: str, _: list[str]) -> int:
    Lab(name).down()
    return 0


def _status(name: str, _: list[str]) -> int:
    lab = Lab(name)
    if not lab.running:
        others = [one for one in known_labs() if one != name and State.of(one).init_pid()]
        print(f"The lab {name!r} is down." + (f" Up: {', '.join(others)}" if others else ""))
        return 1
    describe(lab)
    return 0


def describe(lab: Lab) -> None:
    """Print where a lab that runs is reached, and its nodes."""
    ports = lab.ports()
    print(f"The lab {lab.state.name!r} is up. Logs: {lab.state.logs}")
    if ports:
        ec2 = f"EC2 API: http://127.0.0.1:{ports['ec2']}   " if "ec2" in ports else ""
        print(f"{ec2}REST and dashboard: http://127.0.0.1:{ports['admin']}")
    if token := admin.token_file(lab.state):
        print(f"Log in to {admin.address(lab.state)} by the token in {token}, or: curl -H \"X-Auth-Token: $(cat {token})\" http://127.0.0.1:{ports['admin']}/workernode")
    for node, its in sorted(lab.nodes().items()):
        print(f"  {node:24} {its['address']:15} {its['instance'] or 'bare'}")


def _poweroff(name: str, words: list[str]) -> int:
    if not 1 <= len(words) <= 2:
        raise LabError("poweroff takes a node, and what the cloud says then", "poweroff NODE [stopped|terminated|running]")
    Lab(name).poweroff(*words)
    return 0


def _announce(name: str, words: list[str]) -> int:
    seconds = words[2] if len(words) == 3 else "120"
    if not 2 <= len(words) <= 3 or words[1] not in ("interruption", "rebalance", "maintenance") or not re.fullmatch(r"\d+(\.\d+)?", seconds):
        raise LabError("announce takes a node, what its cloud announces, and in how many seconds it comes", "./run lab announce NODE interruption|rebalance|maintenance [SECONDS]")
    Lab(name).announce(words[0], words[1], float(seconds))
    return 0


def _faults(name: str, words: list[str]) -> int:
    """`faults` shows what is switched on; `faults ACTION FAULT [KEY=VALUE ...]` switches one on, `faults clear` all of them off."""
    lab = Lab(name)
    try:
        if words == ["clear"]:
            lab.faults("clear")
        elif words and words != ["show"]:
            action, fault, *options = words
            lab.faults("add", action=action, fault=fault, **{key: json.loads(value) for key, _, value in (word.partition("=") for word in options)})
        print(json.dumps(lab.faults("show"), indent=1))
    except (ValueError, OSError) as error:
        raise LabError(f"faults: {error}", "./run lab faults RunInstances throttled,lost-reply probability=0.2 count=5") from error
    return 0


def _log(name: str, words: list[str]) -> int:
    if len(words) != 1:
        raise LabError("log takes a node", "./run lab status lists them")
    if not (text := Lab(name).log_of(words[0])):
        raise LabError(f"there is no console of {words[0]}", "./run lab status lists the nodes that run, the directory of logs has those that ran")
    print(text, end="")
    return 0


def _node(name: str, words: list[str]) -> int:
    if len(words) < 2:
        raise LabError("node takes a node and a command", "./run lab node NODE ps ax")
    return _become(inside.node_argv(State.of(name), words[0]), words[1:])


def _on_head(name: str, words: list[str]) -> int:
    user = USER if words[0] in _AS_USER else "root"
    return _become(inside.head_argv(State.of(name), user), words)


def _become(prefix: list[str], words: list[str]) -> int:
    """Replace this process by the command, so that its terminal, signals and status are the command's own."""
    os.execvp(prefix[0], [*prefix, *words])


_COMMANDS: dict[str, Callable[[str, list[str]], int]] = {
    "up": _up, "down": _down, "status": _status, "poweroff": _poweroff, "log": _log, "announce": _announce, "faults": _faults, "node": _node,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
