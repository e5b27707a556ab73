"""The adapter and salt-cloud's functions against moto's server process, behind the lab's front."""

from __future__ import annotations

import base64
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltext.dynamiccluster.clouds.aws import Aws, Timeouts, adapter, functions
from saltext.dynamiccluster.errors import CloudError, CommandRefused, Refusal
from saltext.dynamiccluster.model import InstanceState, LaunchOrder, Shape
from saltext.dynamiccluster.settings import ResourceSettings
from tests.contract.cloud_ec2 import ec2_front, moto_server, raw_client, recorded, settings

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("front") / "calls"


@pytest.fixture(scope="module")
def url(moto, log) -> Iterator[str]:
    with ec2_front(moto, log) as front:
        yield front


@pytest.fixture(scope="module")
def network(url) -> dict[str, str]:
    """Return ids of a subnet, its zone and a security group, and the name of a key, all made for this module."""
    client = raw_client(url)
    vpc = client.create_vpc(CidrBlock="10.78.0.0/16")["Vpc"]["VpcId"]
    subnet = client.create_subnet(VpcId=vpc, CidrBlock="10.78.16.0/20")["Subnet"]
    group = client.create_security_group(GroupName="workers", Description="workers", VpcId=vpc)["GroupId"]
    client.create_key_pair(KeyName="ops")
    return {"subnet_id": subnet["SubnetId"], "zone": subnet["AvailabilityZone"], "group": group}


def order(number: object, user_data: str = "") -> LaunchOrder:
    return LaunchOrder(f"intent-{number}", f"wn-{number}", user_data, 0.0)


def aws(url: str, name: str, **more) -> Aws:
    return Aws(name, "one", settings(url, **more))


class TestShapes:
    @pytest.mark.parametrize(
        ("kind", "shape"),
        [
            ("c5.9xlarge", Shape(36, 73728)),
            ("c5.12xlarge", Shape(48, 98304)),
            ("c5.24xlarge", Shape(96, 196608)),
            ("m5.16xlarge", Shape(64, 262144)),
            ("c5.metal", Shape(96, 196608)),
            ("g4dn.12xlarge", Shape(48, 196608, 4)),
            ("t3.micro", Shape(2, 1024)),
        ],
    )
    def test_a5_cores_memory_and_gpus_are_the_providers_own(self, url, kind, shape):
        assert aws(url, "shapes", instance_type=kind).shape() == shape

    def test_the_type_is_asked_for_once(self, url, log):
        cloud = aws(url, "shapes", instance_type="m5.large")
        before = len(recorded(log, "DescribeInstanceTypes"))
        for _ in range(3):
            cloud.shape()
        assert len(recorded(log, "DescribeInstanceTypes")) == before + 1


