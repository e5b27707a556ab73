"""Refusals in the clouds' own words: EC2's XML with its codes, OpenStack's JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

from lab.ec2_messages import Answer, Request, error

_NO_ERRORS = re.compile(rb"<errorSet\s*/>|<errorSet>\s*</errorSet>")


@dataclass(frozen=True)
class Refusal:
    """How EC2 (status, code) and how APIs in JSON (status, name of the fault) refuse a call, and the message of both."""

    status: int
    code: str
    message: str
    json_status: int
    json_name: str

    def answer(self, xml: bool) -> Answer:
        """Return the answer in one language or the other."""
        if xml:
            return error(self.status, self.code, self.message)
        body = json.dumps({self.json_name: {"code": self.json_status, "message": self.message}}).encode()
        wait = {"Retry-After": "1"} if self.json_status == 429 else {}
        return Answer(self.json_status, {"Content-Type": "application/json", **wait}, body)


def refuse_fleet(request: Request, refusal: Refusal) -> Answer:
    """Return the answer to a CreateFleet that got nothing: status 200, and the reason for each type and place that was asked for."""
    items = "".join(_fleet_error(override, refusal) for override in _overrides(request))
    body = (f'<CreateFleetResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>lab</requestId><fleetId>fleet-{"0" * 17}</fleetId>'
            f"<errorSet>{items}</errorSet><fleetInstanceSet/></CreateFleetResponse>")
    return Answer(200, {"Content-Type": "text/xml"}, body.encode())


def add_refusals(request: Request, answer: Answer, refusal: Refusal) -> Answer:
    """Return the answer to a CreateFleet that got something, with the reason why each type and place gave no more."""
    items = "".join(_fleet_error(override, refusal) for override in _overrides(request))
    told, end = f"<errorSet>{items}</errorSet>".encode(), b"</CreateFleetResponse>"
    return replace(answer, body=_NO_ERRORS.sub(b"", answer.body).replace(end, told + end))


def _overrides(request: Request) -> list[dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, value in sorted(request.parameters.items()):
        head, _, key = name.rpartition(".")
        if ".Overrides." in name and key in ("InstanceType", "SubnetId", "AvailabilityZone"):
            found.setdefault(head, {})[key] = value
    return list(found.values()) or [{}]


def _fleet_error(override: dict[str, str], refusal: Refusal) -> str:
    given = "".join(f"<{key[0].lower()}{key[1:]}>{value}</{key[0].lower()}{key[1:]}>" for key, value in override.items())
    return (f"<item><launchTemplateAndOverrides><overrides>{given}</overrides></launchTemplateAndOverrides><lifecycle>on-demand</lifecycle>"
            f"<errorCode>{refusal.code}</errorCode><errorMessage>{refusal.message}</errorMessage></item>")


_VCPUS = "You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance bucket that the specified instance type belongs to."
REFUSALS: dict[str, Refusal] = {
    "throttled": Refusal(503, "RequestLimitExceeded", "Request limit exceeded.", 429, "overLimit"),
    "throttling": Refusal(400, "Throttling", "Rate exceeded", 429, "overLimit"),
    "no-capacity": Refusal(
        500, "InsufficientInstanceCapacity", "We currently do not have sufficient capacity in the Availability Zone you requested.",
        500, "computeFault"),
    "vcpu-quota": Refusal(400, "VcpuLimitExceeded", _VCPUS, 403, "forbidden"),
    "instance-quota": Refusal(400, "InstanceLimitExceeded", "Quota exceeded for instances: Requested 1, but already used 32 of 32 instances", 403, "forbidden"),
    "address-quota": Refusal(400, "InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses.", 403, "forbidden"),
    "unauthorised": Refusal(403, "UnauthorizedOperation", "You are not authorized to perform this operation.", 403, "forbidden"),
    "wrong-keys": Refusal(401, "AuthFailure", "AWS was not able to validate the provided access credentials", 401, "error"),
    "bad-parameter": Refusal(400, "InvalidParameterValue", "Value (ami-1) for parameter ImageId is invalid.", 400, "badRequest"),
    "internal": Refusal(500, "InternalError", "An internal error has occurred", 500, "computeFault"),
    "unavailable": Refusal(503, "Unavailable", "The service is unavailable. Please try again shortly.", 503, "error"),
}
ONLY_LAUNCHES = frozenset({"no-capacity", "vcpu-quota", "instance-quota", "address-quota"})
