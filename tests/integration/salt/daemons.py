"""A real salt-master and real minions on loopback, each with its own root directory and free ports; ended by pid."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def eventually(true: Callable[[], Any], within: float = 180.0, what: str = "it") -> Any:
    until = time.monotonic() + within
    while time.monotonic() < until:
        if value := true():
            return value
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come about within {within:.0f} s")


class Daemon:
    """One Salt daemon with everything of its own below `root`."""

    program = ""
    end_signal = signal.SIGTERM

    def __init__(self, root: Path, config: dict[str, Any]):
        self.root = root
        (root / "etc").mkdir(parents=True, exist_ok=True)
        self.config = {
            "root_dir": str(root),
            "conf_file": str(root / "etc" / self.program.removeprefix("salt-")),
            "log_level": "info",
            "log_level_logfile": "info",
            "user": "root" if os.getuid() == 0 else os.environ.get("USER", "nobody"),
            "pki_dir": str(root / "pki"),
            "sock_dir": str(root / "run"),
            "cachedir": str(root / "cache"),
            "pidfile": str(root / "daemon.pid"),
            "log_file": str(root / "daemon.log"),
            **config,
        }
        self.write_config()
        self._process: subprocess.Popen[bytes] | None = None

    def write_config(self) -> None:
        (self.root / "etc" / self.program.removeprefix("salt-")).write_text(yaml.safe_dump(self.config))

    def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src")}
        with open(self.root / "output", "ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, str(BIN / self.program), "-c", str(self.root / "etc")],
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
                preexec_fn=_die_with_the_tests,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        path = self.root / "daemon.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """End the daemon by its pid, then whatever of its own session is left."""
        if self._process is None:
            return
        self._process.send_signal(self.end_signal)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(15)
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process = None


class Master(Daemon):
    """A salt-master. `client_opts()` is what salt.config gives for it."""

    program = "salt-master"

    def __init__(self, root: Path, **config: Any):
        publish, ret = free_ports(2)
        for name in ("states", "pillar", "autosign"):
            (root / name).mkdir(parents=True, exist_ok=True)
        (root / "shells").mkdir(exist_ok=True)
        for name in ("_engines", "_runners", "_modules"):
            (root / "shells" / name).symlink_to(CHECKOUT / name)
        super().__init__(
            root,
            {
                "id": "the_master",
                "interface": "127.0.0.1",
                "publish_port": publish,
                "ret_port": ret,
                "worker_threads": 2,
                "file_roots": {"base": [str(root / "states")]},
                "pillar_roots": {"base": [str(root / "pillar")]},
                "module_dirs": [str(root / "shells")],
                "autosign_grains_dir": str(root / "autosign"),
                "auth_events_autosign_grains": ["pend", "denied"],
                "fileserver_backend": ["roots"],
                "timeout": 10,
                **config,
            },
        )

    def state(self, name: str, text: str) -> None:
        (self.root / "states" / name).write_text(text)

    def pillar(self, name: str, text: str) -> None:
        (self.root / "pillar" / name).write_text(text)

    def opts(self) -> dict[str, Any]:
        import salt.config

        return salt.config.master_config(self.config["conf_file"])

    def run(self, *arguments: str, program: str = "salt-run", within: float = 180.0) -> tuple[int, Any, str]:
        """Run a Salt command against this master: (exit status, what it returned, everything it printed)."""
        done = subprocess.run(
            [sys.executable, str(BIN / program), "-c", str(self.root / "etc"), "--out=json", "-l", "quiet", *arguments],
            capture_output=True,
            text=True,
            timeout=within,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src")},
        )
        try:
            value = json.loads(done.stdout)
        except ValueError:
            value = None
        return done.returncode, value, done.stdout + done.stderr

    def ask(self, function: str, *arguments: str) -> tuple[int, Any, str]:
        """Run a runner's function by Salt's own client in this process, which spares the 2 s of a salt-run; answers like `run`."""
        import salt.runner

        client = salt.runner.RunnerClient(self.opts())
        try:
            full = client.cmd(function, arg=list(arguments), print_event=False, full_return=True)
        finally:
            getattr(client.mminion, "destroy", lambda: None)()  # Salt 3008 complains at the end about what was not destroyed
        value = full.get("return")
        return (0 if full.get("success") else 1), value, json.dumps(value, default=str)

    def wait_until_up(self) -> None:
        import salt.utils.event

        def answers() -> bool:
            with salt.utils.event.get_event("master", opts=self.opts(), listen=True) as bus:
                return bool(bus.connect_pub(timeout=2)) and bool(bus.fire_event({"a": 1}, "test/up"))

        eventually(answers, 120, "the master's event bus")
        eventually(lambda: _listens(self.config["ret_port"]), 120, "the master's request server")


class Minion(Daemon):
    """A salt-minion of a master."""

    program = "salt-minion"
    end_signal = signal.SIGKILL  # a minion that still waits for its key takes 15 s to end otherwise

    def __init__(self, root: Path, master: Master, name: str, token: str | None = None, **config: Any):
        grains = {"grains": {"dynamiccluster_token": token}, "autosign_grains": ["dynamiccluster_token"]} if token else {}
        super().__init__(
            root,
            {
                "id": name,
                "master": "127.0.0.1",
                "master_port": master.config["ret_port"],
                "publish_port": master.config["publish_port"],
                "acceptance_wait_time": 1,
                "rejected_retry": True,
                "acceptance_wait_time_max": 1,
                "random_reauth_delay": 1,
                "loop_interval": 1,
                "mine_enabled": False,
                "autoload_dynamic_modules": False,
                "grains_cache": True,
                **grains,
                **config,
            },
        )


def _die_with_the_tests() -> None:
    """Have the kernel end the daemon when the test run itself is killed and can clean up nothing."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
