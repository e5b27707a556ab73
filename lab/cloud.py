"""The hypervisor's own view of the EC2 API: which instances run, their user-data, and reports of what happened to them.

Standard library only, no signature: moto checks none.
"""

from __future__ import annotations

import base64
import re
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from lab.layout import OPERATOR_KEY

_VERSION = "2016-11-15"
_LIVE = ("pending", "running")

_INTENT, _TOGETHER = "dynamiccluster:intent", re.compile(r"[0-9a-f]{32}x[0-9]{1,4}")


@dataclass(frozen=True)
class Instance:
    """One machine that the cloud says is running. `launched`: its number among those of the same launch call."""

    identity: str
    address: str
    name: str
    launched: int = 0


class Ec2:
    """A client for one endpoint and region; every call raises OSError when there is no good answer within 30 s."""

    def __init__(self, endpoint: str, region: str) -> None:
        self.endpoint = endpoint
        self._credential = f"AWS4-HMAC-SHA256 Credential={OPERATOR_KEY}/20200101/{region}/ec2/aws4_request, SignedHeaders=host, Signature=0"

    def running(self) -> list[Instance]:
        """Return the instances that are pending or running."""
        filters = {"Filter.1.Name": "instance-state-name", **{f"Filter.1.Value.{i}": state for i, state in enumerate(_LIVE, 1)}}
        found: list[Instance] = []
        token = ""
        while True:
            page = self.call("DescribeInstances", **filters, **({"NextToken": token} if token else {}))
            found += [_instance(item) for item in page.iterfind(".//{*}instancesSet/{*}item")]
            token = page.findtext("{*}nextToken") or ""
            if not token:
                return found

    def user_data(self, identity: str) -> str:
        """Return an instance's user-data as text; empty when it has none."""
        answer = self.call("DescribeInstanceAttribute", InstanceId=identity, Attribute="userData")
        return base64.b64decode(answer.findtext(".//{*}userData/{*}value") or "").decode("utf-8", "replace")

    def report(self, identity: str, state: str) -> None:
        """Tell the cloud that a machine is now `stopped` or `terminated`."""
        self.call({"stopped": "StopInstances", "terminated": "TerminateInstances"}[state], **{"InstanceId.1": identity})

    def call(self, action: str, **parameters: str) -> ElementTree.Element:
        """Carry out one EC2 action and return the root of its answer."""
        body = urllib.parse.urlencode({"Action": action, "Version": _VERSION, **parameters}).encode()
        request = urllib.request.Request(self.endpoint, body, {"Authorization": self._credential})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return ElementTree.fromstring(answer.read())


def _instance(item: ElementTree.Element) -> Instance:
    tags = {tag.findtext("{*}key") or "": tag.findtext("{*}value") or "" for tag in item.iterfind("{*}tagSet/{*}item")}
    identity, launched = item.findtext("{*}instanceId") or "", int(item.findtext("{*}amiLaunchIndex") or 0)
    return Instance(identity, item.findtext("{*}privateIpAddress") or "", _name(tags, identity), launched)


def _name(tags: dict[str, str], identity: str) -> str:
    """Return the name that the machine will give itself: its own tag, or, of machines launched together, what they share before the end of its own id."""
    name = tags.get("Name", "")
    return name + identity.removeprefix("i-") if _TOGETHER.fullmatch(tags.get(_INTENT, "")) else name
