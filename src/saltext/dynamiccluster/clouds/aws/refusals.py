"""What EC2's error codes mean: one kind each, and the setting at fault where the code or its parameter names one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import Refusal


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error says. `setting` is a key of the resource's `config`, "" when none is at fault."""

    kind: Refusal
    setting: str = ""


_THROTTLED = """RequestLimitExceeded Throttling ThrottlingException ThrottledException RequestThrottled
    RequestThrottledException TooManyRequestsException EC2ThrottledException SlowDown PriorRequestNotComplete
    BandwidthLimitExceeded RequestResourceCountExceeded"""
_QUOTA = """InstanceLimitExceeded VcpuLimitExceeded VolumeLimitExceeded MaxIOPSLimitExceeded ResourceLimitExceeded
    ResourceCountExceeded NetworkInterfaceLimitExceeded AddressLimitExceeded MaxSpotInstanceCountExceeded
    MaxSpotFleetRequestCountExceeded PrivateIpAddressLimitExceeded"""
_NO_CAPACITY = """InsufficientInstanceCapacity SpotInstanceCapacityNotAvailable InsufficientCapacityReservation InsufficientHostCapacity InsufficientReservedInstanceCapacity
    InsufficientCapacity InsufficientCapacityOnHost InsufficientVolumeCapacity UnfulfillableCapacity"""
_UNAUTHORISED = """UnauthorizedOperation AccessDenied AccessDeniedException NotAuthorized OptInRequired Blocked
    PendingVerification RequestExpired ExpiredToken ExpiredTokenException RequestTimeTooSkewed MissingAuthenticationToken
    UnauthorizedException"""
_WRONG_KEY_ID = "InvalidClientTokenId InvalidAccessKeyId UnrecognizedClientException"
_WRONG_KEYS = "AuthFailure SignatureDoesNotMatch InvalidSignatureException IncompleteSignature"
_BAD_REQUEST = """MissingParameter UnknownParameter ValidationError ValidationException MalformedQueryString
    UnsupportedOperation NonEBSInstance EncryptedVolumesNotSupported"""
_FAILED = "InternalError InternalFailure Unavailable ServiceUnavailable OperationNotPermitted IncorrectInstanceState"

_BY_CODE: dict[str, Meaning] = {
    **{code: Meaning(Refusal.THROTTLED) for code in _THROTTLED.split()},
    **{code: Meaning(Refusal.QUOTA) for code in _QUOTA.split()},
    **{code: Meaning(Refusal.NO_CAPACITY) for code in _NO_CAPACITY.split()},
    **{code: Meaning(Refusal.UNAUTHORISED) for code in _UNAUTHORISED.split()},
    **{code: Meaning(Refusal.UNAUTHORISED, "access_key_id") for code in _WRONG_KEY_ID.split()},
    **{code: Meaning(Refusal.UNAUTHORISED, "secret_access_key") for code in _WRONG_KEYS.split()},
    **{code: Meaning(Refusal.BAD_REQUEST) for code in _BAD_REQUEST.split()},
    **{code: Meaning(Refusal.FAILED) for code in _FAILED.split()},
    # The price is above the bid: spot machines are there, for others.
    "SpotMaxPriceTooLow": Meaning(Refusal.NO_CAPACITY, "spot_bid"),
    "InvalidSpotInstancePrice": Meaning(Refusal.BAD_REQUEST, "spot_bid"),
    "InvalidLaunchTemplateName.NotFoundException": Meaning(Refusal.FAILED),
    # Addresses come back when machines of the subnet end, as a quota does.
    "InsufficientFreeAddressesInSubnet": Meaning(Refusal.QUOTA, "subnet_id"),
    # "Your requested instance type is not supported in your requested Availability Zone": waiting does not help.
    "Unsupported": Meaning(Refusal.BAD_REQUEST, "instance_type"),
    "UnsupportedHostConfiguration": Meaning(Refusal.BAD_REQUEST, "instance_type"),
    "NoSuchEntity": Meaning(Refusal.BAD_REQUEST, "iam_instance_profile"),
    "VPCIdNotSpecified": Meaning(Refusal.BAD_REQUEST, "subnet_id"),
    "VPCResourceNotSpecified": Meaning(Refusal.BAD_REQUEST, "subnet_id"),
    "DefaultVpcDoesNotExist": Meaning(Refusal.BAD_REQUEST, "subnet_id"),
    "SecurityGroupsPerInstanceLimitExceeded": Meaning(Refusal.BAD_REQUEST, "security_groups"),
    "TagLimitExceeded": Meaning(Refusal.BAD_REQUEST, "tags"),
    "TagPolicyViolation": Meaning(Refusal.BAD_REQUEST, "tags"),
}

# What EC2's code does not say: which of the account's quotas is used up, as the console of Service Quotas calls it.
_QUOTAS: dict[str, str] = {
    "VcpuLimitExceeded": "the vCPUs of running instances of this family",
    "InstanceLimitExceeded": "the number of running instances of this type",
    "MaxSpotInstanceCountExceeded": "the vCPUs of spot instances of this family",
    "MaxSpotFleetRequestCountExceeded": "the number of spot fleets",
    "VolumeLimitExceeded": "the storage of volumes",
    "MaxIOPSLimitExceeded": "the IOPS of volumes",
    "NetworkInterfaceLimitExceeded": "the network interfaces of the region",
    "AddressLimitExceeded": "the elastic addresses of the region",
    "PrivateIpAddressLimitExceeded": "the private addresses of an interface",
    "InsufficientFreeAddressesInSubnet": "the free addresses of the subnet",
}