class TestLaunch:
    def test_s35_tags_and_token_are_in_the_call_and_no_call_follows_it(self, url, log):
        aws(url, "tagged", tags={"paid-by": "physics"}).launch(order("tagged"))
        calls = [call for call in recorded(log, "RunInstances") if "wn-tagged" in call.values()]
        (sent,) = calls
        tags = {
            value: sent[key.replace(".Key", ".Value")]
            for key, value in sent.items()
            if key.startswith("TagSpecification.1.") and key.endswith(".Key")
        }
        assert tags == {
            "Name": "wn-tagged",
            "dynamiccluster:cluster": "one",
            "dynamiccluster:resource": "tagged",
            "dynamiccluster:intent": "intent-tagged",
            "paid-by": "physics",
        }
        assert len(sent["ClientToken"]) == 64
        assert recorded(log, "CreateTags") == []

    def test_s35_volumes_carry_the_tags_too(self, url):
        launched = aws(url, "volumes").launch(order("volumes"))
        filters = [{"Name": "attachment.instance-id", "Values": [launched.id]}]
        (volume,) = raw_client(url).describe_volumes(Filters=filters)["Volumes"]
        assert {"Key": "dynamiccluster:resource", "Value": "volumes"} in volume["Tags"]

    def test_every_setting_arrives(self, url, network):
        cloud = aws(
            url,
            "full",
            subnet_id=network["subnet_id"],
            availability_zone=network["zone"],
            security_groups=[network["group"]],
            use_public_ip_address=True,
            key_name="ops",
            disk_map={"scratch": {"device": "/dev/sdb", "size": 50, "delete_on_termination": False}},
        )
        launched = cloud.launch(order("full", "#!/bin/sh\necho é\n"))
        shown = cloud.get(launched.id)
        assert (shown.subnet, shown.zone) == (network["subnet_id"], network["zone"])
        assert shown.key_name == "ops"
        assert shown.address.startswith("10.78.") and shown.public_address
        raw = raw_client(url)
        kept = raw.describe_instance_attribute(InstanceId=launched.id, Attribute="userData")["UserData"]["Value"]
        assert base64.b64decode(kept).decode() == "#!/bin/sh\necho é\n"
        volumes = raw.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [launched.id]}])["Volumes"]
        assert 50 in [volume["Size"] for volume in volumes]
        interfaces = raw.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [network["subnet_id"]]}])
        assert [group["GroupId"] for group in interfaces["NetworkInterfaces"][0]["Groups"]] == [network["group"]]

    def test_groups_by_name_are_found_where_only_ids_are_taken(self, url, log):
        client = raw_client(url)
        group = client.create_security_group(GroupName="by-name", Description="x")["GroupId"]
        cloud = aws(url, "groups", security_groups=["by-name"], use_public_ip_address=True)
        looked_up = len(recorded(log, "DescribeSecurityGroups"))
        for number in range(2):
            cloud.launch(order(f"groups{number}"))
            (sent,) = [call for call in recorded(log, "RunInstances") if f"wn-groups{number}" in call.values()]
            assert sent["NetworkInterface.1.SecurityGroupId.1"] == group
        assert len(recorded(log, "DescribeSecurityGroups")) == looked_up + 1

    def test_a_repeated_order_with_other_user_data_finds_the_first_machine(self, url):
        """The front answers IdempotentParameterMismatch, as EC2 does."""
        cloud = aws(url, "changed")
        first = cloud.launch(order("changed", "one"))
        assert cloud.launch(order("changed", "two")).id == first.id
        assert len(cloud.list()) == 1

    def test_a_stopped_machine_is_in_error(self, url):
        cloud = aws(url, "stopped")
        launched = cloud.launch(order("stopped"))
        raw_client(url).stop_instances(InstanceIds=[launched.id])
        (shown,) = cloud.list()
        assert (shown.state, shown.stopped) == (InstanceState.ERROR, True)
        assert shown.detail.startswith("stopped")


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({"subnet_id": "subnet-00000000"}, "subnet_id"),
        ({"security_groups": ["sg-00000000"]}, "security_groups"),
        ({"availability_zone": "us-east-1z"}, "availability_zone"),
        ({"iam_instance_profile": "nobody"}, "iam_instance_profile"),
        ({"security_groups": ["nobody"], "use_public_ip_address": True}, "security_groups"),
    ],
)
def test_a_wrong_setting_is_named_by_the_launch_and_by_the_check(url, given, setting):
    cloud, path = aws(url, "wrong", **given), f"dynamiccluster:cloud:wrong:config:{setting}"
    with pytest.raises(CloudError) as error:
        cloud.launch(order(setting))
    assert (error.value.kind, error.value.certain, error.value.setting) == (Refusal.BAD_REQUEST, True, path)
    wrong = [finding for finding in cloud.check() if not finding.ok]
    assert [finding.remedy for finding in wrong] == [f"correct {path}"]
    assert cloud.list() == ()


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({"image_id": "ami-00000000"}, "image_id"),
        ({"instance_type": "c5.hugest"}, "instance_type"),
        ({"key_name": "nobody"}, "key_name"),
        ({"userdata_file": "/nonexistent/user-data"}, "userdata_file"),
    ],
)
def test_the_check_names_what_is_missing(url, given, setting):
    wrong = [finding for finding in aws(url, "wrong", **given).check() if not finding.ok]
    assert len(wrong) == 1 and setting in wrong[0].what and wrong[0].remedy


