"""The document for readers and the answers of the running engine."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from saltext.dynamiccluster.control.present import Status, present
from saltext.dynamiccluster.control.queries import ask
from saltext.dynamiccluster.errors import Refusal
from saltext.dynamiccluster.model import Chunk, HoldBy, Request, Reservation, Shape
from saltext.dynamiccluster.policy.memory import Backoff
from saltext.dynamiccluster.sim.batch import SimHost
from saltext.dynamiccluster.sim.world import World, make_settings

NODE = "hostname type state state_start_time time_in_current_state num_proc jobs extra_attributes instance"
INSTANCE = (
    "uuid instance_name state ip dns_name vcpu_number flavor key_name security_groups availability_zone image_uuid subnet_id"
    " creation_time cloud_resource last_update_time last_task_result tasked spot_price"
)
JOB = (
    "jobid name owner state priority queue account property requested_cores cores_per_node requested_mem requested_walltime"
    " creation_time extra_attributes"
)
RESOURCE = (
    "name type priority min_num max_num current_num cores_per_node flag reservation_queue reservation_account"
    " reservation_property worker_nodes"
)


@pytest.fixture
def world(tmp_path) -> World:
    """A physical node, one node of ours that runs a job, one that comes, a job that waits and one that is held."""
    world = World(make_settings(max_idle_time=100_000), tmp_path / "journal")
    world.batch.hosts["iron"] = SimHost("iron", Shape(2), Reservation(), ("all.q",), HoldBy.NOBODY, True)
    world.submit(1, Request(chunks=(Chunk(cores=4),)), 5000.0)
    assert world.run(300, world.batch.running), world.describe()
    world.submit(1, Request(chunks=(Chunk(cores=3),)))
    world.submit(1, held=True)
    world.run(20)
    return world


def document(world: World) -> dict:
    return json.loads(json.dumps(present(world.core, Status("2.0.0", 5.0))))


def test_fields_are_named_as_the_rest_api_has_them(world):
    shown = document(world)
    ours = next(node for node in shown["nodes"] if node["resource"])
    assert set(NODE.split()) <= set(ours) and set(INSTANCE.split()) <= set(ours["instance"])
    assert set(JOB.split()) <= set(shown["jobs"][0]) and set(RESOURCE.split()) <= set(shown["resources"][0])
    assert set(shown) >= {"engine", "cluster", "nodes", "jobs", "resources", "plan", "totals", "orphans", "problems"}


def test_nodes_with_their_states(world):
    nodes = {node["hostname"]: node for node in document(world)["nodes"]}
    iron = nodes.pop("iron")
    assert (iron["type"], iron["state"], iron["state_name"], iron["instance"]) == ("physical", 2, "Idle", None)
    assert sorted(node["state_name"] for node in nodes.values()) == ["Busy", "Starting"]
    busy = next(node for node in nodes.values() if node["state"] == 3)
    assert (busy["jobs"], busy["num_proc"], busy["instance"]["state_name"]) == (["1"], 4, "Ready")
    assert busy["instance"]["ip"].startswith("10.") and busy["time_in_current_state"] > 0


def test_pending_jobs_first_each_with_what_becomes_of_it(world):
    jobs = document(world)["jobs"]
    assert [job["state"] for job in jobs] == ["pending", "running", "held"]
    assert jobs[0]["fate"]["outcome"] == "arriving" and jobs[0]["fate"]["reason"]
    assert jobs[1]["fate"]["nodes"] == jobs[1]["hosts"] and jobs[2]["fate"]["reason"] == "held by its user"
    assert document(world)["totals"]["jobs"] == {"running": 1, "pending": 1, "held": 1}


def test_g7_display_limit_never_limits_what_is_counted_or_planned(world):
    world.submit(100, Request(chunks=(Chunk(cores=4),)))
    world.run(15)
    shown = document(world)
    limit = world.settings.cluster.config.queued_job_number_to_display
    assert sum(job["state"] == "pending" for job in shown["jobs"]) == limit < shown["totals"]["jobs"]["pending"] == 101
    assert len(world.core.plan.fates) >= 101


def test_resource_with_its_trouble(world):
    world.clouds["cloud1"].troubles.refuse("launch", Refusal.QUOTA, times=None)
    world.submit(1, Request(chunks=(Chunk(cores=4),)))
    world.run(150)
    shown = document(world)["resources"][0]
    assert (shown["name"], shown["current_num"], shown["max_num"], shown["cores_per_node"]) == ("cloud1", 2, 8, 4)
    assert shown["flag_name"] == "Normal" and shown["backoff"]["kind"] == "quota"
    assert any("quota" in problem for problem in document(world)["problems"])


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("iron", "belongs to no resource: shown, never touched"),
        ("cloud1-", "it was launched for job 1"),
        ("3", "held by its user"),
        ("1", "job 1 runs on cloud1-"),
    ],
)
def test_explain_in_one_line(world, subject, words):
    if subject == "cloud1-":
        subject = next(host.name for host in world.batch.hosts.values() if world.batch.running(host.name))
    answer = ask(world.core, "explain", {"subject": subject})
    assert answer["ok"] and words in answer["message"] and "\n" not in answer["message"]


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("explain", {"subject": "nosuch"}, "neither a job nor a node nor a resource 'nosuch'"),
        ("explain", {}, "wrong arguments"),
        ("job", {"job": "99"}, "no job '99'"),
        ("history", {"limit": "many"}, "invalid literal"),
    ],
)
def test_wrong_question_is_answered_in_one_sentence(world, name, arguments, words):
    answer = ask(world.core, name, arguments)
    assert not answer["ok"] and words in answer["message"]


def test_plan_says_what_would_be_done_and_does_nothing(world):
    world.command("add", resource="cloud1")
    effects = len(world.wire.passed)
    answer = ask(world.core, "plan", {})
    assert answer["data"]["launches"] == {"cloud1": 1} and answer["message"] == "1 action would be taken now"
    assert len(world.wire.passed) == effects
    json.dumps(answer)


def test_history_by_host_name(world):
    name = next(iter(world.core.memory.nodes))
    rows = ask(world.core, "history", {"node": name})["data"]
    assert rows and {row["node"] for row in rows} == {name}


def test_validate_names_what_cannot_be_asked(world):
    assert all(row["ok"] for row in ask(world.core, "validate", {})["data"])
    world.batch.down = True
    bad = [row for row in ask(world.core, "validate", {})["data"] if not row["ok"]]
    assert [row["what"] for row in bad] == ["batch system"] and bad[0]["remedy"]


def test_machine_of_ours_that_belongs_to_no_node_is_an_orphan(world):
    machine = world.account.make(dict(world.account.living()[0].tags) | {"Name": "lost"})
    world.core.see_cloud("cloud1")
    assert [row["id"] for row in document(world)["orphans"]] == [machine.id]


def test_backoff_that_is_over_is_no_problem_any_more(world):
    def change(until: float) -> list[str]:
        backoff = Backoff(until, "bad request", "there is no file", 0.0, 1)
        world.core.ledger.update(lambda memory: memory.with_resource("cloud1", replace(memory.resource("cloud1"), backoff=backoff)))
        return [line for line in document(world)["problems"] if "nothing is launched" in line]

    assert change(world.clock.now() + 60) == ["resource cloud1: nothing is launched for now (bad request): there is no file"]
    assert change(0.0) == []
