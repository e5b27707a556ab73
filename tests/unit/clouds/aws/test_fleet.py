"""CreateFleet: what is asked, and what its answers become."""

from __future__ import annotations

import base64

import pytest

from saltext.dynamiccluster.clouds.aws import fleet
from saltext.dynamiccluster.model import BatchOrder, InstanceState, LaunchOrder, Shape
from tests.contract.cloud_ec2 import settings

ORDER = LaunchOrder("intent-1", "wn-abc234", "#cloud-config\n", 1.0)
SEVERAL = {"instance_type": None, "instance_types": ["c5.large", "m5.large"], "subnet_ids": ["subnet-1", "subnet-2"]}


def config(**more):
    return settings("http://127.0.0.1:1", **more)


def request(order=ORDER, **more):
    return fleet.fleet_request("one", "alpha", config(**more), order, "template")


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({}, False),
        ({"subnet_id": "subnet-1"}, False),
        ({"subnet_ids": ["subnet-1"]}, False),
        ({"instance_type": None, "instance_types": ["c5.large"]}, False),
        ({"spot_bid": 0.1}, True),
        ({"subnet_ids": ["subnet-1", "subnet-2"]}, True),
        ({"instance_type": None, "instance_types": ["c5.large", "m5.large"]}, True),
    ],
)
def test_a_fleet_is_asked_for_only_where_there_is_something_to_choose(given, needed):
    assert fleet.needs_fleet(config(**given)) is needed


