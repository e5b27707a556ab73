from __future__ import annotations

import pytest

from saltext.dynamiccluster.clouds.aws.refusals import ADVICE, classify
from saltext.dynamiccluster.errors import Refusal
from saltext.dynamiccluster.settings import AwsSettings

# (code, HTTP status, EC2's own text, kind, setting)
TABLE = [
    ("RequestLimitExceeded", 503, "Request limit exceeded.", Refusal.THROTTLED, ""),
    ("Throttling", 400, "Rate exceeded", Refusal.THROTTLED, ""),
    ("SomethingNew", 429, "slow down", Refusal.THROTTLED, ""),
    ("VcpuLimitExceeded", 400, "You have requested more vCPU capacity than your limit of 32", Refusal.QUOTA, ""),
    ("InstanceLimitExceeded", 400, "Your quota allows for 0 more running instance(s).", Refusal.QUOTA, ""),
    ("InsufficientFreeAddressesInSubnet", 400, "Not enough free addresses", Refusal.QUOTA, "subnet_id"),
    ("InsufficientInstanceCapacity", 500, "We currently do not have sufficient c5.large capacity", Refusal.NO_CAPACITY, ""),
    ("InsufficientHostCapacity", 400, "There is not enough capacity", Refusal.NO_CAPACITY, ""),
    ("UnauthorizedOperation", 403, "You are not authorized to perform this operation.", Refusal.UNAUTHORISED, ""),
    ("AuthFailure", 401, "AWS was not able to validate the provided credentials", Refusal.UNAUTHORISED, "secret_access_key"),
    ("InvalidClientTokenId", 403, "The security token is invalid", Refusal.UNAUTHORISED, "access_key_id"),
    ("RequestExpired", 400, "Request has expired.", Refusal.UNAUTHORISED, ""),
    ("OptInRequired", 401, "You are not subscribed to this service.", Refusal.UNAUTHORISED, ""),
    ("WhatIsThis", 401, "no", Refusal.UNAUTHORISED, ""),
    ("InvalidAMIID.NotFound", 400, "The image id '[ami-1]' does not exist", Refusal.BAD_REQUEST, "image_id"),
    ("InvalidAMIID.Malformed", 400, "Invalid id", Refusal.BAD_REQUEST, "image_id"),
    ("InvalidInstanceType", 400, "The following supplied instance types do not exist", Refusal.BAD_REQUEST, "instance_type"),
    ("Unsupported", 400, "not supported in your requested Availability Zone", Refusal.BAD_REQUEST, "instance_type"),
    ("InvalidKeyPair.NotFound", 400, "The key pair 'x' does not exist", Refusal.BAD_REQUEST, "key_name"),
    ("InvalidGroup.NotFound", 400, "The security group 'sg-1' does not exist", Refusal.BAD_REQUEST, "security_groups"),
    ("InvalidSubnetID.NotFound", 400, "The subnet ID 'subnet-1' does not exist", Refusal.BAD_REQUEST, "subnet_id"),
    ("InvalidUserData.Malformed", 400, "Invalid BASE64 encoding of user data", Refusal.BAD_REQUEST, "userdata_file"),
    ("TagLimitExceeded", 400, "too many", Refusal.BAD_REQUEST, "tags"),
    (
        "InvalidParameterValue",
        400,
        "Value (imageid) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
        Refusal.BAD_REQUEST,
        "iam_instance_profile",
    ),
    ("InvalidParameterValue", 400, "Invalid availability zone: [us-east-1z]", Refusal.BAD_REQUEST, "availability_zone"),
    ("InvalidParameterCombination", 400, "The parameter groupName cannot be used", Refusal.BAD_REQUEST, "security_groups"),
    ("InvalidParameterValue", 400, "MaxPrice must be greater than $0.001", Refusal.BAD_REQUEST, "spot_bid"),
    ("MaxSpotInstanceCountExceeded", 400, "Max spot instance count exceeded", Refusal.QUOTA, ""),
    ("SpotMaxPriceTooLow", 400, "Your Spot request price of 0.01 is lower than the minimum", Refusal.NO_CAPACITY, "spot_bid"),
    ("UnfulfillableCapacity", 400, "Unable to fulfill capacity", Refusal.NO_CAPACITY, ""),
    ("ExpiredToken", 400, "The security token included in the request is expired", Refusal.UNAUTHORISED, ""),
    ("InvalidBlockDeviceMapping", 400, "Invalid device name", Refusal.BAD_REQUEST, "disk_map"),
    ("MissingParameter", 400, "The request must contain the parameter ImageId", Refusal.BAD_REQUEST, "image_id"),
    ("InvalidBrandNewThing", 400, "no", Refusal.BAD_REQUEST, ""),
    ("VPCIdNotSpecified", 400, "No default VPC for this user", Refusal.BAD_REQUEST, "subnet_id"),
    ("InternalError", 500, "An internal error has occurred", Refusal.FAILED, ""),
    ("Unavailable", 503, "The server is overloaded", Refusal.FAILED, ""),
    ("SomethingNew", 500, "oops", Refusal.FAILED, ""),
    ("SomethingNew", 400, "oops", Refusal.FAILED, ""),
    ("OperationNotPermitted", 400, "The instance may not be terminated", Refusal.FAILED, ""),
    ("", 0, "", Refusal.FAILED, ""),
]


@pytest.mark.parametrize(("code", "status", "text", "kind", "setting"), TABLE)
def test_each_code_has_its_kind_and_names_the_setting(code, status, text, kind, setting):
    meaning = classify(code, status, text)
    assert (meaning.kind, meaning.setting) == (kind, setting)
    assert not setting or setting in AwsSettings.model_fields


def test_every_kind_comes_with_advice():
    assert set(ADVICE) == set(Refusal)
