"""Many machines with one call: over moto's server behind the lab's front, and the example's user-data as each machine runs it."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from saltext.dynamiccluster.clouds import userdata
from saltext.dynamiccluster.clouds.aws import Aws
from saltext.dynamiccluster.control import intents
from saltext.dynamiccluster.model import BatchOrder, InstanceState, LaunchOrder
from tests.contract.cloud_ec2 import CHECKOUT, ec2_front, moto_server, raw_client, recorded, settings

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("front") / "calls"


@pytest.fixture(scope="module")
def url(log) -> Iterator[str]:
    with moto_server() as moto, ec2_front(moto, log) as front:
        yield front


def aws(url: str, name: str, **more) -> Aws:
    return Aws(name, "one", settings(url, **more))


def order(count: int, mark: str = "a", user_data: str = "all of us") -> BatchOrder:
    return BatchOrder(f"{'ab' * 15}{ord(mark):02x}x{count}", tuple(f"wn-{mark}{number:05d}" for number in range(count)), user_data, 0.0)


def test_a_hundred_machines_are_one_call_each_with_its_name_and_intent(url, log):
    cloud, asked = aws(url, "hundred"), order(100)
    assert cloud.most_at_once == 100 and cloud.list() == ()
    before = len(recorded(log, "RunInstances"))
    launched = cloud.launch_many(asked)
    assert len(recorded(log, "RunInstances")) == before + 1 and recorded(log, "CreateTags") == []
    listed = {instance.id: instance for instance in cloud.list()}
    assert len(listed) == len(launched) == 100
    wanted = set(intents.members_of(asked.intent, asked.names).items())
    for instances in (launched, listed.values()):
        assert {(instance.name, instance.intent) for instance in instances} == wanted
    assert {cloud.get(one.id).name for one in launched[:3]} == set(asked.names[:3])
    shared = raw_client(url).describe_instance_attribute(InstanceId=launched[7].id, Attribute="userData")["UserData"]["Value"]
    assert base64.b64decode(shared).decode() == "all of us"
    assert {instance.resource for instance in listed.values()} == {"hundred"}


def test_a_lost_answer_makes_no_further_machines(url):
    cloud, asked = aws(url, "again"), order(5, "b")
    first = {instance.id for instance in cloud.launch_many(asked)}
    assert {instance.id for instance in aws(url, "again").launch_many(asked)} == first
    assert len(cloud.list()) == 5


def test_a_repeated_order_with_other_user_data_finds_the_first_ones(url):
    cloud = aws(url, "changed")
    first = cloud.launch_many(order(3, "c"))
    again = cloud.launch_many(order(3, "c", "changed"))
    assert {(one.id, one.intent) for one in again} == {(one.id, one.intent) for one in first}


def test_single_ones_and_ended_ones_are_told_apart_as_ever(url):
    cloud = aws(url, "mixed")
    many = cloud.launch_many(order(2, "d"))
    alone = cloud.launch(LaunchOrder("alone", "wn-alone", "", 0.0))
    cloud.destroy(many[1].id)
    found = {instance.name: instance.state for instance in cloud.list()}
    assert found == {"wn-d00000": InstanceState.ACTIVE, "wn-d00001": InstanceState.INEXISTENT, "wn-alone": InstanceState.ACTIVE}
    assert cloud.get(alone.id).intent == "alone"


@pytest.mark.parametrize(
    ("given", "most"),
    [
        ({}, 100),
        ({"tags": {f"t{number}": "x" for number in range(44)}}, 68),
        ({"tags": {f"t{number}": "x" for number in range(46)}}, 0),
        ({"spot_bid": 0.1}, 1),
        ({"instance_type": None, "instance_types": ["c5.large", "m5.large"]}, 1),
    ],
)
def test_how_many_one_call_may_launch(given, most):
    assert aws("http://127.0.0.1:1", "limits", **given).most_at_once == most


# -- the example's user-data ------------------------------------------------------------------------------------------


class Metadata(BaseHTTPRequestHandler):
    """The metadata service of the machine with the server's number; without a token it says nothing."""

    def do_PUT(self):
        self._answer(200 if self.headers.get("X-aws-ec2-metadata-token-ttl-seconds") else 400, "t0ken")

    def do_GET(self):
        allowed = self.headers.get("X-aws-ec2-metadata-token") == "t0ken"
        known = self.path == "/latest/meta-data/ami-launch-index"
        self._answer(200 if allowed and known else 401, str(self.server.number))

    def _answer(self, status: int, text: str):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        return


