"""The main job on a real OpenStack, as `./run demo --cloud openstack` shows it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lab.layout import CHECKOUT
from lab.state import known_labs

pytestmark = [pytest.mark.root, pytest.mark.integration]


def test_the_main_job_runs_on_a_real_openstack_and_nothing_is_left():
    name = f"openstack-{os.getpid()}"
    command = [sys.executable, "-m", "lab.demo", "--cloud", "openstack", "--name", name]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "All jobs that can run did run, and nothing was left behind." in done.stdout
    assert name not in known_labs()
