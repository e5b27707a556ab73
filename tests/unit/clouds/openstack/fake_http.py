"""A small OpenStack behind HTTP on the loopback: Keystone, Nova, Glance and Neutron as far as the adapter speaks with them."""

from __future__ import annotations

import datetime
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.unit.clouds.openstack.fake_cloud import (
    GROUP,
    GROUP_NAME,
    IMAGE,
    IMAGE_NAME,
    NETWORK,
    NETWORK_NAME,
    PASSWORD,
    SECRET,
    SECURITY_GROUP,
    FakeCloud,
    Refused,
    Server,
)

REGION = "lab"
_PROJECT = "c0ffee00c0ffee00c0ffee00c0ffee00"
Answer = tuple[int, Any]


class FakeOpenStack:
    """The cloud and its switches. `troubles`: [(method, part of the path, status, message, headers)], each used once."""

    def __init__(self, cloud: FakeCloud | None = None):
        self.cloud = cloud or FakeCloud()
        self.calls: list[tuple[str, str]] = []  # (method, path)
        self.bodies: list[Any] = []  # of creates
        self.troubles: list[tuple[str, str, int, str, dict[str, str]]] = []
        self.always: dict[str, tuple[int, str]] = {}  # part of the path -> answer to every request
        self.stopped = False
        self.hangs = ""  # requests whose path has this in it are never answered
        self.tokens: set[str] = set()
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> FakeOpenStack:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop answering, for good; open connections are cut. Again is harmless."""
        self.stopped = True
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def auth_url(self) -> str:
        return f"{self.url}/identity"

    def expire_tokens(self) -> None:
        """End every token that was given out."""
        self.tokens.clear()

    def count(self, method: str, part: str) -> int:
        """Return how often something was asked."""
        return sum(one == method and part in path for one, path in self.calls)

    # -- answering --------------------------------------------------------------------------------------------------

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: Any) -> tuple[int, Any, dict[str, str]] | None:
        """Return (status, document, headers) for a request; None: hang up."""
        path, query = urlsplit(target).path, dict(parse_qsl(urlsplit(target).query))
        self.calls.append((method, target))
        if self.hangs and self.hangs in path:
            self._released.wait(60)
            return None
        try:
            self._trouble(method, path)
            return self._route(method, path, query, headers, body)
        except Refused as refused:
            return refused.status, _error(refused), refused.headers

    def _trouble(self, method: str, path: str) -> None:
        for part, (status, message) in self.always.items():
            if part in path:
                raise Refused(status, message, {"Retry-After": "7"} if status in (413, 429) else {})
        for index, (verb, part, status, message, headers) in enumerate(self.troubles):
            if verb == method and part in path:
                del self.troubles[index]
                raise Refused(status, message, headers)

    def _route(self, method: str, path: str, query: dict[str, str], headers: Mapping[str, str], body: Any) -> Any:
        if path.startswith("/identity"):
            return self._sign_in(body) if path.endswith("/v3/auth/tokens") else (404, {"error": {"message": "no such place"}}, {})
        if path.rstrip("/") == "/compute/v2.1":
            return 200, self._version(), {}
        if headers.get("X-Auth-Token") not in self.tokens:
            raise Refused(401, "The request you have made requires authentication.")
        version = float(headers.get("X-OpenStack-Nova-API-Version") or 2.1)
        for pattern, serve in _ROUTES.items():
            match = re.fullmatch(pattern, f"{method} {path}")
            if match:
                found = serve(self, match, query, body, version)
                return None if found is None else (*found, {})
        raise Refused(404, "The resource could not be found.")

    def _sign_in(self, body: Any) -> Any:
        identity = body["auth"]["identity"]
        if identity["methods"] == ["application_credential"]:
            given = identity["application_credential"]
            right = (given.get("id"), given.get("secret")) == ("app-id", SECRET)
        else:
            user, project = identity["password"]["user"], body["auth"]["scope"]["project"]
            right = (user["name"], user["password"], user["domain"]["name"]) == ("hpc", PASSWORD, "Default")
            right = right and (project["name"], project["domain"]["name"]) == ("cluster", "Default")
        if not right:
            raise Refused(401, "The request you have made requires authentication.")
        token = uuid.uuid4().hex
        self.tokens.add(token)
        until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
        services = {"compute": "/compute/v2.1", "image": "/image", "network": "/network"}
        catalog = [
            {"type": kind, "name": kind, "id": kind, "endpoints": [
                {"id": kind, "interface": "public", "region": REGION, "region_id": REGION, "url": self.url + path}]}
            for kind, path in services.items()
        ]
        return 201, {"token": {
            "methods": identity["methods"], "expires_at": until.strftime("%Y-%m-%dT%H:%M:%S.000000Z"), "issued_at": "2026-01-01T00:00:00.000000Z",
            "user": {"id": "u", "name": "hpc", "domain": {"id": "default", "name": "Default"}}, "catalog": catalog, "audit_ids": ["a"],
            "project": {"id": _PROJECT, "name": "cluster", "domain": {"id": "default", "name": "Default"}}, "roles": [{"id": "m", "name": "member"}],
        }}, {"X-Subject-Token": token}

    def _version(self) -> Any:
        newest = f"{self.cloud.newest:.2f}"
        return {"version": {"id": "v2.1", "status": "CURRENT", "version": newest, "min_version": "2.1", "updated": "2013-07-23T11:33:21Z",
                            "links": [{"rel": "self", "href": f"{self.url}/compute/v2.1/"}], "media-types": []}}

    # -- Nova -------------------------------------------------------------------------------------------------------

    def list_servers(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        page, more = self.cloud.page(query)
        links = [{"rel": "next", "href": f"{self.url}/compute/v2.1/servers/detail?marker={page[-1].id}"}] if more else []
        return 200, {"servers": [self._show(one, version) for one in page], **({"servers_links": links} if links else {})}

    def create_server(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer | None:
        self.bodies.append(body)
        made = self.cloud.create(body, version)
        if made is None:
            return None
        return 202, {"server": {"id": made.id, "links": [], "adminPass": "n0t-used", "OS-DCF:diskConfig": "MANUAL", "security_groups": []}}

    def show_server(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        return 200, {"server": self._show(self.cloud.find(match[1]), version)}

    def delete_server(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        self.cloud.delete(match[1])
        return 204, None

    def act_on_server(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        server = self.cloud.find(match[1])
        if "os-getConsoleOutput" in body:
            return 200, {"output": f"console of {server.name}\n"}
        assert "forceDelete" in body
        self.cloud.delete(match[1], force=True)
        return 202, None

    def set_metadata(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        server = self.cloud.find(match[1])
        server.metadata.update(body["metadata"])
        return 200, {"metadata": server.metadata}

    def add_tag(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        server = self.cloud.find(match[1])
        server.tags = tuple(dict.fromkeys((*server.tags, unquote(match[2]))))
        return 201, None

    def list_flavors(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        flavors = [self._show_flavor(id_, version) for id_ in sorted(self.cloud.flavors)]
        after = [one for one in flavors if one["id"] > query.get("marker", "")]
        return 200, {"flavors": after[: self.cloud.max_limit]}

    def show_flavor(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        if match[1] not in self.cloud.flavors:
            raise Refused(404, f"Flavor {match[1]} could not be found.")
        return 200, {"flavor": self._show_flavor(match[1], version)}

    def show_specs(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        return 200, {"extra_specs": self.cloud.flavors[match[1]]["extra_specs"]}

    def show_limits(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        if self.cloud.hides_limits:
            raise Refused(403, "Policy doesn't allow os_compute_api:limits to be performed.")
        quota = self.cloud.quota
        most = {"maxTotalInstances": quota["instances"], "maxTotalCores": quota["cores"], "maxTotalRAMSize": quota["ram"]}
        return 200, {"limits": {"rate": [], "absolute": {**most, **self.cloud.used()}}}

    def show_key(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        if match[1] != "ops":
            raise Refused(404, f"Keypair {match[1]} not found for user u")
        return 200, {"keypair": {"name": "ops"}}

    def list_zones(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        return 200, {"availabilityZoneInfo": [{"zoneName": "zone-a", "zoneState": {"available": True}, "hosts": None}]}

    def list_groups(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        return 200, {"server_groups": [{"id": GROUP, "name": GROUP_NAME, "policy": "soft-anti-affinity", "members": []}]}

    # -- Glance and Neutron -----------------------------------------------------------------------------------------

    def list_images(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        wanted = query.get("name")
        return 200, {"images": [self._image()] if wanted in (None, IMAGE_NAME) else []}

    def show_image(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        if match[1] != IMAGE:
            raise Refused(404, f"No image found with ID {match[1]}")
        return 200, self._image()

    def _image(self) -> dict[str, Any]:
        return {"id": IMAGE, "name": IMAGE_NAME, "status": "active", "min_ram": 0, "created_at": "2026-01-01T00:00:00Z", "visibility": "public"}

    def list_networks(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        return 200, {"networks": _matching([{"id": NETWORK, "name": NETWORK_NAME, "admin_state_up": True}], query)}

    def list_security_groups(self, match: re.Match[str], query: dict[str, str], body: Any, version: float) -> Answer:
        return 200, {"security_groups": _matching([{"id": SECURITY_GROUP, "name": "workers"}], query)}

    # -- documents --------------------------------------------------------------------------------------------------

    def _show(self, server: Server, version: float) -> dict[str, Any]:
        created = datetime.datetime.fromtimestamp(server.created, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if server.in_down_cell and version >= 2.69:
            return {"id": server.id, "status": "UNKNOWN", "tenant_id": _PROJECT, "created": created, "links": []}
        flavor = self.cloud.flavors[server.flavor]
        addresses = {NETWORK_NAME: [{"addr": server.address, "version": 4, "OS-EXT-IPS:type": "fixed"}]} if server.address else {}
        document = {
            "id": server.id, "name": server.name, "status": server.status, "tenant_id": _PROJECT, "user_id": "u", "metadata": dict(server.metadata),
            "created": created, "updated": created, "addresses": addresses, "key_name": server.request.get("key_name"), "hostId": "",
            "OS-EXT-STS:task_state": server.task, "OS-EXT-STS:vm_state": server.status.lower(), "OS-EXT-STS:power_state": 1, "accessIPv4": "",
            "OS-EXT-AZ:availability_zone": "zone-a", "image": {"id": IMAGE}, "security_groups": [{"name": "default"}], "config_drive": "",
            "flavor": {"id": server.flavor},
        }
        if version >= 2.47:
            document["flavor"] = {"original_name": flavor["name"], "disk": 20, "ephemeral": 0, "swap": 0,
                                  **{key: flavor[key] for key in ("vcpus", "ram", "extra_specs")}}
        if version >= 2.9:
            document["locked"] = server.locked
        if version >= 2.26:
            document["tags"] = list(server.tags)
        if version >= 2.90:
            document["OS-EXT-SRV-ATTR:hostname"] = server.name
        if server.fault:
            document["fault"] = {"code": 500, "created": created, "message": server.fault}
        return document

    def _show_flavor(self, flavor_id: str, version: float) -> dict[str, Any]:
        flavor = self.cloud.flavors[flavor_id]
        specs = {"extra_specs": flavor["extra_specs"]} if version >= 2.61 else {}
        return {"id": flavor_id, "name": flavor["name"], "vcpus": flavor["vcpus"], "ram": flavor["ram"], "disk": 20, **specs}


def _matching(items: list[dict[str, Any]], query: Mapping[str, str]) -> list[dict[str, Any]]:
    return [one for one in items if all(one.get(key) == value for key, value in query.items())]


_SERVER = "/compute/v2.1/servers/([A-Za-z0-9-]+)"
_ROUTES: dict[str, Callable[..., Answer | None]] = {
    "GET /compute/v2.1/servers(?:/detail)?": FakeOpenStack.list_servers,
    "POST /compute/v2.1/(?:servers|os-volumes_boot)": FakeOpenStack.create_server,
    f"GET {_SERVER}": FakeOpenStack.show_server,
    f"DELETE {_SERVER}": FakeOpenStack.delete_server,
    f"POST {_SERVER}/action": FakeOpenStack.act_on_server,
    f"POST {_SERVER}/metadata": FakeOpenStack.set_metadata,
    f"PUT {_SERVER}/tags/([^/]+)": FakeOpenStack.add_tag,
    "GET /compute/v2.1/flavors/detail": FakeOpenStack.list_flavors,
    "GET /compute/v2.1/flavors/([^/]+)": FakeOpenStack.show_flavor,
    "GET /compute/v2.1/flavors/([^/]+)/os-extra_specs": FakeOpenStack.show_specs,
    "GET /compute/v2.1/limits": FakeOpenStack.show_limits,
    "GET /compute/v2.1/os-keypairs/([^/]+)": FakeOpenStack.show_key,
    "GET /compute/v2.1/os-availability-zone": FakeOpenStack.list_zones,
    "GET /compute/v2.1/os-server-groups": FakeOpenStack.list_groups,
    "GET /image/v2/images": FakeOpenStack.list_images,
    "GET /image/v2/images/([^/]+)": FakeOpenStack.show_image,
    "GET /network/v2.0/networks": FakeOpenStack.list_networks,
    "GET /network/v2.0/security-groups": FakeOpenStack.list_security_groups,
}
_WORDS = {400: "badRequest", 401: "unauthorized", 403: "forbidden", 404: "itemNotFound", 409: "conflictingRequest", 413: "overLimit", 429: "overLimit"}


def _error(refused: Refused) -> Any:
    return {_WORDS.get(refused.status, "computeFault"): {"code": refused.status, "message": refused.message}}


def _handler(openstack: FakeOpenStack) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # an answer in one packet: in two, each one would wait for an acknowledgement

        def _serve(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            found = None if openstack.stopped else openstack.answer(self.command, self.path, self.headers, body)
            if found is None:
                self.close_connection = True
                self.connection.close()
                return
            status, document, headers = found
            text = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            for key, value in {"Content-Type": "application/json", "Content-Length": str(len(text)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_DELETE = do_PUT = _serve

        def log_message(self, *_: object) -> None:
            return

        def finish(self) -> None:
            try:
                super().finish()
            except (OSError, ValueError):  # hung up on purpose
                return

    return Handler


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition; fail when it does not come."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.02)
