"""Bad input and broken surroundings, for real: a clear message in `status` and in the log, the loop goes on, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.errors import TimedOut
from lab.layout import ACCESS_KEY
from lab.saltside import settings

from .conftest import Site

pytestmark = [pytest.mark.root, pytest.mark.integration]


def goes_on(site: Site) -> None:
    """A job comes, is seen, and runs on the node that is there."""
    job = site.submit()
    site.wait(lambda: site.is_done(job), "a job of a cluster in trouble")


def problem(site: Site, *words: str) -> str:
    """Wait until `status` names the trouble in one line with all these words, and return that line; the log must have it, too."""

    def found(problems: list[str]) -> str:
        return next((line for line in problems if all(word in line for word in words)), "")

    line: str = site.wait(lambda: found(site.lab.snapshot().get("problems", [])), f"a problem with {', '.join(words)}")
    assert found(site.done("status")["problems"]), "what the engine wrote is what the runner shows"
    log = site.log()
    assert any(all(word in row for word in words) for row in log.splitlines()), f"the log lacks {words}"
    return line


def fine(site: Site) -> None:
    try:
        site.wait(lambda: not site.problems(), "the end of the trouble")
    except TimedOut:
        raise AssertionError(site.problems()) from None


def test_broken_pillar_keeps_the_last_good_settings(site: Site) -> None:
    status, answer = site.change({"cloud": {"standard": {"quantity": {"max": "many"}}, "large": {"config": {"instance_typ": "t3.large"}}}})
    assert status != 0
    assert "dynamiccluster:cloud:standard:quantity:max" in answer["error"] and "instance_typ" in answer["error"], "all faults at once"
    problem(site, "the last good", "dynamiccluster:cloud:standard:quantity:max")
    site.wait(lambda: any(event["tag"].endswith("engine/config_error") for event in site.lab.events()), "the event")

    site.lab.head("printf '#!yaml\\ndynamiccluster: [\\n' >/srv/pillar/settings.sls")
    status, answer = site.call("reconcile")
    assert status != 0 and "settings" in answer["error"]
    goes_on(site)
    assert site.change({})[0] == 0
    fine(site)


def test_job_for_an_unknown_parallel_environment_launches_nothing(site: Site) -> None:
    lab = site.lab
    lab.head("qconf -sp smp | sed s/smp/nowhere/ >/tmp/nowhere && qconf -Ap /tmp/nowhere")
    job = site.submit("-pe nowhere 2")
    machines = len(lab.machines())
    site.wait(lambda: any(row["jobid"] == job for row in lab.snapshot()["jobs"]), "the job")
    message = site.done("explain", job)["message"]
    assert "can never run" in message and "nowhere" in message
    goes_on(site)
    assert len(lab.machines()) == machines
    lab.head(f"qdel {job}; qconf -dp nowhere")


@pytest.fixture
def front(site: Site) -> Iterator[str]:
    """Return the process of the EC2 endpoint, which runs again in the end."""
    process = site.lab.head("pgrep -f '[l]ab.ec2_front'").stdout.split()[0]
    yield process
    site.lab.head(f"kill -CONT {process}", check=False)


def test_endpoint_that_hangs_is_told_and_costs_no_node(site: Site, front: str) -> None:
    nodes, machines = set(site.nodes()), len(site.lab.machines())
    site.lab.head(f"kill -STOP {front}")
    problem(site, "resource standard cannot be read")
    site.submit("-pe smp 2 -N too-much-1", seconds=15)
    site.submit("-pe smp 2 -N too-much-2", seconds=15)
    goes_on(site)
    assert set(site.nodes()) >= nodes and len(site.lab.machines()) == machines
    site.lab.head(f"kill -CONT {front}")
    site.done("reconcile")
    fine(site)
    site.wait(lambda: "too-muc" not in site.lab.head("qstat -u '*'").stdout, "the jobs that waited")


def faulty(site: Site, **config: object) -> None:
    """Have `large` ask for one node with a fault in its configuration."""
    status, answer = site.change({"cloud": {"large": {"quantity": {"min": 1}, "config": config}}})
    assert status == 0, answer


def test_wrong_credentials_are_told_and_stop_no_other_resource(site: Site) -> None:
    assert settings(site.lab.state)["cloud"]["large"]["config"]["access_key_id"] == ACCESS_KEY
    faulty(site, access_key_id="nobody")
    line = problem(site, "large", "AuthFailure")
    assert "no-secret-in-a-lab" not in line + site.log()
    goes_on(site)
    assert not site.nodes("large") or not site.lab.nodes().keys() & site.nodes("large").keys()
    site.change({})
    fine(site)


def test_missing_user_data_file_is_told_with_its_path(site: Site) -> None:
    faulty(site, userdata_file="/srv/no/such/file")
    problem(site, "/srv/no/such/file", "dynamiccluster:cloud:large:config:userdata_file")
    goes_on(site)
    site.change({})
    fine(site)


def test_host_name_that_does_not_resolve_keeps_the_node_out(site: Site) -> None:
    site.change({"dynamic-cluster": {"hostname": {"command": "echo unknown-{1}"}}, "cloud": {"large": {"quantity": {"min": 1}}}})
    node = site.wait(lambda: next(iter(site.nodes("large")), ""), "the new node")
    site.wait(lambda: next(iter(site.nodes("large")), "").startswith("unknown-"), "its name")
    node = next(iter(site.nodes("large")))
    site.wait(lambda: "does not resolve" in site.done("explain", node)["message"], "the explanation", 60)
    assert node not in site.lab.head("qconf -sel").stdout
    goes_on(site)
    site.change({})
    site.done("remove", node, "force=True")
    site.wait(lambda: not site.nodes("large"), "the end of the node")
