"""A scenario: everything that happens in it follows from these few numbers, so that its command line replays it."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from ...model import Chunk, Request
from ...settings import Settings
from ..world import make_settings

SECRET = "wJalrXUtnFEMI-K7MDENG-simulated-secret"
STRIDE = 10.0  # seconds between two looks of the engine while anything goes on

_QUICK: dict[str, Any] = {
    "max_idle_time": 40,
    "max_launch_time": 200,
    "max_down_time": 100,
    "cluster_poller_interval": 10,
    "cloud_poller_interval": 10,
    "auto_provision_interval": 10,
}
_VARIANTS: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"a": {"quantity": {"min": 0, "max": 4}}}, {}),
    ({"a": {"quantity": {"min": 1, "max": 3}}}, {"minimum_node_life": 120}),
    ({"a": {"quantity": {"min": 0, "max": 2}, "priority": 1}, "b": {"quantity": {"min": 1, "max": 3}, "priority": 2}}, {"limits": {"max_nodes": 4}}),
    ({"a": {"quantity": {"min": 2, "max": 5}}}, {"cloud_poller_interval": 20, "auto_provision_interval": 30}),
    ({"a": {"quantity": {"min": 0, "max": 6}}, "b": {"quantity": {"min": 0, "max": 1}}}, {"max_idle_time": 0}),
)
_HEADROOMS = (0.0, 0.0, 0.2, 1.0)
_IDLE_BOOTS = (0.0, 0.0, 1.0, 3.0)
# unit and minimum of what a resource is billed by, seconds; mostly every second, which is the default
_BILLINGS = (*[(0.0, 0.0)] * 4, (300.0, 0.0), (3600.0, 0.0), (0.0, 600.0), (900.0, 1200.0))
_REQUESTS = (
    Request(),
    Request((Chunk(cores=2),)),
    Request((Chunk(cores=4),)),
    Request((Chunk(cores=4),)),
    Request((Chunk(6),)),
    Request((Chunk(2, 4, distinct=True),)),
)


@dataclass(frozen=True)
class Scenario:
    """One scenario. `minutes`: how long the switches may strike; `jobs`: how many are submitted meanwhile."""

    seed: int
    switches: tuple[str, ...]
    jobs: int
    minutes: int

    @property
    def command(self) -> str:
        switches = ",".join(self.switches) or "none"
        return f"./run soak --replay {self.seed} --switches {switches} --jobs {self.jobs} --minutes {self.minutes}"

    @property
    def settings(self) -> Settings:
        economy, billing = self.chance("economy"), self.chance("billing")
        number = self.chance("settings").randrange(len(_VARIANTS))
        general = (economy.choice(_HEADROOMS), economy.choice(_IDLE_BOOTS), economy.choice(_HEADROOMS), economy.random() < 0.5)
        return _settings(number, *general, tuple(billing.choice(_BILLINGS) for _ in _VARIANTS[number][0]))

    def chance(self, name: str) -> random.Random:
        """Return the dice of one part: what the others throw does not change its own throws."""
        return random.Random(f"{self.seed}/{name}")

    def submissions(self) -> tuple[Submission, ...]:
        """Return the jobs in the order in which they come."""
        chance = self.chance("jobs")
        return tuple(sorted(_throw_job(chance, self.minutes * 60.0) for _ in range(self.jobs)))


@dataclass(frozen=True, order=True)
class Submission:
    """A job that comes `at` so many seconds after the beginning."""

    at: float
    duration: float
    rerunnable: bool
    held: bool
    kind: int

    @property
    def request(self) -> Request:
        return _REQUESTS[self.kind]


def throw(seed: int, switches: Iterable[str]) -> Scenario:
    """Return the scenario of this seed."""
    chance = random.Random(f"{seed}/scenario")
    return Scenario(seed, tuple(sorted(switches)), chance.randint(1, 8), chance.randint(2, 8))


def _throw_job(chance: random.Random, seconds: float) -> Submission:
    at, duration = chance.choice((0.0, chance.uniform(0, seconds))), chance.uniform(10, 150)
    return Submission(at, duration, chance.random() < 0.5, chance.random() < 0.05, chance.randrange(len(_REQUESTS)))


@cache
def _settings(number: int, headroom: float, idle_boots: float, surge: float, idle_learns: bool, billings: tuple[tuple[float, float], ...]) -> Settings:
    resources, general = _VARIANTS[number]
    general = {**_QUICK, "headroom": headroom, "idle_boots": idle_boots, "surge": surge, "idle_learns": idle_learns, **general}
    billed = zip(resources.items(), billings, strict=True)
    return make_settings({name: _complete(name, data, billing) for (name, data), billing in billed}, **general)


def _complete(name: str, resource: dict[str, Any], billing: tuple[float, float]) -> dict[str, Any]:
    config = {"region_name": "us-east-1", "image_id": "ami-12345678", "instance_type": "c5.xlarge", "instance_name_prefix": f"{name}-"}
    billed = {"billing_unit": billing[0], "billing_minimum": billing[1]}
    return {**resource, **billed, "config": {**config, "access_key_id": "AKIAQQQQQQQQQQQQQQQQ", "secret_access_key": SECRET}}
