"""Puts into a fresh stack what tests and the demo find there: `python -m lab.nova.inside.seed PART DIRECTORY`.

Part `accounts` needs Keystone, Glance and Neutron; part `computes` Nova as well. What others must know of it goes into the facts.
"""

from __future__ import annotations

import base64
import struct
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from keystoneauth1.adapter import Adapter
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from lab.nova.places import ACCOUNTS, COMPUTES, FLAVORS, KEY_NAME, NETWORKS, REGION, SECURITY_GROUP, SUBNETS, Place

_KINDS = {"placement": "placement", "glance": "image", "neutron": "network", "nova": "compute"}
_TIMEOUT_S = 60


class Client:
    """One user's access to the services, as plain requests."""

    def __init__(self, place: Place, user: str, project: str) -> None:
        auth = v3.Password(place.url("keystone"), username=user, password=place.secret(user), project_name=project, user_domain_name="Default",
                           project_domain_name="Default")
        self.session = Session(auth, timeout=_TIMEOUT_S)

    def make(self, kind: str, path: str, body: dict[str, Any], version: str | None = None) -> Any:
        """POST and return the one thing that the answer holds, or the whole answer."""
        answer = self._adapter(kind, version).post(path, json=body)
        found = answer.json() if answer.content else {}
        return next(iter(found.values())) if len(found) == 1 else found

    def put(self, kind: str, path: str, **more: Any) -> None:
        """PUT."""
        self._adapter(kind).put(path, **more)

    def get(self, kind: str, path: str) -> Any:
        """GET and return the answer."""
        return self._adapter(kind).get(path).json()

    def _adapter(self, kind: str, version: str | None = None) -> Adapter:
        return Adapter(self.session, service_type=kind, region_name=REGION, default_microversion=version)


def accounts(place: Place) -> None:
    """Make services, users, projects, networks and the image."""
    _make_catalog(place, Client(place, "admin", "admin"))
    admin = Client(place, "admin", "admin")  # signed in anew: a catalog comes with its token
    roles = {one["name"]: one["id"] for one in admin.get("identity", "/roles")["roles"]}
    project = {name: _make_project(admin, name) for name in ("service", *dict.fromkeys(ACCOUNTS.values()))}
    for user in _KINDS:
        _make_user(place, admin, user, project["service"], [roles["admin"], roles["service"]])
    members = {user: _make_user(place, admin, user, project[name], [roles["member"]]) for user, name in ACCOUNTS.items()}
    facts = {**place.facts, "projects": project, "users": members, "image": _make_image(admin),
             "networks": {name: _make_network(admin, name, project[name]) for name in NETWORKS}, "credentials": _make_credentials(place)}
    for user in ("cluster", "stranger"):
        Client(place, user, ACCOUNTS[user]).make("network", "/v2.0/security-groups", {"security_group": {"name": SECURITY_GROUP}})
    place.write_facts(facts)


def _make_catalog(place: Place, admin: Client) -> None:
    for service, kind in _KINDS.items():
        made = admin.make("identity", "/services", {"service": {"name": service, "type": kind}})
        endpoint = {"service_id": made["id"], "interface": "public", "region_id": REGION, "url": place.url(service)}
        admin.make("identity", "/endpoints", {"endpoint": endpoint})


def _make_project(admin: Client, name: str) -> str:
    return str(admin.make("identity", "/projects", {"project": {"name": name, "domain_id": "default"}})["id"])


def _make_user(place: Place, admin: Client, name: str, project: str, roles: list[str]) -> str:
    user = str(admin.make("identity", "/users", {"user": {"name": name, "password": place.secret(name), "domain_id": "default"}})["id"])
    for role in roles:
        admin.put("identity", f"/projects/{project}/users/{user}/roles/{role}")
    return user


def _make_credentials(place: Place) -> dict[str, str]:
    client = Client(place, "cluster", ACCOUNTS["cluster"])
    user = client.session.get_user_id()
    made = client.make("identity", f"/users/{user}/application_credentials", {"application_credential": {"name": "dynamiccluster"}})
    return {"id": made["id"], "secret": made["secret"]}


def _make_image(admin: Client) -> str:
    described = {"name": "worker", "disk_format": "raw", "container_format": "bare", "visibility": "public"}
    image = str(admin.make("image", "/v2/images", described)["id"])
    admin.put("image", f"/v2/images/{image}/file", data=b"no machine reads this", headers={"Content-Type": "application/octet-stream"})
    return image


def _make_network(admin: Client, owner: str, project: str) -> str:
    network = admin.make("network", "/v2.0/networks", {"network": {"name": NETWORKS[owner], "project_id": project}})
    subnet = {"network_id": network["id"], "cidr": SUBNETS[owner], "ip_version": 4, "enable_dhcp": False, "gateway_ip": None, "project_id": project}
    admin.make("network", "/v2.0/subnets", {"subnet": subnet})
    return str(network["id"])


def computes(place: Place) -> None:
    """Make flavors, zones and the key pair; the hosts have been mapped by their own process."""
    admin = Client(place, "admin", "admin")
    for name, (cores, megabytes, specs) in FLAVORS.items():
        shape = {"name": name, "vcpus": cores, "ram": megabytes, "disk": 10}
        flavor = admin.make("compute", "/flavors", {"flavor": shape})["id"]
        if specs:
            admin.make("compute", f"/flavors/{flavor}/os-extra_specs", {"extra_specs": specs})
    for zone in dict.fromkeys(COMPUTES.values()):
        aggregate = admin.make("compute", "/os-aggregates", {"aggregate": {"name": zone, "availability_zone": zone}})["id"]
        for host in (host for host, its in COMPUTES.items() if its == zone):
            admin.make("compute", f"/os-aggregates/{aggregate}/action", {"add_host": {"host": host}})
    cluster = Client(place, "cluster", ACCOUNTS["cluster"])
    cluster.make("compute", "/os-keypairs", {"keypair": {"name": KEY_NAME, "public_key": _public_key()}})


def _public_key() -> str:
    kind = b"ssh-ed25519"
    key = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    packed = b"".join(struct.pack(">I", len(part)) + part for part in (kind, key))
    return f"{kind.decode()} {base64.b64encode(packed).decode()} lab"


if __name__ == "__main__":
    {"accounts": accounts, "computes": computes}[sys.argv[1]](Place(Path(sys.argv[2])))
