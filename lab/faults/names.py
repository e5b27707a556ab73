"""What a call is called and what it does, whichever cloud it is for: EC2's actions, and paths of APIs in JSON (OpenStack's, for one)."""

from __future__ import annotations

import re
import urllib.parse

from lab.ec2_messages import Request

_ID = re.compile(r"/(?:[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|\d+)(?=/|$)")
_EC2_LAUNCHES = frozenset({"RunInstances", "CreateFleet"})
_EC2_ENDS = frozenset({"TerminateInstances"})


def name_of(request: Request) -> str:
    """Return EC2's action, or method and path with ids left out, as `POST /v2.1/servers` or `DELETE /v2.1/servers/ID`."""
    if request.action:
        return request.action
    path = urllib.parse.urlsplit(request.target).path.rstrip("/")
    return f"{request.method} {_ID.sub('/ID', path) or '/'}"


def caller_of(request: Request) -> str:
    """Return the access key that signed the call, or the token that it shows."""
    return request.caller[0] or request.headers.get("x-auth-token", "")


def speaks_xml(request: Request) -> bool:
    """Tell EC2's calls from those of APIs in JSON."""
    return bool(request.action)


def reads(request: Request) -> bool:
    """Tell whether a call changes nothing."""
    return request.action.startswith(("Describe", "Get")) if request.action else request.method in ("GET", "HEAD")


def launches(request: Request) -> bool:
    """Tell whether a call asks for new machines."""
    return request.action in _EC2_LAUNCHES if request.action else name_of(request).endswith("/servers") and request.method == "POST"


def ends(request: Request) -> bool:
    """Tell whether a call asks for the end of machines."""
    return request.action in _EC2_ENDS if request.action else request.method == "DELETE" and name_of(request).endswith("/servers/ID")


def lists_machines(request: Request) -> bool:
    """Tell whether a call lists machines, or looks at one."""
    return request.action == "DescribeInstances" if request.action else request.method == "GET" and "/servers" in name_of(request)
