"""Listings of machines, in EC2's XML and in OpenStack's JSON: take machines out, find their ids, say that there is none."""

from __future__ import annotations

import json
import re
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace

from lab.ec2_messages import Answer, Request, error
from lab.faults import names

_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_MADE = re.compile(rb"\bi-[0-9a-f]{8,17}\b")
_SERVER = re.compile(r"/servers/([^/?]+)")
_NO_SERVER = frozenset({"detail", "ID"})
Keep = Callable[[int, str], bool]

ElementTree.register_namespace("", _NAMESPACE)


def thin(request: Request, answer: Answer, keep: Keep) -> Answer:
    """Return a listing with those machines that `keep(index, id)` wants; what is no listing stays as it is."""
    if not answer.good or not answer.body:
        return answer
    return replace(answer, body=_thin_xml(answer.body, keep) if names.speaks_xml(request) else _thin_json(answer.body, keep))


def asked_for(request: Request) -> set[str]:
    """Return the ids of machines that a call names."""
    if request.action:
        return {value for name, value in request.parameters.items() if name.startswith(("InstanceId", "ResourceId"))}
    found = _SERVER.search(urllib.parse.urlsplit(request.target).path)
    return {found.group(1)} - _NO_SERVER if found else set()


def made(request: Request, answer: Answer) -> set[str]:
    """Return the ids of the machines that the answer to a launch tells of."""
    if request.action:
        return {identity.decode() for identity in _MADE.findall(answer.body)}
    server = json.loads(answer.body or b"{}").get("server") or {}
    return {server["id"]} if server.get("id") else set()


def not_found(request: Request, identity: str) -> Answer:
    """Return how a cloud says that it knows no such machine."""
    if request.action:
        return error(400, "InvalidInstanceID.NotFound", f"The instance ID '{identity}' does not exist")
    body = json.dumps({"itemNotFound": {"code": 404, "message": f"Instance {identity} could not be found."}}).encode()
    return Answer(404, {"Content-Type": "application/json"}, body)


def pretend_end(request: Request) -> Answer:
    """Return how a cloud acknowledges the end of the machines that a call names."""
    if not request.action:
        return Answer(204, {}, b"")
    items = "".join(
        f"<item><instanceId>{identity}</instanceId><currentState><code>32</code><name>shutting-down</name></currentState>"
        "<previousState><code>16</code><name>running</name></previousState></item>"
        for identity in sorted(asked_for(request))
    )
    body = f'<TerminateInstancesResponse xmlns="{_NAMESPACE}"><requestId>lab</requestId><instancesSet>{items}</instancesSet></TerminateInstancesResponse>'
    return Answer(200, {"Content-Type": "text/xml"}, body.encode())


def _thin_xml(body: bytes, keep: Keep) -> bytes:
    root, index = ElementTree.fromstring(body), 0
    for reservations in root.iterfind("{*}reservationSet"):
        for reservation in list(reservations):
            instances = reservation.find("{*}instancesSet")
            for item in list(instances) if instances is not None else ():
                if not keep(index, item.findtext("{*}instanceId") or ""):
                    instances.remove(item)  # type: ignore[union-attr]
                index += 1
            if instances is not None and not len(instances):
                reservations.remove(reservation)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _thin_json(body: bytes, keep: Keep) -> bytes:
    document = json.loads(body)
    if isinstance(document.get("servers"), list):
        document["servers"] = [server for index, server in enumerate(document["servers"]) if keep(index, server.get("id", ""))]
    return json.dumps(document).encode()
