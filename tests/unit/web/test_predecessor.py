"""A script written for version 1 works: paths, shapes, numbers and error codes; and what version 1 got wrong in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.model import Phase

from .house import SECRET, House

NODE = "hostname type state state_start_time time_in_current_state num_proc jobs extra_attributes instance".split()
INSTANCE = (
    "uuid instance_name state ip dns_name vcpu_number flavor key_name security_groups availability_zone image_uuid subnet_id creation_time"
    " cloud_resource last_update_time last_task_result tasked spot_id spot_state spot_price"
).split()
JOB = (
    "jobid name owner state priority queue account property requested_cores cores_per_node requested_mem requested_walltime creation_time"
    " extra_attributes"
).split()
RESOURCE = (
    "name type priority min_num max_num current_num cores_per_node flag reservation_queue reservation_account reservation_property"
    " proposed_allocation config worker_nodes"
).split()


def test_fields_of_version_1(house: House) -> None:
    house.world.submit(3, duration=10.0)
    house.publish()
    nodes = house.get("/workernode").json
    assert len(nodes) == 3 and all(node.keys() >= set(NODE) and node["instance"].keys() >= set(INSTANCE) for node in nodes)
    assert {(node["type"], node["state"], node["instance"]["state"], node["num_proc"]) for node in nodes} == {("aws", 3, 4, 4)}
    (first, spare) = house.get("/resource").json
    assert first.keys() >= set(RESOURCE) and (first["name"], first["flag"], first["current_num"]) == ("burst", 0, 3)
    assert sorted(first["worker_nodes"], key=str) == sorted(nodes, key=str) and spare["worker_nodes"] == []
    assert house.get("/resource/burst").json == first
    assert house.get("/server/status").json == {"auto_mode": True, "cluster": {"sge": True}}


def test_queued_jobs(house: House) -> None:
    house.put("/server/auto", token="")
    house.ask("DELETE", "/server/auto")
    house.world.submit(2, duration=10.0, owner="quentin")
    house.pass_time(30)
    jobs = house.get("/job").json
    assert [job["owner"] for job in jobs] == ["quentin"] * 2 and all(job.keys() >= set(JOB) for job in jobs)
    assert house.get(f"/job/{jobs[0]['jobid']}").json == jobs[0]
    assert len(house.get("/job?state=all").json) == 5 and len(house.get("/job?state=running").json) == 3
    assert house.get("/job/4711").status == 404


@pytest.mark.parametrize("state, count", [("3", 3), ("busy", 3), ("2", 0), ("0", 0), ("7", 0), ("", 3)])
def test_nodes_in_a_state(shown: House, state: str, count: int) -> None:
    assert len(shown.get(f"/workernode?state={state}").json) == count


def test_life_of_a_node_by_hand(house: House) -> None:
    host = house.nodes()[0]
    assert house.put(f"/workernode/{host}/hold").json == {"success": True}
    house.pass_time(30)
    assert house.get(f"/workernode/{host}").json["state"] == 6
    assert house.put(f"/workernode/{host}/hold").status == 400
    assert house.put(f"/workernode/{host}/vacate").json == {"success": True}
    house.pass_time(60)
    assert house.get(f"/workernode/{host}").json["state"] == 7
    assert house.put(f"/workernode/{host}/unhold").json == {"success": True}
    assert house.put(f"/workernode/{host}/hold").status == 200
    house.pass_time(30)
    assert house.ask("DELETE", f"/workernode/{host}").json == {"success": True}
    house.pass_time(300)
    assert house.get(f"/workernode/{host}").status == 404


def test_an_idle_node_is_deleted_only_when_held_or_on_purpose(house: House) -> None:
    house.put("/resource/spare")
    house.pass_time(600)
    (idle,) = (node["hostname"] for node in house.get("/workernode?resource=spare").json)
    refused = house.ask("DELETE", f"/workernode/{idle}")
    assert refused.status == 400 and "hold=true" in refused.json["error"]
    assert house.ask("DELETE", f"/workernode/{idle}?hold=true").json == {"success": True}
    house.pass_time(300)
    assert house.get("/workernode?resource=spare").json == []


def test_s30_a_busy_node_is_409_a_physical_one_400(house: House) -> None:
    host = house.nodes()[0]
    busy = house.ask("DELETE", f"/workernode/{host}")
    assert busy.status == 409 and "runs" in busy.json["error"]
    assert house.ask("DELETE", f"/workernode/{host}?hold=true").status == 409
    house.world.batch.hosts["head1"] = replace(house.world.batch.hosts[host], name="head1")
    house.pass_time(30)
    assert house.get("/workernode/head1").json["type"] == "physical"
    for method, path in (("DELETE", ""), ("PUT", "/hold"), ("PUT", "/unhold"), ("PUT", "/vacate")):
        answer = house.ask(method, f"/workernode/head1{path}")
        assert answer.status == 400 and "never touched" in answer.json["error"]


def test_r1_an_action_on_an_unknown_resource_is_404(house: House) -> None:
    for action in ("freeze", "restore", "drain", "adopt?instance=i-1", "?num=1"):
        answer = house.put(f"/resource/nosuch{'' if action[0] == '?' else '/'}{action}")
        assert (answer.status, answer.json["status"]) == (404, 404) and "nosuch" in answer.json["error"]
    for action in ("hold", "unhold", "vacate"):
        assert house.put(f"/workernode/nosuch/{action}").status == 404
    assert house.ask("DELETE", "/workernode/nosuch").status == 404
    for path in ("/workernode/nosuch", "/resource/nosuch", "/job/nosuch", "/explain/job/nosuch", "/explain/node/nosuch"):
        assert house.get(path).status == 404, path


@pytest.mark.parametrize("path", ["/resource/burst/nosuch", "/workernode/x/nosuch", "/nosuch", "/server", "/workernode/"])
def test_an_unknown_action_is_404(shown: House, path: str) -> None:
    assert shown.put(path).status == 404 and "openapi" in shown.put(path).json["error"]


def test_r2_the_configuration_is_an_allow_list(shown: House) -> None:
    answer = shown.get("/server/config")
    config = answer.json["cloud"]["burst"]["config"]
    assert config["access_key_id"] == config["secret_access_key"] == "********" and config["region_name"] == "us-east-1"
    for path in ("/server/config", "/resource", "/resource/burst", "/status", "/workernode", "/metrics", "/openapi.json", "/history"):
        assert SECRET.encode() not in shown.get(path).body and b"AKIAEXAMPLE" not in shown.get(path).body


def test_r3_both_gets_tell_the_same_flag_of_a_drained_resource(house: House) -> None:
    assert house.put("/resource/spare/drain").status == 200
    house.pass_time(60)
    (listed,) = (row for row in house.get("/resource").json if row["name"] == "spare")
    assert listed["flag"] == house.get("/resource/spare").json["flag"] == 3
    assert house.get("/resource/spare").json["flag"] == listed["flag"]


@pytest.mark.parametrize("num", ["0", "-5", "abc", "1.5", "%20", "9" * 5000, "1&num=2", "9"])
def test_r4_a_number_that_is_none_is_400(house: House, num: str) -> None:
    before = house.world.core.memory
    assert house.put(f"/resource/burst?num={num}").status == 400
    assert house.world.core.memory is before


@pytest.mark.parametrize("query", ["state=abc", "state=8", "state=-1", "state=2&state=3", "limit=0", "limit=x", "offset=-1", "foo=1", "state=%ff"])
def test_r4_a_filter_that_is_none_is_400(shown: House, query: str) -> None:
    answer = shown.get(f"/workernode?{query}")
    assert answer.status == 400 and answer.json["error"]


def test_launches_up_to_the_limit(house: House) -> None:
    assert house.put("/resource/spare").json == {"success": True}
    assert house.put("/resource/spare?num=2").status == 400
    assert house.put("/resource/spare?num=1").json == {"success": True}
    house.pass_time(300)
    assert house.get("/resource/spare").json["current_num"] == 2


def test_automatic_mode(house: House) -> None:
    assert house.ask("DELETE", "/server/auto").json == {"success": True}
    house.publish()
    assert house.get("/server/status").json["auto_mode"] is False
    assert house.put("/server/auto").json == {"success": True}
    house.publish()
    assert house.get("/server/status").json["auto_mode"] is True


def test_resources_freeze_and_restore(house: House) -> None:
    assert house.put("/resource/burst/freeze").status == 200
    house.pass_time(5)
    assert house.get("/resource/burst").json["flag"] == 1
    refused = house.put("/resource/burst?num=1")
    assert refused.status == 400 and "restore it first" in refused.json["error"]
    assert house.put("/resource/burst/freeze").status == 400
    assert house.put("/resource/burst/restore").status == 200
    house.pass_time(5)
    assert house.get("/resource/burst").json["flag"] == 0


def test_the_same_sentences_as_the_runner(house: House) -> None:
    told = house.put("/resource/burst?num=2&test=true").json
    assert told["message"] == "would be done: 2 nodes being launched in burst" and told["data"]["test"] is True
    assert house.world.core.memory.resource("burst").wanted == 0
    done = house.put("/resource/burst?num=2", Prefer="return=representation").json
    assert done["message"] == "2 nodes being launched in burst" and done["data"] == {"resource": "burst", "num": 2}
    assert house.asked[-1] == {"name": "add", "arguments": {"resource": "burst", "num": 2, "test": False}, "by": "alice"}


def test_defect_actions_are_serialised_with_the_engine(house: House) -> None:
    """Commands from HTTP change the memory that the next decision reads, never the nodes that are shown."""
    host = house.nodes()[0]
    before = house.get(f"/workernode/{host}").json
    assert house.put(f"/workernode/{host}/hold").status == 200
    assert house.get(f"/workernode/{host}").json == before
    assert house.world.core.memory.nodes[before["name"]].phase is Phase.SERVING