def test_the_check_finds_a_zone_that_is_not_the_subnets(url, network):
    other = "us-east-1b" if network["zone"] != "us-east-1b" else "us-east-1c"
    findings = aws(url, "zones", subnet_id=network["subnet_id"], availability_zone=other).check()
    assert [finding.remedy for finding in findings if not finding.ok] == [
        "correct dynamiccluster:cloud:zones:config:availability_zone"
    ]


def test_a_sound_resource_passes_each_check_and_launches_nothing(url, network, tmp_path):
    file = tmp_path / "user-data"
    file.write_text("#cloud-config\nhostname: {{ hostname }}\n", encoding="utf-8")
    given = {"subnet_id": network["subnet_id"], "security_groups": [network["group"]], "key_name": "ops"}
    cloud = aws(url, "sound", userdata_file=str(file), **given)
    findings = cloud.check()
    assert [finding for finding in findings if not finding.ok] == []
    assert len(findings) == 8
    assert cloud.list() == ()


def test_wrong_keys_are_refused_as_such(moto):
    """moto's own check of signatures, on for this test only."""

    def after(calls: float) -> None:
        plain = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{moto}/moto-api/reset-auth", str(calls).encode(), plain)
        urllib.request.urlopen(request, timeout=60).close()

    after(0)
    try:
        cloud = Aws("keys", "one", settings(moto), timeouts=Timeouts(connect=30.0, read=60.0))
        for call in (cloud.list, cloud.shape, lambda: cloud.launch(order("keys")), lambda: cloud.destroy("i-0123456789abcdef0")):
            with pytest.raises(CloudError) as error:
                call()
            assert (error.value.kind, error.value.certain) == (Refusal.UNAUTHORISED, True)
        assert [finding.ok for finding in cloud.check()] == [False]
    finally:
        after(float("inf"))


