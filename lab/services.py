"""What runs on the head beside Grid Engine: the EC2 API, the ways in from the machine's loopback, the Salt master."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path

from lab import inside
from lab.cloud import Ec2
from lab.errors import LabError
from lab.layout import ACCESS_KEY, ADDRESS, ADMIN_PORT, CHECKOUT, EC2_PORT, OPERATOR_KEY, REGION, SUBNET, VPC
from lab.state import State

FAULTS = "faults.sock"
_MOTO = "127.0.0.1:5000"


def start_ways_in(state: State, ec2: bool = True) -> None:
    """Make the EC2 API, if there is one, and the engine's port reachable at 127.0.0.1 of the machine; `ports.json` says at which ports.

    The usual numbers when they are free, others when another lab or program has them.
    """
    wanted = {**({"ec2": EC2_PORT} if ec2 else {}), "admin": ADMIN_PORT}
    sockets = {name: _listen(port) for name, port in wanted.items()}
    ways = [f"{one.fileno()}=127.0.0.1:{wanted[name]}" for name, one in sockets.items()]
    _start(state, "relay", [*_module("lab.relay"), *ways], keep=tuple(one.fileno() for one in sockets.values()))
    state.write("ports.json", {name: one.getsockname()[1] for name, one in sockets.items()})
    for one in sockets.values():
        one.close()


def start_cloud(state: State, wait_for: Callable[..., object]) -> str:
    """Start the EC2 API with a network for the nodes, and have the hypervisor follow it; return the subnet's id."""
    host, _, port = _MOTO.partition(":")
    _start(state, "moto", [str(Path(sys.prefix, "bin", "moto_server")), "-H", host, "-p", port])
    paths = [_MOTO, "/run/lab/ec2-requests.jsonl", "/run/lab/hypervisor.sock", f"0.0.0.0:{EC2_PORT}"]
    _start(state, "front", [*_module("lab.ec2_front"), "--faults", f"/run/lab/{FAULTS}", *paths, ACCESS_KEY, OPERATOR_KEY])
    _start(state, "metadata", [*_module("lab.metadata"), "/run/lab"])
    ec2 = client(state)
    wait_for(lambda: _answers(ec2), within=60, what="the EC2 API")
    vpc = ec2.call("CreateVpc", CidrBlock=VPC).findtext(".//{*}vpcId") or ""
    subnet = ec2.call("CreateSubnet", VpcId=vpc, CidrBlock=SUBNET).findtext(".//{*}subnetId") or ""
    state.write("cloud.json", {"subnet": subnet, "region": REGION, "endpoint": endpoint()})
    return subnet


def endpoint() -> str:
    """Return the EC2 API's address on the head."""
    return f"http://{ADDRESS}:{EC2_PORT}"


def client(state: State) -> Ec2:
    """Return a small EC2 client that works from outside of the lab."""
    ports = state.read("ports.json")
    if "ec2" not in (ports or {}):
        raise LabError(f"the lab {state.name!r} has no EC2 API", "start it with cloud=True")
    return Ec2(f"http://127.0.0.1:{ports['ec2']}", REGION)


def start_master(state: State) -> None:
    """Start the salt-master, whose configuration stands already."""
    _start(state, "salt-master", ["salt-master"])


def start_events(state: State) -> None:
    """Begin to write the engine's events to `logs/events.log`."""
    _start(state, "events", _module("lab.events"))


def _answers(ec2: Ec2) -> bool:
    try:
        ec2.call("DescribeVpcs")
    except OSError:
        return False
    return True


def _listen(port: int) -> socket.socket:
    """Return a listening socket at 127.0.0.1, at `port` if that is free."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    return listener


def _module(name: str) -> list[str]:
    return ["env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", name]


def _start(state: State, name: str, command: list[str], keep: tuple[int, ...] = ()) -> None:
    inside.spawn(inside.head_argv(state), command, state.logs / f"{name}.log", keep)
