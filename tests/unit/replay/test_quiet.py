from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.replay import autoscaler
from saltext.dynamiccluster.replay.autoscaler import Autoscaler
from saltext.dynamiccluster.replay.cluster import Boot
from saltext.dynamiccluster.replay.replay import Setting, replay
from saltext.dynamiccluster.replay.workloads import bursts, lublin, mixed
from saltext.dynamiccluster.settings import load

CONFIG = {"region_name": "us-east-1", "image_id": "ami-12345678", "instance_type": "c5.4xlarge"}
LARGE = {"cloud": {"quantity": {"min": 0, "max": 16}}}
SMALL = {"cloud": {"quantity": {"min": 0, "max": 4}}}
TWO = {"near": {"quantity": {"min": 1, "max": 2}, "price": 0.1}, "far": {"quantity": {"max": 3}, "priority": 2, "reservation": {"queue": "2"}}}
FAULTY = Boot(200.0, 900.0, 0.3)


def wanted(general, resources, boot=Boot()):
    cloud = {name: {"type": "aws", "config": {**CONFIG, "instance_name_prefix": f"{name}-"}, **more} for name, more in resources.items()}
    settings = load({"dynamic-cluster": general, "cluster": {"type": "sge", "config": {}}, "cloud": cloud})
    return Setting(settings, dict.fromkeys(cloud, 16), boot)


def queued(jobs):
    return [replace(job, queue=str(number % 3)) for number, job in enumerate(jobs)]


def run(jobs, setting):
    """Return the figures and how often was decided."""
    decided = []
    found = replay(jobs, setting, lambda cluster: _Counting(setting.settings, cluster, setting.cores, decided))
    return found.figures, len(decided)


class _Counting(Autoscaler):
    def __init__(self, settings, cluster, cores, decided):
        super().__init__(settings, cluster, cores)
        self._decided = decided

    def _decide(self):
        self._decided.append(self.cluster.now)
        return super()._decide()


@pytest.mark.parametrize(
    ("jobs", "general", "resources", "boot"),
    [
        (mixed(1, 0.2, load=6), {}, SMALL, Boot()),
        (lublin(3, 0.3, load=4), {"surge": 0}, LARGE, Boot()),
        (bursts(2, 0.1, load=8), {"surge": 0, "idle_boots": 1}, LARGE, FAULTY),
        (mixed(4, 0.3, load=2), {"surge": 1, "headroom": 0.2}, LARGE, Boot()),
        (mixed(5, 0.3, load=4), {"idle_boots": 4, "idle_learns": True}, SMALL, Boot()),
        (queued(mixed(6, 0.3, load=3)), {"minimum_node_life": "20m", "max_idle_time": "3m"}, TWO, FAULTY),
        (mixed(7, 0.3, load=3), {"limits": {"max_launches_per_hour": 4, "max_nodes": 9}}, LARGE, Boot()),
    ],
)
def test_polls_that_are_left_out_would_have_changed_nothing(monkeypatch, jobs, general, resources, boot):
    setting = wanted(general, resources, boot)
    found, few = run(jobs, setting)
    monkeypatch.setattr(autoscaler, "find_quiet", lambda *_, **__: None)
    every, many = run(jobs, setting)
    assert found == every
    assert few < many


def test_a_full_cluster_does_not_decide_for_each_job_that_comes_and_goes():
    setting = wanted({}, SMALL)
    jobs = lublin(1, 1, load=20, most_cores=16)
    found, decided = run(jobs, setting)
    assert found.jobs > 500 and found.utilisation > 0.9
    assert decided < found.jobs / 5
