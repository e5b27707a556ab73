"""Spot machines, and several types and subnets, against moto's server behind the lab's front: what is asked, and what comes of it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltext.dynamiccluster.clouds.aws import Aws
from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.model import InstanceState, LaunchOrder, Shape
from tests.contract.cloud_ec2 import ec2_front, moto_server, raw_client, recorded, settings

pytestmark = pytest.mark.integration

TYPES = {"instance_type": None, "instance_types": ["c5.4xlarge", "m5.xlarge"]}


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("front") / "calls"


@pytest.fixture(scope="module")
def url(log) -> Iterator[str]:
    with moto_server() as moto, ec2_front(moto, log) as front:
        yield front


@pytest.fixture(scope="module")
def subnets(url) -> list[str]:
    client = raw_client(url)
    vpc = client.create_vpc(CidrBlock="10.79.0.0/16")["Vpc"]["VpcId"]
    zones = ("us-east-1a", "us-east-1b")
    return [
        client.create_subnet(VpcId=vpc, CidrBlock=f"10.79.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for number, zone in enumerate(zones)
    ]


def order(number: object, **more) -> LaunchOrder:
    return LaunchOrder(f"intent-{number}", f"wn-{number}", f"#!/bin/sh\necho {number}\n", 0.0, **more)


def aws(url: str, name: str, **more) -> Aws:
    return Aws(name, "one", settings(url, **more))


def test_a_spot_machine_says_so_with_its_price_and_leaves_no_request_of_ours(url, log):
    cloud = aws(url, "spot", spot_bid=0.5)
    launched = cloud.launch(order("spot"))
    (shown,) = cloud.list()
    assert (shown.id, shown.market, shown.flavor) == (launched.id, "spot", "c5.9xlarge")
    assert shown.price == pytest.approx(0.00001), "what moto says that all cost"
    assert (launched.market, launched.price) == ("spot", None)
    assert recorded(log, "RequestSpotInstances") == []
    (asked,) = [call for call in recorded(log, "CreateFleet") if "wn-spot" in call.values()]
    assert asked["Type"] == "instant"
    assert asked["LaunchTemplateConfigs.1.Overrides.1.MaxPrice"] == "0.500000"
    cloud.destroy(launched.id)
    assert cloud.get(launched.id).state is InstanceState.INEXISTENT


def test_s35_name_owner_and_intent_are_on_the_machine_and_the_owner_on_its_volumes(url, log):
    cloud = aws(url, "tagged", spot_bid=0.5, tags={"paid-by": "physics"})
    launched = cloud.launch(order("tagged"))
    (raw,) = raw_client(url).describe_instances(InstanceIds=[launched.id])["Reservations"][0]["Instances"]
    assert {tag["Key"]: tag["Value"] for tag in raw["Tags"]}.items() >= {
        "Name": "wn-tagged",
        "dynamiccluster:cluster": "one",
        "dynamiccluster:resource": "tagged",
        "dynamiccluster:intent": "intent-tagged",
        "paid-by": "physics",
    }.items()
    assert recorded(log, "CreateTags") == []
    (template,) = [call for call in recorded(log, "CreateLaunchTemplate") if "tagged" in call.values()]
    assert [template[f"LaunchTemplateData.TagSpecification.1.{key}"] for key in ("ResourceType",)] == ["volume"]
    assert not any("UserData" in key for key in template)


def test_each_machine_has_its_own_user_data_although_they_share_a_template(url, log):
    cloud = aws(url, "data", spot_bid=0.5)
    ids = [cloud.launch(order(f"data{number}")).id for number in range(2)]
    kept = [raw_client(url).describe_instance_attribute(InstanceId=id_, Attribute="userData")["UserData"]["Value"] for id_ in ids]
    assert [base64.b64decode(text).decode() for text in kept] == [f"#!/bin/sh\necho data{number}\n" for number in range(2)]
    assert len([call for call in recorded(log, "CreateLaunchTemplate") if "data" in call.values()]) == 1


def test_the_real_type_decides_the_shape_and_the_plan_expects_the_least(url):
    cloud = aws(url, "types", **TYPES)
    assert cloud.shape() == Shape(4, 16384)
    launched = cloud.launch(order("types", avoid=("m5.xlarge",)))
    (shown,) = cloud.list()
    assert launched.shape == shown.shape == Shape(16, 32768)
    assert (shown.flavor, launched.offering, launched.market) == ("c5.4xlarge", "c5.4xlarge", "on-demand")


def test_what_had_none_is_not_asked_for(url, subnets, log):
    cloud = aws(url, "avoiding", subnet_ids=subnets)
    launched = cloud.launch(order("avoiding", avoid=(f"c5.9xlarge in {subnets[0]}",)))
    assert cloud.get(launched.id).subnet == subnets[1]
    (asked,) = [call for call in recorded(log, "CreateFleet") if "wn-avoiding" in call.values()]
    assert [value for key, value in asked.items() if key.endswith(".SubnetId")] == [subnets[1]]


def test_s35_a_lost_answer_makes_no_second_machine_and_a_new_attempt_is_a_new_call(url):
    cloud = aws(url, "again", spot_bid=0.5)
    first = cloud.launch(order("again"))
    assert aws(url, "again", spot_bid=0.5).launch(order("again")).id == first.id
    assert cloud.launch(order("again", attempt=1)).id != first.id
    assert len(cloud.list()) == 2


def test_a_repeated_order_with_other_settings_finds_the_first_machine(url):
    first = aws(url, "dearer", spot_bid=0.5).launch(order("dearer"))
    assert aws(url, "dearer", spot_bid=0.6).launch(order("dearer")).id == first.id


def test_machines_of_a_fleet_that_somebody_ends_or_stops_by_hand_show_it(url):
    cloud = aws(url, "by-hand", **TYPES)
    ended, stopped = (cloud.launch(order(f"by-hand{number}")).id for number in range(2))
    raw_client(url).terminate_instances(InstanceIds=[ended])
    raw_client(url).stop_instances(InstanceIds=[stopped])
    found = {instance.id: instance for instance in cloud.list()}
    assert found[ended].state is InstanceState.INEXISTENT
    assert (found[stopped].state, found[stopped].stopped) == (InstanceState.ERROR, True)
    cloud.destroy(ended)
    cloud.destroy(stopped)
    assert {instance.state for instance in cloud.list()} == {InstanceState.INEXISTENT}


def test_a_template_that_somebody_deleted_is_made_again(url):
    cloud = aws(url, "deleted", spot_bid=0.5)
    cloud.launch(order("deleted1"))
    client = raw_client(url)
    for raw in client.describe_launch_templates(Filters=[{"Name": "tag:dynamiccluster:resource", "Values": ["deleted"]}])["LaunchTemplates"]:
        client.delete_launch_template(LaunchTemplateId=raw["LaunchTemplateId"])
    cloud.launch(order("deleted2"))
    assert len(cloud.list()) == 2


def test_the_check_passes_and_launches_nothing(url, subnets):
    cloud = aws(url, "sound", spot_bid=0.5, **TYPES, subnet_ids=subnets)
    findings = cloud.check()
    assert [finding for finding in findings if not finding.ok] == []
    assert any("free addresses in us-east-1b" in finding.detail for finding in findings)
    assert cloud.list() == ()


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({"subnet_ids": ["subnet-00000000", "subnet-00000001"]}, "subnet_ids"),
        ({"instance_type": None, "instance_types": ["c5.large", "c5.hugest"]}, "instance_types"),
    ],
)
def test_the_check_names_the_setting_at_fault(url, given, setting):
    wrong = [finding for finding in aws(url, "wrong", **given).check() if not finding.ok]
    assert [finding.remedy for finding in wrong] == [f"correct dynamiccluster:cloud:wrong:config:{setting}"]


def test_a_type_that_ec2_does_not_know_is_told_by_the_shape_too(url):
    with pytest.raises(CloudError) as error:
        aws(url, "unknown", instance_type=None, instance_types=["c5.large", "c5.hugest"]).shape()
    assert error.value.kind is Refusal.BAD_REQUEST
    assert error.value.setting.endswith(":instance_types")