class TestRequest:
    def test_s35_name_owner_and_intent_ride_in_the_call(self):
        (specification,) = request(spot_bid=0.1)["TagSpecifications"]
        assert specification["ResourceType"] == "instance"
        assert {tag["Key"]: tag["Value"] for tag in specification["Tags"]} == {
            "Name": "wn-abc234",
            "dynamiccluster:cluster": "one",
            "dynamiccluster:resource": "alpha",
            "dynamiccluster:intent": "intent-1",
        }

    def test_defect_no_spot_request_outlives_the_call(self):
        """Persistent requests kept launching machines that nobody had asked for any more."""
        asked = request(spot_bid=0.05)
        assert asked["Type"] == "instant"
        assert asked["TargetCapacitySpecification"] == {"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "spot"}
        assert asked["SpotOptions"]["InstanceInterruptionBehavior"] == "terminate"
        assert [item["MaxPrice"] for item in asked["LaunchTemplateConfigs"][0]["Overrides"]] == ["0.050000"]

    def test_every_type_in_every_subnet_is_offered_the_preferred_one_first(self):
        (configuration,) = request(**SEVERAL)["LaunchTemplateConfigs"]
        assert configuration["Overrides"] == [
            {"InstanceType": "c5.large", "Priority": 0.0, "SubnetId": "subnet-1"},
            {"InstanceType": "c5.large", "Priority": 0.0, "SubnetId": "subnet-2"},
            {"InstanceType": "m5.large", "Priority": 1.0, "SubnetId": "subnet-1"},
            {"InstanceType": "m5.large", "Priority": 1.0, "SubnetId": "subnet-2"},
        ]

    def test_a_zone_is_kept_where_there_is_no_subnet(self):
        (configuration,) = request(spot_bid=1, availability_zone="us-east-1a")["LaunchTemplateConfigs"]
        assert configuration["Overrides"] == [{"InstanceType": "c5.9xlarge", "MaxPrice": "1.000000", "AvailabilityZone": "us-east-1a"}]

    def test_what_had_none_is_left_out_unless_nothing_would_be_left(self):
        def left(*avoid):
            order = LaunchOrder("i", "n", "", 0.0, avoid=avoid)
            overrides = request(order, **SEVERAL)["LaunchTemplateConfigs"][0]["Overrides"]
            return [f"{item['InstanceType']} in {item['SubnetId']}" for item in overrides]

        everything = left()
        assert left("c5.large in subnet-1", "of other settings") == everything[1:]
        assert left(*everything) == everything

    def test_user_data_is_in_the_call_and_never_in_the_template(self):
        (configuration,) = request(spot_bid=1)["LaunchTemplateConfigs"]
        encoded = configuration["LaunchTemplateSpecification"]["LaunchTemplateSpecificationUserData"]
        assert base64.b64decode(encoded).decode() == ORDER.user_data
        assert "UserData" not in fleet.template_data("one", "alpha", config(spot_bid=1), ())
        bare = request(LaunchOrder("i", "n", "", 0.0), spot_bid=1)["LaunchTemplateConfigs"][0]["LaunchTemplateSpecification"]
        assert bare == {"LaunchTemplateName": "template", "Version": "1"}

    def test_a_repeated_order_is_the_same_and_a_new_attempt_has_another_token(self):
        assert request(spot_bid=1) == request(spot_bid=1)
        again = LaunchOrder(ORDER.intent, ORDER.name, ORDER.user_data, 1.0, attempt=1)
        assert request(again, spot_bid=1)["ClientToken"] != request(spot_bid=1)["ClientToken"]


    def test_many_are_one_request_that_differs_in_number_tags_and_token_alone(self):
        order = BatchOrder("batch", 7, ORDER.user_data, 1.0, avoid=("c5.large in subnet-1",))
        asked = fleet.batch_fleet_request("one", "alpha", config(**SEVERAL), order, "template")
        single = request(LaunchOrder("i", "n", ORDER.user_data, 1.0, avoid=order.avoid), **SEVERAL)
        assert asked["TargetCapacitySpecification"] == {"TotalTargetCapacity": 7, "DefaultTargetCapacityType": "on-demand"}
        assert {key for key in asked if asked[key] != single[key]} == {"ClientToken", "TagSpecifications", "TargetCapacitySpecification"}
        assert {tag["Key"]: tag["Value"] for tag in asked["TagSpecifications"][0]["Tags"]} == {
            "Name": "wn-", "dynamiccluster:cluster": "one", "dynamiccluster:resource": "alpha", "dynamiccluster:intent": "batch",
        }


class TestTemplate:
    def test_it_holds_what_all_machines_have_in_common(self):
        given = {"key_name": "ops", "iam_instance_profile": "p", "disk_map": {"a": {"device": "/dev/sdb", "size": 9}}}
        data = fleet.template_data("one", "alpha", config(spot_bid=1, tags={"paid-by": "physics"}, **given), ("sg-1a",))
        assert (data["ImageId"], data["KeyName"], data["IamInstanceProfile"]) == ("ami-12c6146b", "ops", {"Name": "p"})
        assert data["InstanceInitiatedShutdownBehavior"] == "terminate"
        assert data["SecurityGroupIds"] == ["sg-1a"]
        assert data["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == 9
        (volumes,) = data["TagSpecifications"]
        assert volumes["ResourceType"] == "volume"
        assert {"Key": "paid-by", "Value": "physics"} in volumes["Tags"]

    def test_its_subnet_is_left_to_the_call(self):
        data = fleet.template_data("one", "alpha", config(use_public_ip_address=True, **SEVERAL), ("sg-1a",))
        assert data["NetworkInterfaces"] == [{"DeviceIndex": 0, "AssociatePublicIpAddress": True, "Groups": ["sg-1a"]}]

    def test_other_settings_are_another_template(self):
        def name(resource="alpha", **more):
            return fleet.template_name("one", resource, fleet.template_data("one", resource, config(**more), ()))

        assert name(spot_bid=1) == name(spot_bid=2), "the bid is in the call"
        assert len({name(), name("beta"), name(key_name="x"), name(image_id="ami-2")}) == 4
        assert len(name()) <= 128

    @pytest.mark.parametrize(
        ("raw", "ours"),
        [
            ({"LaunchTemplateName": "dynamiccluster-1", "Tags": [{"Key": "dynamiccluster:cluster", "Value": "one"}, {"Key": "dynamiccluster:resource", "Value": "alpha"}]}, True),
            ({"LaunchTemplateName": "web", "Tags": [{"Key": "dynamiccluster:cluster", "Value": "one"}, {"Key": "dynamiccluster:resource", "Value": "alpha"}]}, False),
            ({"LaunchTemplateName": "dynamiccluster-1", "Tags": []}, False),
            ({"LaunchTemplateName": "dynamiccluster-1", "Tags": [{"Key": "dynamiccluster:cluster", "Value": "two"}]}, False),
        ],
    )
    def test_a_foreign_template_is_none_of_ours(self, raw, ours):
        assert fleet.is_own_template(raw, "one", "alpha") is ours


def offered(kind, subnet="", bought="spot", **more):
    override = {"InstanceType": kind, **({"SubnetId": subnet} if subnet else {})}
    return {"LaunchTemplateAndOverrides": {"Overrides": override}, "Lifecycle": bought, **more}


class TestAnswer:
    def test_the_machine_is_what_aws_chose(self):
        answer = {"Instances": [offered("m5.large", "subnet-2", InstanceIds=["i-1"], InstanceType="m5.large")]}
        (instance,) = fleet.launched(answer, ORDER, "alpha", "wn-", {"m5.large": Shape(2, 8192)}.get)
        assert (instance.id, instance.name, instance.intent, instance.resource) == ("i-1", "wn-abc234", "intent-1", "alpha")
        assert (instance.flavor, instance.subnet, instance.market, instance.shape) == ("m5.large", "subnet-2", "spot", Shape(2, 8192))
        assert (instance.state, instance.offering) == (InstanceState.PENDING, "m5.large in subnet-2 (spot)")

    def test_several_machines_are_each_what_aws_chose_for_it_under_a_name_of_its_own(self):
        items = [
            offered("m5.large", "subnet-1", InstanceIds=["i-1", "i-2"], InstanceType="m5.large"),
            offered("c5.large", "subnet-2", "on-demand", InstanceIds=["i-3"], InstanceType="c5.large"),
        ]
        order = BatchOrder("batch", 4, "", 1.0)
        found = fleet.launched({"Instances": items}, order, "alpha", "wn-", {"m5.large": Shape(2, 8192), "c5.large": Shape(2, 4096)}.get)
        assert [(one.id, one.name, one.intent) for one in found] == [(f"i-{n}", f"wn-{n}", "batch") for n in (1, 2, 3)]
        assert [(one.flavor, one.subnet, one.market) for one in found] == [
            ("m5.large", "subnet-1", "spot"), ("m5.large", "subnet-1", "spot"), ("c5.large", "subnet-2", "on-demand"),
        ]
        assert [one.shape.memory_mb for one in found] == [8192, 8192, 4096]

    @pytest.mark.parametrize("answer", [{}, {"Instances": []}, {"Instances": [{"InstanceIds": []}]}])
    def test_none_is_none(self, answer):
        assert fleet.launched(answer, ORDER, "alpha", "wn-", lambda kind: None) == ()

    def test_each_failure_names_its_offering(self):
        errors = [offered("c5.large", "subnet-1", ErrorCode="InsufficientInstanceCapacity", ErrorMessage="none"), {"ErrorCode": "X"}]
        found = fleet.failures({"Errors": errors})
        assert [(one.offering, one.code) for one in found] == [("c5.large in subnet-1 (spot)", "InsufficientInstanceCapacity"), ("a machine", "X")]
