from __future__ import annotations

import datetime

import pytest

from saltext.dynamiccluster.clouds.aws.reading import to_instance, to_shape
from saltext.dynamiccluster.model import InstanceState, Shape

FULL = {
    "InstanceId": "i-1",
    "InstanceType": "c5.9xlarge",
    "ImageId": "ami-1",
    "KeyName": "k",
    "LaunchTime": datetime.datetime(2026, 1, 1, 10, tzinfo=datetime.timezone(datetime.timedelta(hours=10, minutes=30))),
    "Placement": {"AvailabilityZone": "ap-southeast-2a"},
    "PrivateDnsName": "ip-10-0-0-1.ec2.internal",
    "PrivateIpAddress": "10.0.0.1",
    "PublicDnsName": "ec2-1-2-3-4.compute.amazonaws.com",
    "PublicIpAddress": "1.2.3.4",
    "SecurityGroups": [{"GroupId": "sg-1", "GroupName": "web"}, {"GroupId": "sg-2"}],
    "State": {"Code": 16, "Name": "running"},
    "SubnetId": "subnet-1",
    "Tags": [
        {"Key": "Name", "Value": "wn-a"},
        {"Key": "dynamiccluster:resource", "Value": "alpha"},
        {"Key": "dynamiccluster:intent", "Value": "i1"},
    ],
}


def read(**more):
    return to_instance({**FULL, **more}, {"c5.9xlarge": Shape(36, 73728)}.get)


def test_everything_that_is_there_is_read():
    instance = read()
    assert (instance.id, instance.name, instance.resource, instance.intent) == ("i-1", "wn-a", "alpha", "i1")
    assert (instance.address, instance.public_address) == ("10.0.0.1", "1.2.3.4")
    assert (instance.private_dns, instance.public_dns) == (FULL["PrivateDnsName"], FULL["PublicDnsName"])
    assert (instance.flavor, instance.image, instance.key_name) == ("c5.9xlarge", "ami-1", "k")
    assert (instance.security_groups, instance.zone, instance.subnet) == (("web", "sg-2"), "ap-southeast-2a", "subnet-1")
    assert (instance.state, instance.shape, instance.market) == (InstanceState.ACTIVE, Shape(36, 73728), "on-demand")


def test_a_machine_launched_together_with_others_is_named_after_its_id():
    tags = [{"Key": "Name", "Value": "wn-"}, {"Key": "dynamiccluster:intent", "Value": f"{'a' * 32}x5"}]
    assert read(InstanceId="i-0abc", Tags=tags).name == "wn-0abc"
    assert read(InstanceId="i-0abc", Tags=tags).intent == f"{'a' * 32}x5"


def test_defect_created_is_unix_time_in_any_time_zone():
    assert read().created == 1767223800.0


@pytest.mark.parametrize(
    ("word", "state", "stopped"),
    [
        ("pending", InstanceState.STARTING, False),
        ("running", InstanceState.ACTIVE, False),
        ("shutting-down", InstanceState.DELETING, False),
        ("terminated", InstanceState.INEXISTENT, False),
        ("stopping", InstanceState.ERROR, False),
        ("stopped", InstanceState.ERROR, True),
        ("hibernating-in-2030", InstanceState.UNKNOWN, False),
    ],
)
def test_each_word_of_ec2_is_one_state(word, state, stopped):
    instance = read(State={"Name": word})
    assert (instance.state, instance.stopped) == (state, stopped)
    assert instance.detail == word


def test_the_reason_of_a_state_is_kept():
    reason = {"Code": "Server.SpotInstanceTermination", "Message": "Server.SpotInstanceTermination: no capacity"}
    assert read(State={"Name": "terminated"}, StateReason=reason).detail == f"terminated ({reason['Message']})"


def test_s13_a_machine_without_addresses_names_and_tags_is_read_without_looking_anything_up():
    instance = to_instance({"InstanceId": "i-1"}, {}.get)
    assert (instance.state, instance.resource, instance.name) == (InstanceState.UNKNOWN, "", "")
    assert (instance.address, instance.private_dns, instance.created, instance.shape) == ("", "", 0.0, None)


def test_a_spot_machine_says_so():
    assert read(InstanceLifecycle="spot").market == "spot"


@pytest.mark.parametrize(
    ("raw", "shape"),
    [
        ({"VCpuInfo": {"DefaultVCpus": 36}, "MemoryInfo": {"SizeInMiB": 73728}}, Shape(36, 73728, 0)),
        ({"VCpuInfo": {"DefaultVCpus": 192}, "MemoryInfo": {"SizeInMiB": 1}, "GpuInfo": {"Gpus": [{"Count": 8}]}}, Shape(192, 1, 8)),
        ({"VCpuInfo": {"DefaultVCpus": 1}}, Shape(1)),
    ],
)
def test_a5_a_shape_comes_from_ec2s_own_numbers(raw, shape):
    assert to_shape(raw) == shape
