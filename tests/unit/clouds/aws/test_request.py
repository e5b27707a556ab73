from __future__ import annotations

import pytest

from saltext.dynamiccluster.clouds.aws.request import batch_request, client_token, launch_request, needs_group_ids
from saltext.dynamiccluster.model import BatchOrder, LaunchOrder
from tests.contract.cloud_ec2 import settings

ORDER = LaunchOrder("intent-1", "wn-abc234", "#cloud-config\n", 1.0, {"team": "x"})


def request(groups=(), **more):
    return launch_request("one", "alpha", settings("http://127.0.0.1:1", **more), ORDER, groups)


def test_the_plain_request():
    tags = [
        {"Key": "Name", "Value": "wn-abc234"},
        {"Key": "dynamiccluster:cluster", "Value": "one"},
        {"Key": "dynamiccluster:intent", "Value": "intent-1"},
        {"Key": "dynamiccluster:resource", "Value": "alpha"},
        {"Key": "team", "Value": "x"},
    ]
    assert request() == {
        "ImageId": "ami-12c6146b",
        "InstanceType": "c5.9xlarge",
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken": client_token("one", "alpha", "intent-1"),
        "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}, {"ResourceType": "volume", "Tags": tags}],
        "InstanceInitiatedShutdownBehavior": "terminate",
        "UserData": "#cloud-config\n",
    }


def test_s35_name_and_owner_tags_ride_in_the_launch_itself():
    by_kind = {item["ResourceType"]: {tag["Key"]: tag["Value"] for tag in item["Tags"]} for item in request()["TagSpecifications"]}
    assert by_kind.keys() == {"instance", "volume"}
    for tags in by_kind.values():
        assert tags["dynamiccluster:cluster"] == "one"
        assert tags["dynamiccluster:resource"] == "alpha"
        assert tags["dynamiccluster:intent"] == "intent-1"
        assert tags["Name"] == "wn-abc234"


def test_s35_the_client_token_is_there_and_the_same_each_time():
    assert request()["ClientToken"] == request()["ClientToken"] == client_token("one", "alpha", "intent-1")


def test_the_token_tells_clusters_resources_and_intents_apart_and_fits():
    tokens = {client_token(*words) for words in [("a", "b", "c"), ("ab", "", "c"), ("a", "bc", ""), ("a", "b", "d")]}
    assert len(tokens) == 4
    assert all(len(token) == 64 and token.isascii() for token in tokens)


@pytest.mark.parametrize(
    ("given", "groups", "part"),
    [
        ({"key_name": "k"}, (), {"KeyName": "k"}),
        ({"availability_zone": "us-east-1a"}, (), {"Placement": {"AvailabilityZone": "us-east-1a"}}),
        ({"iam_instance_profile": "p"}, (), {"IamInstanceProfile": {"Name": "p"}}),
        ({"iam_instance_profile": "arn:aws:iam::1:x/p"}, (), {"IamInstanceProfile": {"Arn": "arn:aws:iam::1:x/p"}}),
        ({"subnet_id": "subnet-1"}, ("sg-1a", "sg-2b"), {"SubnetId": "subnet-1", "SecurityGroupIds": ["sg-1a", "sg-2b"]}),
        ({}, ("sg-1a", "web"), {"SecurityGroupIds": ["sg-1a"], "SecurityGroups": ["web"]}),
        ({}, ("sg-web",), {"SecurityGroups": ["sg-web"]}),
        (
            {"use_public_ip_address": True, "subnet_id": "subnet-1"},
            ("sg-1a",),
            {
                "NetworkInterfaces": [
                    {"DeviceIndex": 0, "AssociatePublicIpAddress": True, "SubnetId": "subnet-1", "Groups": ["sg-1a"]}
                ]
            },
        ),
        ({"use_public_ip_address": False}, (), {"NetworkInterfaces": [{"DeviceIndex": 0, "AssociatePublicIpAddress": False}]}),
        (
            {"disk_map": {"scratch": {"device": "/dev/sdb", "size": 50, "delete_on_termination": False}}},
            (),
            {"BlockDeviceMappings": [{"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 50, "DeleteOnTermination": False}}]},
        ),
    ],
)
def test_each_setting_reaches_its_parameter_and_no_other(given, groups, part):
    plain, full = request(), request(groups, **given)
    assert {key: value for key, value in full.items() if key not in plain} == part
    assert {key: full[key] for key in plain} == plain


def test_without_user_data_none_is_sent():
    order = LaunchOrder("i", "n", "", 0.0)
    assert "UserData" not in launch_request("one", "alpha", settings("http://127.0.0.1:1"), order, ())


def test_tags_of_the_settings_are_put_on_as_well():
    tags = {tag["Key"]: tag["Value"] for tag in request(tags={"paid-by": "physics"})["TagSpecifications"][1]["Tags"]}
    assert tags["paid-by"] == "physics"


@pytest.mark.parametrize(
    ("given", "needed"),
    [({}, False), ({"subnet_id": "subnet-1"}, True), ({"use_public_ip_address": False}, True)],
)
def test_where_names_of_groups_do_not_do(given, needed):
    assert needs_group_ids(settings("http://127.0.0.1:1", **given)) is needed


def test_many_machines_are_one_request_with_one_token_and_the_same_tags():
    order = BatchOrder("batch", 2, "shared", 1.0)
    asked = batch_request("one", "alpha", settings("http://127.0.0.1:1", tags={"paid-by": "physics"}), order, ())
    assert (asked["MinCount"], asked["MaxCount"], asked["UserData"]) == (1, 2, "shared")
    assert asked["ClientToken"] == client_token("one", "alpha", "batch")
    assert {tag["Key"]: tag["Value"] for tag in asked["TagSpecifications"][0]["Tags"]} == {
        "Name": "wn-",
        "dynamiccluster:cluster": "one",
        "dynamiccluster:intent": "batch",
        "dynamiccluster:resource": "alpha",
        "paid-by": "physics",
    }


def test_each_attempt_has_a_token_of_its_own():
    tokens = [client_token("one", "alpha", "intent-1", attempt) for attempt in range(3)]
    assert len(set(tokens)) == 3 and tokens[0] == client_token("one", "alpha", "intent-1")
