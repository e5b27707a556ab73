"""How long things take from end to end, in a lab with a real Grid Engine, a Salt master and an EC2 API. Seconds of the wall clock."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from lab.api import Lab, read_lines
from lab.demo.burst import Wish, submit
from lab.saltside import settings

from .cases import Case, Sample

MANY = 50
POLL, QUIET, INTERVAL = 1.0, 1.0, 2.0  # seconds: cluster_poller_interval, batch_window, auto_provision_interval of the lab
SOON = 2.0  # seconds that a node may take from its highstate's return
_RESULTS = "lab.json"
_SCRIPT = "/srv/nothing.sh"  # on the head
_PATIENCE = 150.0


def _prepare(folder: Path) -> None:
    """Bring up one lab for all rows and write down what each of them took."""
    if (folder / _RESULTS).exists():
        return
    with Lab("bench", salt=True) as lab, _returns(lab, folder / "returns") as returns:
        lab.follow_events()
        found = {"launch": _submit_to_launch(lab), "usable": _return_to_usable(lab, returns)}
        lab.head(["tee", _SCRIPT], stdin="#!/bin/sh\n")  # what a machine does once it runs has no part in how it joins
        lab.change_settings(_more_resources(lab))
        lab.salt_run("dynamiccluster.reconcile")
        found["alone"] = _join(lab, "one", 1)
        found["many"] = _join(lab, "many", MANY)
    (folder / _RESULTS).write_text(json.dumps(found))


def _more_resources(lab: Lab) -> dict[str, Any]:
    """Return changes of the settings: two resources of machines that only run, one for a machine alone, one for many."""
    like = settings(lab.state)["cloud"]["standard"]
    config = {**like["config"], "userdata_file": _SCRIPT}
    more = {
        name: {**like, "quantity": {"min": 0, "max": most}, "config": {**config, "instance_name_prefix": f"{name}-"}}
        for name, most in (("one", 1), ("many", MANY))
    }
    return {"dynamic-cluster": {"max_launch_time": 900}, "cloud": more}


@contextmanager
def _returns(lab: Lab, path: Path) -> Iterator[Path]:
    """Write down the returns of minions as the master's bus tells them."""
    with path.open("w") as file:
        command = [*lab.head_argv(), "salt-run", "--log-level=quiet", "state.event", "salt/job/*/ret/*"]
        listener = subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL)
    try:
        yield path
    finally:
        listener.kill()
        listener.wait()


def _submit_to_launch(lab: Lab) -> float:
    """Return the longest time from qsub to the launch call, of jobs for which there is no node."""
    _wait(lab, lambda: _events(lab, "/idle"), "the first node")
    took = []
    for title in ("first", "second"):
        before = len(_launches(lab))
        (job,) = submit(lab, (Wish(title, "-pe smp 4", seconds=60),), rerunnable=False)
        _wait(lab, lambda: len(_launches(lab)) > before, "the launch call")
        took.append(_launches(lab)[before] - job.when)
    return max(took)


def _launches(lab: Lab) -> list[float]:
    return [row["time"] for row in lab.requests() if row["parameters"].get("Action") in ("RunInstances", "CreateFleet")]


def _return_to_usable(lab: Lab, returns: Path) -> float:
    """Return the longest time from a highstate's return to the node being seen to take jobs."""
    _wait(lab, lambda: len(_serving(lab)) >= 3, "three nodes that serve")
    told = {node: at for node, at in _highstates(returns)}
    return max(at - told[node] for node, at in _serving(lab).items() if node in told)


def _serving(lab: Lab) -> dict[str, float]:
    """Return when each node was first announced idle or busy."""
    found: dict[str, float] = {}
    for event in [*_events(lab, "/idle"), *_events(lab, "/busy")]:
        node = event["tag"].split("/")[-2]
        found[node] = min(event["time"], found.get(node, event["time"]))
    return found


def _highstates(returns: Path) -> Iterator[tuple[str, float]]:
    """Yield minion and time of each highstate that succeeded."""
    for line in returns.read_text(errors="replace").splitlines():
        tag, _, text = line.partition("\t")
        if not text.startswith("{"):
            continue
        data = json.loads(text)
        if data.get("fun") in ("state.highstate", "state.apply") and data.get("success"):
            yield tag.rpartition("/")[2], datetime.fromisoformat(data["_stamp"]).replace(tzinfo=timezone.utc).timestamp()


def _join(lab: Lab, resource: str, count: int) -> float:
    """Return the time from the first machine that runs to the last one that is a host of Grid Engine, of so many launched at once."""
    lab.salt_run("dynamiccluster.add", resource, str(count))
    mine = f"/{resource}-"
    _wait(lab, lambda: len([one for one in _events(lab, "/joined") if mine in one["tag"]]) >= count, f"{count} nodes to join")
    times = {what: [one["time"] for one in _events(lab, what) if mine in one["tag"]] for what in ("/active", "/joined")}
    return max(times["/joined"]) - min(times["/active"])


def _events(lab: Lab, ending: str) -> list[dict[str, Any]]:
    return [event for event in read_lines(lab.state.logs / "events.log") if event["tag"].endswith(ending)]


def _wait(lab: Lab, condition: Callable[[], object], what: str) -> None:
    lab.wait_for(condition, within=_PATIENCE, every=0.2, what=what)


def _read(folder: Path) -> dict[str, float]:
    return dict(json.loads((folder / _RESULTS).read_text()))


def _launch_row(folder: Path) -> Sample:
    return Sample(_read(folder)["launch"], POLL + QUIET + INTERVAL)


def _usable_row(folder: Path) -> Sample:
    return Sample(_read(folder)["usable"], SOON)


def _join_row(folder: Path) -> Sample:
    found = _read(folder)
    return Sample(found["many"], MANY * found["alone"])


CASES = (
    Case("lab-launch", "qsub to launch call, against poll + batch window + auto_provision_interval", 1.0, _launch_row, _prepare),
    Case("lab-usable", "highstate's return to a node that takes jobs, against 2 s", 1.0, _usable_row, _prepare),
    Case("lab-join", f"{MANY} nodes join side by side, against {MANY} times one alone", 1.0, _join_row, _prepare),
)
