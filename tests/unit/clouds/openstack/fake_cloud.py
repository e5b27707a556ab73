"""What a small OpenStack knows and does: servers, flavors, quota, and the troubles that were measured on a real one. No HTTP here."""

from __future__ import annotations

import base64
import itertools
import re
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

IMAGE, IMAGE_NAME = "8f9d6b1c-4e0a-4b59-9c6e-2f0f2d3b7a10", "debian-12-worker"
NETWORK, NETWORK_NAME = "0aa1bb22-1111-4b59-9c6e-2f0f2d3b7a10", "private"
GROUP, GROUP_NAME = "5ee1bb22-2222-4b59-9c6e-2f0f2d3b7a10", "spread"
SECURITY_GROUP = "9cc1bb22-3333-4b59-9c6e-2f0f2d3b7a10"
PASSWORD, SECRET = "pass-w0rd-of-hpc", "app-s3cret-of-hpc"
NO_VALID_HOST = "No valid host was found. There are not enough hosts available."
OVER_QUOTA = "Quota exceeded for instances: Requested 1, but already used {0} of {1} instances"


class Refused(Exception):
    """The cloud's answer is an error."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None):
        self.status, self.message, self.headers = status, message, dict(headers or {})
        super().__init__(message)


@dataclass
class Server:
    """A server. `queued`: taken, and not counted by the quota nor given to a host yet."""

    id: str
    name: str
    metadata: dict[str, str]
    flavor: str
    created: float
    request: dict[str, Any] = field(default_factory=dict)
    status: str = "BUILD"
    task: str | None = "scheduling"
    fault: str = ""
    address: str = ""
    tags: tuple[str, ...] = ()
    locked: bool = False
    queued: bool = True
    in_down_cell: bool = False


@dataclass
class FakeCloud:
    """A project. Time passes only with `advance`."""

    flavors: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            "1": {"name": "m1.small", "vcpus": 2, "ram": 4096, "extra_specs": {}},
            "g1": {"name": "g1.large", "vcpus": 16, "ram": 65536, "extra_specs": {"resources:VGPU": "2"}},
        }
    )
    quota: dict[str, int] = field(default_factory=lambda: {"instances": -1, "cores": -1, "ram": -1})
    hides_limits: bool = False
    max_limit: int = 1000
    newest: float = 2.90
    full: bool = False  # no host has room
    reclaims: bool = False  # deleted servers are kept for a while
    deaf_deletes: int = 0  # so many deletes are taken and come to nothing
    loses_answers: int = 0  # so many creates are done and never answered
    swallows: int = 0  # so many creates are neither done nor answered
    late: list[dict[str, Any]] = field(default_factory=list)  # swallowed creates, which `deliver` does after all
    moves_while_paging: bool = False
    servers: dict[str, Server] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _addresses: itertools.count[int] = field(default_factory=itertools.count)

    # -- time -------------------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Let what is under way be done: servers get hosts or fail, deleted ones go."""
        with self.lock:
            for server in list(self.servers.values()):
                if server.task in ("deleting", "soft-deleting"):
                    self._end(server)
                elif server.queued:
                    self._schedule(server)

    def _end(self, server: Server) -> None:
        if server.task == "soft-deleting":
            server.status, server.task = "SOFT_DELETED", None
        else:
            del self.servers[server.id]

    def _schedule(self, server: Server) -> None:
        over = self._over_quota(server.flavor, sum(not one.queued for one in self.servers.values()))
        server.queued, server.task = False, None
        if over or self.full:
            server.status, server.fault = "ERROR", over or NO_VALID_HOST
            return
        number = next(self._addresses)
        server.status, server.address = "ACTIVE", f"10.78.{number // 250 % 250}.{number % 250 + 1}"

    def deliver(self) -> None:
        """Do the creates that nobody answered, late."""
        with self.lock:
            for body in self.late:
                self._make(body)
            self.late.clear()

    # -- servers ----------------------------------------------------------------------------------------------------

    def create(self, body: Mapping[str, Any], version: float) -> Server | None:
        """Take an order as Nova does; None: it is not answered."""
        with self.lock:
            wanted = body["server"]
            self._check(wanted, dict(body.get("os:scheduler_hints") or {}), version)
            counted = sum(not one.queued for one in self.servers.values())
            if over := self._over_quota(wanted["flavorRef"], counted):
                raise Refused(403, over)
            if self.swallows:
                self.swallows -= 1
                self.late.append(dict(body))
                return None
            made = self._make(body)
            if self.loses_answers:
                self.loses_answers -= 1
                return None
            return made

    def _make(self, body: Mapping[str, Any]) -> Server:
        wanted = body["server"]
        server = Server(
            id=str(uuid.uuid4()),
            name=wanted["name"],
            metadata=dict(wanted.get("metadata") or {}),
            flavor=wanted["flavorRef"],
            created=time.time(),
            request={**wanted, "hints": dict(body.get("os:scheduler_hints") or {})},
            tags=tuple(wanted.get("tags") or ()),
        )
        self.servers[server.id] = server
        return server

    def _check(self, wanted: Mapping[str, Any], hints: Mapping[str, Any], version: float) -> None:
        networks = wanted.get("networks")
        if version >= 2.37 and networks is None:
            raise Refused(400, "Invalid input for field/attribute server. Value: {...}. 'networks' is a required property")
        if wanted.get("tags") and version < 2.52:
            raise Refused(400, "Additional properties are not allowed ('tags' was unexpected)")
        if wanted["flavorRef"] not in self.flavors:
            raise Refused(400, f"Flavor {wanted['flavorRef']} could not be found.")
        if wanted.get("imageRef") != IMAGE:
            raise Refused(400, "Can not find requested image")
        if wanted.get("key_name") not in (None, "ops"):
            raise Refused(400, "Invalid key_name provided.")
        if wanted.get("availability_zone") not in (None, "zone-a"):
            raise Refused(400, "The requested availability zone is not available")
        for group in wanted.get("security_groups") or ():
            if group["name"] not in ("workers", SECURITY_GROUP):
                raise Refused(400, f"Unable to find security_group with name or id '{group['name']}'")
        if isinstance(networks, list) and any(one["uuid"] != NETWORK for one in networks):
            raise Refused(400, f"Network {networks[0]['uuid']} could not be found.")
        if hints.get("group") not in (None, GROUP):
            raise Refused(400, "Instance group could not be found.")
        self._check_user_data(str(wanted.get("user_data") or ""))

    def _check_user_data(self, user_data: str) -> None:
        if len(user_data) > 65535:
            raise Refused(400, f"Invalid input for field/attribute user_data. Value: {user_data}. '{user_data}' is too long")
        base64.b64decode(user_data, validate=True)

    def _over_quota(self, flavor: str, counted: int) -> str:
        most = self.quota["instances"]
        if 0 <= most < counted + 1:
            return OVER_QUOTA.format(counted, most)
        cores = self.quota["cores"]
        used = sum(self.flavors[one.flavor]["vcpus"] for one in self.servers.values() if not one.queued)
        need = self.flavors[flavor]["vcpus"]
        return f"Quota exceeded for cores: Requested {need}, but already used {used} of {cores} cores" if 0 <= cores < used + need else ""

    def delete(self, server_id: str, *, force: bool = False) -> None:
        """Begin to end a server; it keeps its status until it is gone."""
        with self.lock:
            server = self.find(server_id)
            if server.locked:
                raise Refused(409, f"Instance {server_id} is locked")
            if server.status == "SOFT_DELETED" and not force:
                raise Refused(409, f"Cannot 'delete' instance {server_id} while it is in vm_state soft-delete")
            if self.deaf_deletes:
                self.deaf_deletes -= 1
                return
            server.task = "soft-deleting" if self.reclaims and not force else "deleting"

    def find(self, server_id: str) -> Server:
        """Return a server, or refuse as Nova does."""
        if server_id not in self.servers:
            raise Refused(404, f"Instance {server_id} could not be found.")
        return self.servers[server_id]

    def page(self, query: Mapping[str, str]) -> tuple[list[Server], bool]:
        """Return one page of servers and whether there are more. Those being built come first, wherever one pages."""
        with self.lock:
            named = re.compile(query.get("name", ""))
            tags = set(filter(None, query.get("tags", "").split(",")))
            found = [one for one in self.servers.values() if named.search(one.name) and tags <= set(one.tags)]
            found.sort(key=lambda one: (not one.queued, one.created))
            most = min(int(query.get("limit") or self.max_limit), self.max_limit)
            start = self._start(found, query.get("marker"))
            page = found[start : start + most]
            if self.moves_while_paging and page:  # a host is found for the last one while the page is on its way
                self._schedule(page[-1])
            return page, len(page) == most

    def _start(self, found: list[Server], marker: str | None) -> int:
        if not marker:
            return 0
        for index, server in enumerate(found):
            if server.id == marker:
                return index + 1
        raise Refused(400, f"marker [{marker}] not found")

    def used(self) -> dict[str, int]:
        """Return what the quota counts: servers for which a host was looked for."""
        counted = [self.flavors[one.flavor] for one in self.servers.values() if not one.queued]
        return {
            "totalInstancesUsed": len(counted),
            "totalCoresUsed": sum(one["vcpus"] for one in counted),
            "totalRAMUsed": sum(one["ram"] for one in counted),
        }
