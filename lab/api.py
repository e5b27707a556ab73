"""The lab as tests and commands use it.

    with Lab(name="x") as lab:                   # head with Grid Engine only; ends with the block, or with the process
        lab.start_node("n1")                     # a bare node: no minion, no instance
        lab.head("qconf -aattr hostgroup hostlist n1 @allhosts")
        lab.start_execd("n1")
        lab.head("qstat -xml -u '*'", user="alice").stdout
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

from lab import checks, gridengine, inside, saltside, services
from lab.errors import LabError, TimedOut
from lab.faults import control
from lab.cloud import Ec2
from lab.layout import CHECKOUT, REGION
from lab.nova import inlab as openstack
from lab.state import State, now
from lab.torque import inlab

T = TypeVar("T")
_CACHE = "/var/cache/salt/master/dynamiccluster"


class Lab:
    """One lab. Methods that run commands raise LabError and its kinds, each message with what to look at."""

    def __init__(self, name: str = "lab", *, cloud: bool = False, salt: bool = False, engine: bool = True,
                 pillar: Mapping[str, Any] | None = None, outlive: bool = False, cluster: str = "gridengine", torque: str = "4.2.10",
                 provider: str = "aws") -> None:
        """`salt` (which needs the cloud and brings it) starts a master, with the engine unless told otherwise; `pillar` changes its settings.

        `cluster` is gridengine, or torque: the stand-in, as the version `torque`. `provider` is aws (moto), or openstack: a real one.
        """
        self.state = State.of(name)
        self.outlive = outlive
        self._cloud, self._salt, self._engine, self._pillar = cloud or salt, salt, engine, pillar
        self._cluster, self._version, self._provider = cluster, torque, provider
        self._lock: IO[str] | None = None

    def __enter__(self) -> Lab:
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self.down()

    # Life

    def up(self) -> None:
        """Start the head with Grid Engine; what a killed lab of this name left is removed first. Raises LabError when it runs already."""
        checks.require()
        self._take()
        if self.running:
            raise LabError(f"the lab {self.state.name!r} is up already", "./run lab down ends it; --name starts another")
        self.state.end()
        self._start_head()
        self._set_up_batch_system()
        if self._cloud:
            self._start_cloud()
        if self._salt:
            saltside.configure(self.state, self._pillar, self._engine)
            saltside.start(self.state, self.wait_for)
        self.state.write("ready.json", {"salt": self._salt, "cloud": self._cloud})

    def _start_cloud(self) -> None:
        if self._provider == "openstack":
            services.start_ways_in(self.state, ec2=False)
            self.hypervisor(do="watch", **openstack.start(self.state, self.wait_for))
            return
        services.start_ways_in(self.state)
        services.start_cloud(self.state, self.wait_for)
        self.hypervisor(do="watch", endpoint=services.endpoint(), region=REGION)

    def _set_up_batch_system(self) -> None:
        self.state.write("cluster.json", {"type": self._cluster})
        if self._cluster == "torque":
            inlab.set_up(self.state, self._version, self.wait_for)
        else:
            gridengine.set_up(self.state)

    @property
    def cluster(self) -> str:
        """Return which batch system a lab that is up has."""
        return saltside.cluster_of(self.state)

    def down(self) -> None:
        """End every process of the lab and remove its directory; nothing happens when there is none."""
        self._take()
        self.state.end()
        self.release()

    def release(self) -> None:
        """Let go of a lab that is to outlive this process: the end of the block no longer ends it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def running(self) -> bool:
        """Tell whether the lab is up, whole: one whose start was cut short does not count."""
        return self.state.init_pid() is not None and self.state.read("ready.json") is not None

    def _take(self) -> None:
        if self._lock is None:
            self._lock = self.state.lock()

    def _start_head(self) -> None:
        self.state.logs.mkdir(parents=True)
        reader, writer = os.pipe()
        parent = 0 if self.outlive else os.getpid()
        command = [sys.executable, "-m", "lab.head", str(self.state.path), str(writer), str(parent)]
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        with open(self.state.logs / "head.log", "ab") as log:
            self._launcher = subprocess.Popen(command, pass_fds=(writer,), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=environment)
        os.close(writer)
        answer = _read_all(reader, within=30)
        if answer != "ok":
            raise LabError("the head did not start", answer or str(self.state.logs / "head.log"))
        self.state.write("head.json", {})
        self.wait_for(self.state.socket.exists, within=20, every=0.02, what="the hypervisor")

    # Commands

    def head_argv(self, user: str = "root") -> list[str]:
        """Return the words that, put before a command, run it on the head as `user`: also usable in command templates."""
        return inside.head_argv(self.state, user)

    def node_argv(self, node: str, user: str = "root") -> list[str]:
        """Return the words that, put before a command, run it on a node."""
        return inside.node_argv(self.state, node, user)

    def head(self, command: inside.Command, user: str = "root", timeout: float = 60.0, check: bool = True,
             stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command on the head; text goes through `sh -c`, a list runs as it is."""
        return inside.run(self.head_argv(user), command, timeout, check, stdin)

    def node(self, node: str, command: inside.Command, user: str = "root", timeout: float = 60.0, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command on a node."""
        return inside.run(self.node_argv(node, user), command, timeout, check)

    # Nodes

    def nodes(self) -> dict[str, dict[str, Any]]:
        """Return the nodes that run: name to pid (in the head's namespace), address and instance id (empty: a bare node)."""
        return self.state.read("nodes.json") or {}

    def start_node(self, name: str, address: str = "", user_data: str = "") -> str:
        """Start a node that no cloud knows and return its address."""
        return str(self.hypervisor(do="start", name=name, address=address, user_data=user_data)["address"])

    def poweroff(self, node: str, report: str = "stopped") -> None:
        """Cut a node's power; the cloud then calls its instance stopped, terminated, or still running."""
        self.hypervisor(do="poweroff", name=node, report=report)

    def announce(self, node: str, kind: str, seconds: float = 120.0) -> None:
        """Tell a machine, by its metadata service, of its `interruption` (which then comes), of a `rebalance` or of `maintenance`."""
        self.hypervisor(do="announce", name=node, kind=kind, seconds=seconds)

    def start_execd(self, node: str) -> None:
        """Start a node's execution daemon; register the host before."""
        (inlab.start_mom if self.cluster == "torque" else gridengine.start_execd)(self.state, node)

    # Cloud and Salt

    @property
    def ec2(self) -> Ec2:
        """Return a small client of the EC2 API that works from outside the lab."""
        return services.client(self.state)

    @property
    def provider(self) -> str:
        """Return which cloud a lab that is up has: aws, openstack, or "" without one."""
        return saltside.provider_of(self.state)

    def cloud_names(self) -> set[str]:
        """Return the names of the machines that the cloud knows, running or in trouble."""
        return set(openstack.servers(self.state)) if self.provider == "openstack" else {one.name for one in self.ec2.running()}

    def ports(self) -> dict[str, int]:
        """Return where the head's services are on the machine's own loopback: `ec2` and `admin`."""
        return dict(self.state.read("ports.json") or {})

    def faults(self, do: str, **rule: Any) -> dict[str, Any]:
        """Switch faults of the EC2 API on (`add`, with the fields of faults.Rule) and off (`clear`), or `show` them; ValueError when it refuses."""
        return control.ask(self.state.path / services.FAULTS, do=do, **rule)

    def requests(self) -> list[dict[str, Any]]:
        """Return the EC2 calls that the front has seen: time, seconds, key, region, status, parameters."""
        return read_lines(self.state.path / "ec2-requests.jsonl")

    def salt_run(self, function: str, *arguments: str, timeout: float = 60.0, **keywords: Any) -> Any:
        """Return what a runner function returned; raise CommandFailed with its message when it failed."""
        return saltside.salt_run(self.state, function, *arguments, timeout=timeout, **keywords)

    def change_settings(self, changes: Mapping[str, Any]) -> None:
        """Write new engine settings: the lab's own with `changes` merged in. The engine reads them on `reconcile` or within a minute."""
        saltside.write_settings(self.state, saltside.settings(self.state, changes))

    def follow_events(self) -> None:
        """Begin to collect the engine's events; returns at once, the first ones may be missed."""
        services.start_events(self.state)

    def events(self) -> list[dict[str, Any]]:
        """Return the events collected so far, oldest first: time, tag, data."""
        return read_lines(self.state.logs / "events.log")

    def snapshot(self, cluster: str = "lab") -> dict[str, Any]:
        """Return the document that the engine keeps for readers, {} before the first one. Quicker than a runner by two seconds."""
        text = self.head(f"cat {_CACHE}/{cluster}/snapshot.json", check=False).stdout
        return dict(json.loads(text)) if text else {}

    def kill_engine(self, cluster: str = "lab") -> bool:
        """Kill the engine's process at once, as the kernel's memory killer would; return False when none runs just now."""
        return self.head(f"kill -9 $(cat {_CACHE}/{cluster}/engine.lock)", check=False).returncode == 0

    def machines(self) -> list[dict[str, Any]]:
        """Return every machine that ever ran in this lab: node, instance, on, off (Unix seconds; off is None while it runs)."""
        found: dict[int, dict[str, Any]] = {}
        for row in read_lines(self.state.path / "machines.jsonl"):
            found.setdefault(row["number"], {"off": None}).update(row)
        return list(found.values())

    def log_of(self, node: str) -> str:
        """Return a node's console, also after its end."""
        path = self.state.logs / f"node-{node}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def hypervisor(self, **request: Any) -> dict[str, Any]:
        """Send one command to the hypervisor and return its answer; raise LabError when it refuses."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(60)
            client.connect(str(self.state.socket))
            client.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(client.makefile("rb").readline() or b'{"ok": false, "error": "no answer"}')
        if not answer["ok"]:
            raise LabError("the hypervisor refused", answer["error"])
        return dict(answer)

    def wait_for(self, condition: Callable[[], T], within: float = 60.0, every: float = 0.1, what: str = "") -> T:
        """Return the first true value of `condition`; raise TimedOut after `within` seconds."""
        deadline = now() + within
        while not (value := condition()):
            if now() > deadline:
                raise TimedOut(f"waited {within:.0f} s for {what or getattr(condition, '__name__', 'a condition')}", str(self.state.logs))
            time.sleep(every)
        return value


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the JSON objects of a file that is written to meanwhile, one a line; a half line at the end and other text are left out."""
    if not path.exists():
        return []
    whole = path.read_text(encoding="utf-8", errors="replace").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]


def _read_all(descriptor: int, within: float) -> str:
    """Return what comes through a pipe until all its writers are gone or time is up."""
    deadline = now() + within
    found = b""
    while select.select([descriptor], [], [], max(0.0, deadline - now()))[0]:
        part = os.read(descriptor, 65536)
        if not part:
            break
        found += part
    os.close(descriptor)
    return found.decode("utf-8", "replace")
