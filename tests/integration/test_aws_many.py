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
    return BatchOrder(f"{'ab' * 15}{ord(mark):02x}x{count}", count, user_data, 0.0)


FLEET = {"instance_type": None, "instance_types": ["c5.4xlarge", "m5.xlarge"]}
KINDS = [("RunInstances", {}), ("CreateFleet", {"spot_bid": 0.5}), ("CreateFleet", FLEET)]


@pytest.mark.parametrize(("action", "more"), KINDS)
def test_many_machines_are_one_call_and_each_is_named_after_its_id(url, log, action, more):
    name = f"many-{len(more)}"
    cloud, asked = aws(url, name, **more), order(30)
    assert cloud.list() == () and cloud.most_at_once == 100
    before = len(recorded(log, action))
    launched = cloud.launch_many(asked)
    assert len(recorded(log, action)) == before + 1 and recorded(log, "CreateTags") == []
    listed = {instance.id: instance for instance in cloud.list()}
    assert set(listed) == {instance.id for instance in launched} and len(listed) == len(launched) == 30
    for instance in (*launched, *listed.values(), cloud.get(launched[0].id)):
        assert (instance.name, instance.intent, instance.resource) == (f"wn-{instance.id.removeprefix('i-')}", asked.intent, name)
    assert {instance.shape for instance in launched} == {instance.shape for instance in listed.values()}
    shared = raw_client(url).describe_instance_attribute(InstanceId=launched[7].id, Attribute="userData")["UserData"]["Value"]
    assert base64.b64decode(shared).decode() == "all of us"


@pytest.mark.parametrize(("action", "more"), KINDS)
def test_a_lost_answer_makes_no_further_machines(url, action, more):
    name = f"again-{len(more)}"
    cloud, asked = aws(url, name, **more), order(5, "b")
    first = {instance.id for instance in cloud.launch_many(asked)}
    assert {instance.id for instance in aws(url, name, **more).launch_many(asked)} == first
    assert len(cloud.list()) == 5


@pytest.mark.parametrize(("action", "more"), KINDS)
def test_a_repeated_order_with_other_user_data_finds_the_first_ones(url, action, more):
    cloud = aws(url, f"changed-{len(more)}", **more)
    first = cloud.launch_many(order(3, "c"))
    again = cloud.launch_many(order(3, "c", "changed"))
    assert {(one.id, one.name, one.intent) for one in again} == {(one.id, one.name, one.intent) for one in first}


def test_single_ones_and_ended_ones_are_told_apart_as_ever(url):
    cloud = aws(url, "mixed")
    many = cloud.launch_many(order(2, "d"))
    alone = cloud.launch(LaunchOrder("alone", "wn-alone", "", 0.0))
    cloud.destroy(many[1].id)
    found = {instance.name: instance.state for instance in cloud.list()}
    assert found == {many[0].name: InstanceState.ACTIVE, many[1].name: InstanceState.INEXISTENT, "wn-alone": InstanceState.ACTIVE}
    assert cloud.get(alone.id).intent == "alone"


# -- the example's user-data ------------------------------------------------------------------------------------------


class Metadata(BaseHTTPRequestHandler):
    """The metadata service of one machine; without a token it says nothing."""

    def do_PUT(self):
        self._answer(200 if self.headers.get("X-aws-ec2-metadata-token-ttl-seconds") else 400, "t0ken")

    def do_GET(self):
        allowed = self.headers.get("X-aws-ec2-metadata-token") == "t0ken"
        known = self.path == "/latest/meta-data/instance-id"
        self._answer(200 if allowed and known else 401, self.server.instance)

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
    server.instance = "i-0123456789abcdef0"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


EXAMPLE = str(CHECKOUT / "examples" / "user-data-many.yaml")
VALUES = {"master": "salt.example.org", "resource": "compute", "cluster": "one", "token": "t0ken-of_all", "instance_name_prefix": "wn-"}


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
    assert document["runcmd"][0] == ["python3", "/run/dynamiccluster/name"]
    environment = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}", "http_proxy": "http://127.0.0.1:1"}
    subprocess.run([sys.executable, str(root / "run/dynamiccluster/name")], env=environment, check=True, timeout=300)


def test_each_machine_takes_its_name_from_its_id_and_shows_the_shared_token(tmp_path, metadata):
    assert userdata.names_itself(EXAMPLE)
    boot(userdata.prepare_shared(EXAMPLE, VALUES, limit=userdata.AWS_LIMIT, resource="compute"), tmp_path, metadata)
    minion = yaml.safe_load((tmp_path / "etc/salt/minion.d/dynamiccluster.conf").read_text(encoding="utf-8"))
    assert (minion["id"], minion["master"], minion["autosign_grains"]) == ("wn-0123456789abcdef0", "salt.example.org", ["dynamiccluster_token"])
    grains = tmp_path / "etc/salt/minion.d/dynamiccluster-grains.conf"
    assert yaml.safe_load(grains.read_text(encoding="utf-8"))["grains"] == {
        "dynamiccluster_token": "t0ken-of_all",
        "dynamiccluster_resource": "compute",
        "dynamiccluster_cluster": "one",
    }
    assert grains.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "named").read_text(encoding="utf-8").strip() == "wn-0123456789abcdef0"
    assert (tmp_path / "etc/hostname").read_text(encoding="utf-8") == "wn-0123456789abcdef0\n"


def test_the_check_renders_it_with_what_it_will_have(url):
    named = [finding for finding in aws(url, "sound", userdata_file=EXAMPLE).check() if "userdata_file" in finding.what]
    assert [finding.ok for finding in named] == [True]
    wrong = [finding for finding in aws(url, "long", userdata_file=EXAMPLE, instance_name_prefix="p" * 50).check() if not finding.ok]
    assert ["too long" in finding.detail for finding in wrong] == [True]
