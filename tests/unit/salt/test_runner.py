"""What the runner's functions read, over a cache directory as an engine leaves it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from saltext.dynamiccluster.salt import runner
from saltext.dynamiccluster.salt.process import Lock


def leave_snapshot(cache: Path, age: float) -> dict[str, Any]:
    """Leave a document of that age; return the options of a master with this cache."""
    directory = cache / "dynamiccluster" / "lab"
    directory.mkdir(parents=True)
    (directory / "snapshot.json").write_text(json.dumps({"written_at": time.time() - age, "problems": ["one"], "engine": {}}))
    return {"cachedir": str(cache), "engines": [{"dynamiccluster": {"cluster": "lab"}}], "id": "master"}


def test_status_of_an_engine_that_runs_is_its_own(tmp_path: Path) -> None:
    opts = leave_snapshot(tmp_path, age=3)
    lock = Lock(tmp_path / "dynamiccluster" / "lab")
    assert lock.acquire()
    assert runner.status(opts)["problems"] == ["one"]
    lock.release()


def test_status_says_when_the_engine_can_no_longer_write(tmp_path: Path) -> None:
    opts = leave_snapshot(tmp_path, age=100)
    lock = Lock(tmp_path / "dynamiccluster" / "lab")
    assert lock.acquire()
    first, *others = runner.status(opts)["problems"]
    assert "100 s old" in first and "cannot write into" in first and "free there" in first
    assert others == ["one"]
    lock.release()


def test_status_says_when_no_engine_runs(tmp_path: Path) -> None:
    found = runner.status(leave_snapshot(tmp_path, age=100))
    assert found["engine"]["running"] is False and "not running" in found["problems"][0]
