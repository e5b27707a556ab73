"""The hypervisor's view of the stack in a lab: the virt driver notes each machine in a file, and what happens to one is told to Nova's API.

Standard library only: the virt driver in OpenStack's environment writes what the lab's hypervisor reads.
"""

from __future__ import annotations

import base64
import json
import socket
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

from lab.cloud import Instance
from lab.nova.places import Place

_TIMEOUT_S = 30


class Register:
    """The machines of all hosts, one file each in the directory `machines` of a stack; without that directory nothing is noted."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "machines"

    def add(self, identity: str, name: str, address: str, user_data: str) -> None:
        """Note a machine that runs now; `user_data` is base64."""
        if self._path.is_dir():
            new = self._path / f".{identity}"
            new.write_text(json.dumps({"name": name, "address": address, "user_data": user_data}), encoding="utf-8")
            new.replace(self._path / identity)

    def remove(self, identity: str) -> None:
        """Note that a machine runs no longer."""
        (self._path / identity).unlink(missing_ok=True)

    def all(self) -> dict[str, dict[str, str]]:
        """Return name, address and user_data of each machine by its server's id."""
        found = {}
        for path in self._path.glob("[!.]*"):
            try:
                found[path.name] = json.loads(path.read_text(encoding="utf-8"))
            except FileNotFoundError:
                continue  # ended meanwhile
        return found


def tell_hypervisor(sock: Path) -> None:
    """Have the lab's hypervisor look now instead of at its next turn; nobody waits for it, and it need not be there."""
    if sock.exists():
        threading.Thread(target=_tell, args=(sock,), daemon=True).start()


def _tell(sock: Path) -> None:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(30)
            client.connect(str(sock))
            client.sendall(b'{"do": "changed"}\n')
            client.recv(4096)
    except OSError as problem:
        print(f"lab.nova: the hypervisor was not told: {problem}", file=sys.stderr, flush=True)


class Machines:
    """What the hypervisor asks of a cloud (see `lab.cloud.Ec2`), asked of a stack. Raises OSError when Nova gives no good answer."""

    def __init__(self, directory: Path) -> None:
        self._place = Place(directory)
        self._register = Register(directory)

    def running(self) -> list[Instance]:
        """Return the machines that run."""
        return [Instance(identity, its["address"], its["name"]) for identity, its in self._register.all().items()]

    def user_data(self, identity: str) -> str:
        """Return a machine's user-data as text."""
        return base64.b64decode(self._register.all()[identity]["user_data"]).decode("utf-8", "replace")

    def report(self, identity: str, state: str) -> None:
        """Tell Nova that a machine is now `stopped` or `terminated`."""
        self._register.remove(identity)
        if state == "terminated":
            self._call("DELETE", f"/servers/{identity}")
        else:
            self._call("POST", f"/servers/{identity}/action", {"os-stop": None})

    def servers(self) -> dict[str, str]:
        """Return the status of each server that Nova knows, by name."""
        return {one["name"]: one["status"] for one in self._call("GET", "/servers/detail?all_tenants=1")["servers"]}

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = self._request(method, self._place.url("nova") + path, body)
        request.add_header("X-Auth-Token", self._token())
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            return json.loads(answer.read() or b"null")

    def _token(self) -> str:
        user = {"name": "admin", "password": self._place.secret("admin"), "domain": {"id": "default"}}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        with urllib.request.urlopen(self._request("POST", f"{self._place.url('keystone')}/auth/tokens", body), timeout=_TIMEOUT_S) as answer:
            return str(answer.headers["X-Subject-Token"])

    @staticmethod
    def _request(method: str, url: str, body: dict[str, Any] | None) -> urllib.request.Request:
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)


if __name__ == "__main__":
    print(json.dumps(Machines(Path(sys.argv[1])).servers()))