# The part of a code before its dot, as in InvalidAMIID.NotFound or InvalidAMIID.Malformed.
_BY_FAMILY: dict[str, str] = {
    "InvalidAMIID": "image_id",
    "InvalidAMI": "image_id",
    "InvalidInstanceType": "instance_type",
    "InvalidKeyPair": "key_name",
    "InvalidKey": "key_name",
    "InvalidGroup": "security_groups",
    "InvalidGroupId": "security_groups",
    "InvalidSecurityGroup": "security_groups",
    "InvalidSecurityGroupID": "security_groups",
    "InvalidSecurityGroupId": "security_groups",
    "InvalidSubnet": "subnet_id",
    "InvalidSubnetID": "subnet_id",
    "InvalidSubnetId": "subnet_id",
    "InvalidZone": "availability_zone",
    "InvalidAvailabilityZone": "availability_zone",
    "InvalidUserData": "userdata_file",
    "InvalidBlockDeviceMapping": "disk_map",
    "InvalidVolume": "disk_map",
    "InvalidSnapshot": "disk_map",
    "InvalidTagKey": "tags",
    "InvalidTag": "tags",
    "InvalidIamInstanceProfileArn": "iam_instance_profile",
}

# InvalidParameterValue and its like name the parameter only in their text. Longer words first.
_BY_WORD: tuple[tuple[str, str], ...] = (
    ("iaminstanceprofile", "iam_instance_profile"),
    ("instanceprofile", "iam_instance_profile"),
    ("availabilityzone", "availability_zone"),
    ("availability zone", "availability_zone"),
    ("instancetype", "instance_type"),
    ("instance type", "instance_type"),
    ("blockdevicemapping", "disk_map"),
    ("devicename", "disk_map"),
    ("volumesize", "disk_map"),
    ("user data", "userdata_file"),
    ("userdata", "userdata_file"),
    ("imageid", "image_id"),
    ("subnetid", "subnet_id"),
    ("subnet", "subnet_id"),
    ("keyname", "key_name"),
    ("groupid", "security_groups"),
    ("groupname", "security_groups"),
    ("securitygroup", "security_groups"),
    ("tagspecification", "tags"),
    ("maxprice", "spot_bid"),
    ("spot price", "spot_bid"),
    ("launchtemplatespecificationuserdata", "userdata_file"),
)
_QUOTED = re.compile(r"\([^)]*\)|'[^']*'|\"[^\"]*\"")


def classify(code: str, status: int, message: str) -> Meaning:
    """Return what an answer of EC2 means, by its error code, then its HTTP status; an unknown one is FAILED."""
    known = _BY_CODE.get(code)
    if known is not None:
        return known if known.setting or known.kind is not Refusal.BAD_REQUEST else Meaning(known.kind, _named_in(message))
    family = code.partition(".")[0]
    if family in _BY_FAMILY:
        return Meaning(Refusal.BAD_REQUEST, _BY_FAMILY[family])
    if status == 429:
        return Meaning(Refusal.THROTTLED)
    if status >= 500:
        return Meaning(Refusal.FAILED)
    if family.startswith(("Invalid", "Malformed", "Missing")):
        return Meaning(Refusal.BAD_REQUEST, _named_in(message))
    return Meaning(Refusal.UNAUTHORISED) if status == 401 else Meaning(Refusal.FAILED)


def name_quota(code: str) -> str:
    """Return which quota a refusal is about, "" when the code does not tell."""
    return _QUOTAS.get(code, "")


def soonest_mended(meanings: Iterable[Meaning]) -> Meaning:
    """Return which one of several refusals of one call to go by: the one that asking again soonest may mend.

    Where one type has no capacity and another no quota, the first may come back within minutes.
    """
    return min(meanings, key=lambda meaning: _ORDER.index(meaning.kind), default=Meaning(Refusal.FAILED))


_ORDER = (
    Refusal.THROTTLED,
    Refusal.NO_CAPACITY,
    Refusal.QUOTA,
    Refusal.UNREACHABLE,
    Refusal.FAILED,
    Refusal.UNAUTHORISED,
    Refusal.BAD_REQUEST,
)


def _named_in(message: str) -> str:
    """Return the setting whose parameter the text names, outside of the quoted values first."""
    for text in (_QUOTED.sub(" ", message).lower(), message.lower()):
        for word, setting in _BY_WORD:
            if word in text:
                return setting
    return ""


ADVICE: dict[Refusal, str] = {
    Refusal.THROTTLED: "the account's request rate is used up; asked again later, more slowly",
    Refusal.QUOTA: "ask AWS for a higher quota, lower quantity:max, or wait until machines end",
    Refusal.NO_CAPACITY: "AWS has no such machine free now; asked again later",
    Refusal.BAD_REQUEST: "salt-run dynamiccluster.validate checks all settings",
    Refusal.UNAUTHORISED: "check the keys or the instance profile, its rights (docs/aws.md lists them) and this machine's clock",
    Refusal.UNREACHABLE: "check the network, region_name, endpoint_url and proxy; asked again later",
    Refusal.FAILED: "asked again later; if it stays, see the AWS health dashboard",
}