class TestFunctions:
    @pytest.fixture
    def resource(self) -> ResourceSettings:
        return ResourceSettings.model_validate({"type": "aws", "quantity": {"max": 2}, "config": settings("http://x").model_dump()})

    def test_life_by_hand(self, url, resource):
        cloud = aws(url, "by-hand")
        made = functions.create(cloud, resource, "wn-hand1")
        assert functions.create(cloud, resource, "wn-hand1")["id"] == made["id"]
        other = functions.create(cloud, resource)
        assert other["name"].startswith("wn-") and len(other["name"]) == 9
        with pytest.raises(CommandRefused, match="quantity:max is 2"):
            functions.create(cloud, resource)
        brief = functions.list_nodes(cloud)
        assert set(brief) == {"wn-hand1", other["name"]}
        assert set(brief["wn-hand1"]) == {"id", "image", "size", "state", "private_ips", "public_ips"}
        assert functions.list_nodes_full(cloud)["wn-hand1"]["cores"] == 36
        assert functions.show_instance(cloud, made["id"])["name"] == "wn-hand1"
        gone = functions.destroy(cloud, "wn-hand1")
        assert gone == {"wn-hand1": {"id": made["id"], "previous": "active", "current": "inexistent"}}
        assert set(functions.list_nodes(cloud)) == {other["name"]}
        with pytest.raises(CommandRefused, match="used once"):
            functions.create(cloud, resource, "wn-hand1")

    def test_the_engine_will_know_it_by_its_tags(self, url, resource):
        functions.create(aws(url, "tags-by-hand"), resource, "wn-hand2")
        (instance,) = aws(url, "tags-by-hand").list()
        assert (instance.name, instance.resource, instance.intent) == ("wn-hand2", "tags-by-hand", "manual-wn-hand2")

    def test_user_data_is_rendered_without_a_token(self, url, resource, tmp_path):
        file = tmp_path / "user-data"
        file.write_text("{{ minion_id }}/{{ master }}/{{ token }}/{{ cluster }}", encoding="utf-8")
        cloud = aws(url, "ud-by-hand", userdata_file=str(file))
        made = functions.create(cloud, resource, "wn-hand3", master="salt.example.org")
        kept = raw_client(url).describe_instance_attribute(InstanceId=made["id"], Attribute="userData")["UserData"]["Value"]
        assert base64.b64decode(kept).decode() == "wn-hand3/salt.example.org//one"

    def test_foreign_machines_are_never_ended(self, url):
        foreign = raw_client(url).run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
        with pytest.raises(CommandRefused, match="never touched"):
            functions.destroy(aws(url, "by-hand"), foreign)

    @pytest.mark.parametrize("name", ["Wn_1", "-x", "a" * 64, "x; rm -rf /", "wn.1"])
    def test_an_unusable_name_is_refused(self, url, resource, name):
        with pytest.raises(CommandRefused, match="no host name"):
            functions.create(aws(url, "by-hand"), resource, name)

    def test_what_is_available(self, url):
        cloud = aws(url, "avail")
        sizes = functions.avail_sizes(cloud)
        assert len(sizes) > 500 and sizes["c5.9xlarge"] == {"cores": 36, "memory_mb": 73728, "gpus": 0}
        assert functions.avail_locations(cloud)["us-east-1a"] == {"region": "us-east-1", "state": "available"}
        images = functions.avail_images(cloud, owner="amazon")
        assert images and all(set(image) == {"name", "state", "architecture", "created"} for image in images.values())


def test_a_proxy_between_carries_everything(url, moto):
    """The front, an HTTP server that looks at no host name, serves as the proxy."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    cloud = aws("http://ec2.us-east-1.amazonaws.com", "proxied", proxy=host, proxy_port=int(port))
    assert cloud.launch(order("proxied")).id == aws(moto, "proxied").list()[0].id
    assert "http_proxy" not in os.environ


def test_many_pages_are_read_to_the_last(url, log, monkeypatch):
    monkeypatch.setattr(adapter, "_PAGE", 5)
    cloud = aws(url, "paged")
    ids = [cloud.launch(order(f"paged{number}")).id for number in range(12)]
    before = len(recorded(log, "DescribeInstances"))
    assert sorted(instance.id for instance in cloud.list()) == sorted(ids)
    pages = recorded(log, "DescribeInstances")[before:]
    assert ["NextToken" in page for page in pages] == [False, True, True]


def test_the_end_of_a_console_is_read(url):
    cloud = aws(url, "console")
    launched = cloud.launch(order("console"))
    assert cloud.console(launched.id)
    assert cloud.console(launched.id, lines=2).count("\n") <= 1
    with pytest.raises(CloudError):
        cloud.console("i-0123456789abcdef0")


def test_a_thousand_machines_among_foreign_ones_are_listed(url, moto):
    """Made in bulk by hand; last in this file, because moto is slow from here on."""
    ours = {"dynamiccluster:cluster": "one", "dynamiccluster:resource": "many"}
    tags = [{"Key": key, "Value": value} for key, value in ours.items()]
    client, common = raw_client(moto), {"ImageId": "ami-12c6146b", "InstanceType": "t3.micro"}
    for count in (500, 500, 100):
        specification = [{"ResourceType": "instance", "Tags": tags}]
        client.run_instances(MinCount=count, MaxCount=count, TagSpecifications=specification, **common)
    client.run_instances(MinCount=50, MaxCount=50, **common)
    listed = aws(url, "many").list()
    assert len(listed) == len({instance.id for instance in listed}) == 1100
    assert {(instance.resource, instance.shape) for instance in listed} == {("many", Shape(2, 1024))}
