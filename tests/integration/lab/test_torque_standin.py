"""The stand-in with real processes: its daemon, a pbs_mom, and the commands as programs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
CHECKOUT = Path(__file__).resolve().parents[3]
COMMANDS = CHECKOUT / "lab" / "torque" / "bin"


class Running:
    """A daemon on a socket of its own, and a mom of this machine that calls itself localhost."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {**os.environ, "TORQUE_STANDIN": str(directory / "socket"), "PYTHONPATH": str(CHECKOUT)}
        self.port = _free_port()
        (directory / "mom").mkdir()
        (directory / "mom" / "server_name").write_text(f"127.0.0.1:{self.port}\n")
        self.processes = [
            self._start(sys.executable, "-m", "lab.torque.daemon", "--socket", str(directory / "socket"), "--moms", f"127.0.0.1:{self.port}",
                        "--name", "head", "--set", "poll=0.5"),
            self._start(sys.executable, str(COMMANDS / "pbs_mom"), "-D", "-d", str(directory / "mom"), "-H", "localhost"),
        ]

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(words, env=self.environment, stdin=subprocess.DEVNULL, start_new_session=True)

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        program = str(COMMANDS / words[0])
        return subprocess.run([sys.executable, program, *words[1:]], input=stdin, capture_output=True, text=True, timeout=120, env=self.environment, check=False)

    def submit(self, script: str) -> str:
        done = self.run("qsub", "-o", str(self.directory / "out"), "-e", "/dev/null", stdin=script)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + 120
        while not condition():
            assert time.monotonic() < deadline, f"waited for {what}"
            time.sleep(0.1)

    def end(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def torque(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    try:
        running.wait_for(lambda: running.run("qstat").returncode == 0, "the daemon")
        assert running.run("qmgr", "-c", "create node localhost np=2").returncode == 0
        running.run("pbsnodes", "-c", "localhost")
        running.wait_for(lambda: "free" in running.run("pbsnodes", "-l", "-n", "all").stdout, "the mom")
        yield running
    finally:
        running.end()


def test_job_runs_as_a_process_and_leaves_its_output(torque: Running) -> None:
    job = torque.submit("echo $PBS_JOBID on $(cat $PBS_NODEFILE)")
    torque.wait_for(lambda: "<job_state>C</job_state>" in torque.run("qstat", "-x", job).stdout, "the end of the job")
    assert (torque.directory / "out").read_text() == f"{job} on localhost\n"
    assert "<exit_status>0</exit_status>" in torque.run("qstat", "-x", job).stdout


def test_deleted_job_ends_its_process(torque: Running) -> None:
    job = torque.submit("echo $$; exec sleep 600")
    torque.wait_for(lambda: (torque.directory / "out").exists() and (torque.directory / "out").read_text(), "the job")
    process = int((torque.directory / "out").read_text())
    assert torque.run("qdel", job).returncode == 0
    torque.wait_for(lambda: not Path(f"/proc/{process}").exists(), "the end of its process")
    assert "<exit_status>271</exit_status>" in torque.run("qstat", "-x", job).stdout


def test_mom_that_dies_leaves_a_job_that_only_a_purge_clears(torque: Running) -> None:
    job = torque.submit("sleep 5")
    torque.wait_for(lambda: "<job_state>R" in torque.run("qstat", "-x", job).stdout, "the job")
    torque.processes[1].kill()
    torque.wait_for(lambda: torque.run("qsig", "-s", "0", job).returncode == 224, "the loss of the mom")
    assert torque.run("qdel", job).returncode == 224 and torque.run("qdel", "-p", job).returncode == 0
    assert torque.run("qstat", job).returncode == 153


def test_without_a_daemon_commands_fail_as_without_a_server(torque: Running) -> None:
    torque.processes[0].kill()
    torque.processes[0].wait()
    assert {name: torque.run(name).returncode for name in ("qstat", "pbsnodes", "showq")} == {"qstat": 111, "pbsnodes": 1, "showq": 1}


def test_every_command_is_there() -> None:
    names = {path.name for path in COMMANDS.iterdir()}
    assert names >= {"qsub", "qstat", "qdel", "qsig", "qrerun", "qhold", "qrls", "qmgr", "pbsnodes", "checknode", "diagnose", "showq", "showres", "setres",
                     "releaseres", "releasehold", "pbs_mom"}
    assert all(os.access(path, os.X_OK) for path in COMMANDS.iterdir())
