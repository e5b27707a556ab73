"""What Nova's refusals and faults mean: one kind each, and the setting at fault where the text names one.

Nova has few status codes for many causes (a quota and a missing right are both 403), so that its words decide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...errors import Refusal


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error says. `setting` is a key of the resource's `config`, "" when none is at fault."""

    kind: Refusal
    setting: str = ""


_QUOTA = re.compile(
    r"quota|exceeded, too many|maximum number of ports|limit exceeded|too many servers|no more ip addresses"
    r"|no fixed ip addresses|no more fixed|ipaddressgenerationfailure|zero fixed ips",
    re.IGNORECASE,
)
_NO_ROOM = re.compile(r"no valid host|not enough hosts|insufficient compute resources|no suitable host", re.IGNORECASE)
_METADATA_LIMIT = re.compile(r"maximum number of metadata", re.IGNORECASE)
_GROUP_FULL = re.compile(r"too many servers in group", re.IGNORECASE)
_ADDRESSES = re.compile(r"\bport|fixed ip|ip address", re.IGNORECASE)

# What a refused request names, in Nova's own words; longer ones first.
_BY_WORD: tuple[tuple[str, str], ...] = (
    ("availability zone", "availability_zone"),
    ("availability_zone", "availability_zone"),
    ("security group", "security_groups"),
    ("security_group", "security_groups"),
    ("server group", "server_group"),
    ("scheduler hint", "server_group"),
    ("scheduler_hints", "server_group"),
    ("key_name", "key_name"),
    ("keypair", "key_name"),
    ("key pair", "key_name"),
    ("user_data", "userdata_file"),
    ("user data", "userdata_file"),
    ("metadata", "metadata"),
    ("flavor", "flavor"),
    ("image", "image_uuid"),
    ("network", "networks"),
    ("subnet", "networks"),
    ("group", "server_group"),
)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def classify(status: int, text: str) -> Meaning:
    """Return what an answer of Nova means, by its HTTP status and its words; an unknown one is FAILED."""
    if status in (413, 429):
        return quota(text) if "quota" in text.lower() else Meaning(Refusal.THROTTLED)
    if status == 401:
        return Meaning(Refusal.UNAUTHORISED)
    if status == 403:
        return _forbidden(text)
    if status == 409 and _QUOTA.search(text):
        return quota(text)
    if status in (400, 404, 422) or (status == 409 and "network" in text.lower()):
        return Meaning(Refusal.BAD_REQUEST, named_in(text))
    return Meaning(Refusal.FAILED)


def _forbidden(text: str) -> Meaning:
    if _METADATA_LIMIT.search(text):
        return Meaning(Refusal.BAD_REQUEST, "metadata")
    return quota(text) if _QUOTA.search(text) else Meaning(Refusal.UNAUTHORISED)


def quota(text: str) -> Meaning:
    """Return the meaning of a used-up quota, with the setting whose things it counts where that is not the project."""
    if _GROUP_FULL.search(text):
        return Meaning(Refusal.QUOTA, "server_group")
    return Meaning(Refusal.QUOTA, "networks" if _ADDRESSES.search(text) else "")


def fault_kind(text: str) -> Refusal | None:
    """Return what the fault of a server in ERROR says of the cloud; None: something went wrong with this server."""
    if _QUOTA.search(text):
        return Refusal.QUOTA
    return Refusal.NO_CAPACITY if _NO_ROOM.search(text) else None


def named_in(text: str) -> str:
    """Return the setting that the text names, outside of the quoted values first."""
    for part in (_QUOTED.sub(" ", text).lower(), text.lower()):
        for word, setting in _BY_WORD:
            if word in part:
                return setting
    return ""


ADVICE: dict[Refusal, str] = {
    Refusal.THROTTLED: "the cloud limits the rate of requests; asked again later, more slowly",
    Refusal.QUOTA: "ask the cloud's operator for a higher quota, lower quantity:max, or wait until servers end",
    Refusal.NO_CAPACITY: "the cloud has no host free for such a server now; asked again later",
    Refusal.BAD_REQUEST: "salt-run dynamiccluster.validate checks all settings",
    Refusal.UNAUTHORISED: "check the credentials and their roles in the project (docs/openstack.md)",
    Refusal.UNREACHABLE: "check the network, auth_url, interface and cacert; asked again later",
    Refusal.FAILED: "asked again later; if it stays, ask the cloud's operator",
}