@pytest.fixture
def metadata() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    server.number = 0
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


EXAMPLE = str(CHECKOUT / "examples" / "user-data-many.yaml")
COMMON = {"master": "salt.example.org", "resource": "compute", "cluster": "one"}
ROWS = [{"instance_name": f"wn-a0000{number}", "minion_id": "", "hostname": "", "token": f"t0ken-of_{number}"} for number in range(5)]


def boot(text: str, root: Path, metadata: ThreadingHTTPServer) -> None:
    """Do what cloud-init does with the files and the first command, below another root and with another metadata service."""
    document = yaml.safe_load(text)
    for item in document["write_files"]:
        file = root / item["path"].lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        content = item["content"].replace("http://169.254.169.254", f"http://127.0.0.1:{metadata.server_address[1]}")
        for directory in ("/run/dynamiccluster", "/etc/salt", "/etc/hostname"):
            content = content.replace(f'"{directory}', f'"{root}{directory}')
        file.write_text(content, encoding="utf-8")
    (root / "etc").mkdir(exist_ok=True)
    bin_ = root / "bin"
    bin_.mkdir()
    (bin_ / "hostname").write_text(f'#!/bin/sh\necho "$1" > {root}/named\n', encoding="utf-8")
    (bin_ / "hostname").chmod(0o755)
    assert document["runcmd"][0] == ["python3", "/run/dynamiccluster/choose"]
    environment = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}", "http_proxy": "http://127.0.0.1:1"}
    subprocess.run([sys.executable, str(root / "run/dynamiccluster/choose")], env=environment, check=True, timeout=60)


@pytest.mark.parametrize("number", [0, 3, 4])
def test_each_machine_finds_its_own_row_in_the_examples_user_data(tmp_path, metadata, number):
    assert userdata.knows_many(EXAMPLE)
    metadata.number = number
    boot(userdata.prepare_many(EXAMPLE, COMMON, ROWS, limit=userdata.AWS_LIMIT, resource="compute"), tmp_path, metadata)
    minion = yaml.safe_load((tmp_path / "etc/salt/minion.d/dynamiccluster.conf").read_text(encoding="utf-8"))
    assert (minion["id"], minion["master"], minion["autosign_grains"]) == (f"wn-a0000{number}", "salt.example.org", ["dynamiccluster_token"])
    grains = tmp_path / "etc/salt/minion.d/dynamiccluster-grains.conf"
    assert yaml.safe_load(grains.read_text(encoding="utf-8"))["grains"] == {
        "dynamiccluster_token": f"t0ken-of_{number}",
        "dynamiccluster_resource": "compute",
        "dynamiccluster_cluster": "one",
    }
    assert grains.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "named").read_text(encoding="utf-8").strip() == f"wn-a0000{number}"
    assert not (tmp_path / "run/dynamiccluster/machines").exists()


def test_a_machine_that_is_launched_alone_is_the_only_row(tmp_path, metadata):
    values = {**COMMON, **ROWS[2], "minion_id": "wn-a00002", "hostname": "wn-a00002"}
    boot(userdata.prepare(EXAMPLE, values, limit=userdata.AWS_LIMIT, resource="compute"), tmp_path, metadata)
    assert (tmp_path / "etc/hostname").read_text(encoding="utf-8") == "wn-a00002\n"


def test_a_hundred_rows_fit_into_what_aws_takes():
    rows = [{"instance_name": f"{'p' * 30}{number:06d}", "token": "x" * 32} for number in range(100)]
    assert userdata.prepare_many(EXAMPLE, COMMON, rows, limit=userdata.AWS_LIMIT, resource="compute")
