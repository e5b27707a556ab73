"""The places that two engines share: a directory, and a Redis server of the test's own on a socket."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

WITHIN = 60.0  # seconds that anything may take on a loaded machine


def start_redis(directory: Path) -> subprocess.Popen[bytes]:
    """Start a server that listens on `directory/redis.sock` alone and keeps nothing on disk; return once it answers."""
    found = shutil.which("redis-server")
    if found is None:
        pytest.skip("redis-server is not installed; ./run test installs it")
    words = ["--port", "0", "--unixsocket", f"{directory}/redis.sock", "--save", "", "--appendonly", "no", "--dir", str(directory), "--requirepass", "hunter2"]
    process = subprocess.Popen([found, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        try:
            redis.Redis(unix_socket_path=f"{directory}/redis.sock", password="hunter2").ping()
            return process
        except redis.RedisError:
            time.sleep(0.05)
    process.kill()
    process.wait()
    raise AssertionError("redis-server did not start")


@pytest.fixture
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("r")
    process = start_redis(directory)
    yield f"redis://:hunter2@{directory}/redis.sock"
    process.kill()
    process.wait()


@pytest.fixture(params=["file", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a shared place of each kind."""
    return f"file://{tmp_path}/shared" if request.param == "file" else request.getfixturevalue("redis_url")
