"""The lab itself: its labs keep apart, leave nothing, and touch nothing of the machine."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.api import Lab
from lab.errors import CommandFailed, LabError, TimedOut
from lab.layout import CHECKOUT
from lab.state import start_time

pytestmark = pytest.mark.root


def own(name: str) -> str:
    """Return a name that no other run of these tests uses."""
    return f"{name}-{os.getpid()}"


@pytest.fixture(scope="module")
def lab():
    with Lab(own("machines")) as one:
        yield one


def register(lab: Lab, node: str, slots: int = 1) -> None:
    lab.head(f"qconf -aattr hostgroup hostlist {node} @allhosts && qconf -rattr queue slots {slots} all.q@{node}")


def test_an_ordinary_users_job_runs_on_a_node(lab):
    lab.start_node("n1")
    register(lab, "n1")
    lab.start_execd("n1")
    lab.head("printf 'hostname; id -un\n' >job.sh && qsub -o out -e err job.sh", user="alice")
    lab.wait_for(lambda: lab.head("cat out", user="alice", check=False).stdout == "n1\nalice\n", what="the job's output")
    lab.poweroff("n1")


def test_a_node_has_a_name_an_address_processes_and_files_of_its_own(lab):
    address = lab.start_node("own")
    assert lab.node("own", "hostname").stdout == "own\n"
    assert lab.head("getent hosts own").stdout.split() == [address, "own"]
    assert lab.node("own", "getent hosts head").stdout.split() == ["10.78.0.10", "head"]
    assert "sge_qmaster" not in lab.node("own", "ps ax").stdout
    lab.node("own", "echo mine >/etc/mine")
    assert not Path("/etc/mine").exists()
    with pytest.raises(CommandFailed):
        lab.head("cat /etc/mine")
    lab.poweroff("own")


def test_power_off_ends_every_process_and_the_name(lab):
    lab.start_node("brief")
    lab.node("brief", "setsid --fork sleep 600 >/dev/null 2>&1")
    lab.poweroff("brief")
    assert "sleep 600" not in lab.head("ps ax").stdout
    assert lab.head("getent hosts brief", check=False).returncode != 0
    with pytest.raises(LabError, match="no node 'brief'"):
        lab.node("brief", "true")
    lab.start_node("brief")
    lab.poweroff("brief")


def test_two_nodes_of_one_name_are_refused(lab):
    lab.start_node("twice")
    with pytest.raises(LabError, match="there is a node twice"):
        lab.start_node("twice")
    lab.poweroff("twice")


def test_a_command_that_hangs_is_ended(lab):
    with pytest.raises(TimedOut):
        lab.head("sleep 601", timeout=0.5)
    assert "sleep 601" not in lab.head("ps ax").stdout


def test_two_labs_do_not_collide(lab):
    with Lab(own("beside")) as other:
        lab.start_node("same", "10.78.1.77")
        other.start_node("same", "10.78.1.77")
        other.node("same", "touch /etc/other")
        assert lab.node("same", "ls /etc/other", check=False).returncode != 0
        other.head("qconf -as same")
        assert "same" not in lab.head("qconf -ss").stdout
    lab.poweroff("same")


def test_a_lab_that_is_up_is_not_started_again(lab):
    with pytest.raises(LabError, match="another process is busy"):
        Lab(own("machines")).up()


def test_nothing_of_the_machine_is_changed():
    def look() -> tuple[object, ...]:
        files = ("/etc/passwd", "/etc/group", "/etc/hosts", "/etc/nsswitch.conf", "/etc/hostname", "/usr/bin/systemctl", "/usr/sbin/policy-rc.d")
        sums = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in files if Path(path).exists()]
        links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout.count("\n")
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
        return sums, links, mounts, sorted(os.listdir("/var/lib/gridengine")), os.path.exists("/etc/salt")

    before = look()
    with Lab(own("traces")) as one:
        one.start_node("n1")
        during = look()
    assert before == during == look()


def test_a_killed_lab_leaves_nothing_the_next_one_stumbles_over():
    lab = Lab(own("killed"))
    lab.up()
    lab.start_node("n1")
    pid = lab.state.init_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    lab.wait_for(lambda: start_time(pid) is None, within=20)
    lab._lock.close()  # as the kernel does for a process that is killed
    with Lab(own("killed")) as again:
        again.start_node("n1")
        assert set(again.nodes()) == {"n1"}


def test_a_lab_ends_with_the_process_that_made_it():
    name = own("orphan")
    script = f"import time\nfrom lab.api import Lab\nlab = Lab('{name}')\nlab.up()\nprint(lab.state.init_pid(), flush=True)\ntime.sleep(600)\n"
    maker = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT, env={**os.environ, "PYTHONPATH": str(CHECKOUT)})
    pid = int(maker.stdout.readline())
    assert start_time(pid) is not None
    maker.kill()
    maker.wait()
    deadline = time.monotonic() + 120
    while start_time(pid) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    Lab(name).down()
