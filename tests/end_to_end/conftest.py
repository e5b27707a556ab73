"""One lab for all end-to-end tests: a master with the engine, Grid Engine, an EC2 API. Bringing it up is what takes longest."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("salt")
from lab import saltside  # noqa: E402
from lab.api import Lab  # noqa: E402
from lab.demo.remains import leftovers  # noqa: E402
from lab.layout import USER  # noqa: E402

MINIMUM = 1
# The machine may be crowded: what is waited for comes in seconds on a free one.
PATIENCE = 150.0


class Site:
    """The lab as its administrator and its users see it."""

    def __init__(self, lab: Lab):
        self.lab = lab

    def call(self, function: str, *words: str) -> tuple[int, Any]:
        """Run salt-run; return its exit status and what it answered (text where that is no JSON)."""
        return self._answer(self.lab.head(self._words(function, *words), timeout=300, check=False))

    def calls(self, *lines: str) -> list[tuple[int, Any]]:
        """Run several salt-runs, a few at a time; return their answers in the order asked."""
        with ThreadPoolExecutor(3) as pool:
            return list(pool.map(lambda line: self.call(*line.split()), lines))

    @staticmethod
    def _words(function: str, *words: str) -> list[str]:
        return ["salt-run", "--out=json", "--log-level=quiet", f"dynamiccluster.{function}", *words]

    @staticmethod
    def _answer(done: subprocess.CompletedProcess[str]) -> tuple[int, Any]:
        try:
            return done.returncode, json.loads(done.stdout)
        except ValueError:
            return done.returncode, done.stdout + done.stderr

    def done(self, function: str, *words: str) -> Any:
        """Run salt-run and return its answer; it must succeed."""
        status, answer = self.call(function, *words)
        assert status == 0, (function, words, answer)
        return answer

    def submit(self, options: str = "", seconds: int = 1) -> str:
        """Submit a job that sleeps, as the ordinary user; return its number."""
        line = f"printf 'sleep {seconds}\\n' | qsub -terse -o /dev/null -j y {options}"
        return self.lab.head(line, user=USER).stdout.strip()

    def is_done(self, job: str) -> bool:
        return job not in self.lab.head("qstat -u '*' | awk '{print $1}'").stdout.split()

    def nodes(self, resource: str = "") -> dict[str, dict[str, Any]]:
        """Return the engine's nodes by host name, those of one resource if asked."""
        rows = self.lab.snapshot().get("nodes", ())
        return {row["hostname"] or row["name"]: row for row in rows if row["resource"] and resource in ("", row["resource"])}

    def serving(self, resource: str = "") -> list[str]:
        return [name for name, row in self.nodes(resource).items() if row["state_name"] in ("Idle", "Busy")]

    def state(self, node: str) -> str:
        return str(self.nodes().get(node, {}).get("state_name", ""))

    def problems(self) -> str:
        """Return what the engine's last document says is wrong."""
        return "\n".join(self.lab.snapshot().get("problems", ()))

    def log(self) -> str:
        return self.lab.head("cat /var/log/salt/master").stdout

    def change(self, changes: dict[str, Any]) -> tuple[int, Any]:
        """Write other settings and have the engine read them."""
        self.lab.change_settings(changes)
        return self.call("reconcile")

    def wait(self, condition: Callable[[], Any], what: str, within: float = PATIENCE) -> Any:
        return self.lab.wait_for(condition, within=within, every=0.3, what=what)

    def wait_for_rest(self) -> None:
        """Wait until there is the minimum, serving, and nothing else: no machine, no host, no key."""
        self.wait(lambda: len(self.serving()) == len(self.nodes()) == MINIMUM, "the cluster at its minimum")
        self.wait(lambda: not leftovers(self.lab, MINIMUM), "everything else to be gone")


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    with Lab(f"end-to-end-{os.getpid()}", salt=True) as lab:
        assert sum(one["quantity"]["min"] for one in saltside.settings(lab.state)["cloud"].values()) == MINIMUM
        lab.follow_events()
        found = Site(lab)
        found.wait(lambda: len(found.serving()) == MINIMUM, "the minimum")
        yield found


@pytest.fixture(autouse=True)
def at_rest(site: Site) -> Iterator[None]:
    """Give each test the lab's own settings and a cluster at its minimum, whatever the test before has left."""
    if site.problems() or len(site.nodes()) != MINIMUM:
        site.change({})
    site.wait_for_rest()
    yield
