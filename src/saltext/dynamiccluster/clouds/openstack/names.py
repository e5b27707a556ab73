"""What the settings name (flavor, image, networks, server group), by name or id, as the cloud knows it now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from ...model import Shape
from ...settings.openstack import OpenStackSettings
from .api import Api, NovaError
from .reading import to_shape
from .request import Ids

_T = TypeVar("_T")
_KEPT = 600.0  # seconds; an operator may make a flavor or an image of the same name anew
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Flavor:
    """A flavor as the cloud has it."""

    id: str
    name: str
    shape: Shape


class Names:
    """The ids behind the names of one resource's settings, kept for a while. Safe to use from several threads."""

    def __init__(self, api: Api, settings: OpenStackSettings, clock: Callable[[], float] = time.monotonic):
        self._api, self._settings, self._clock = api, settings, clock
        self._kept: dict[str, tuple[float, Any]] = {}
        self._looking: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def ids(self) -> Ids:
        """Return all ids that a launch needs. Raises CloudError that names the setting whose thing is not there."""
        group = self.server_group() if self._settings.server_group else ""
        return Ids(self.flavor().id, self.image(), self.networks(), group)

    def flavor(self) -> Flavor:
        """Return the resource's flavor."""
        return self._keep("flavor", self._find_flavor)

    def image(self) -> str:
        """Return the image's id."""
        if self._settings.image_uuid:
            return self._settings.image_uuid
        return self._keep("image", lambda: str(self.find_image()["id"]))

    def networks(self) -> tuple[str, ...]:
        """Return the networks' ids, in the order of the settings."""
        return self._keep("networks", lambda: tuple(str(self.find_network(name)["id"]) for name in self._settings.networks))

    def server_group(self) -> str:
        """Return the server group's id."""
        return self._keep("server_group", lambda: str(self.find_group()["id"]))

    def forget(self) -> None:
        """Look everything up anew the next time: the cloud did not know an id that it gave before."""
        self._kept.clear()

    # -- look-ups ---------------------------------------------------------------------------------------------------

    def flavors(self) -> list[Flavor]:
        """Return all flavors that the project may use."""
        return [self._to_flavor(raw) for raw in self._raw_flavors()]

    def find_image(self) -> Mapping[str, Any]:
        """Return Glance's document of the image. Raises CloudError unless there is exactly one usable."""
        doing, wanted = "look up the image", str(self._settings.image_uuid or self._settings.image)
        found = self._image_by_id(wanted, doing)
        if found is None and self._settings.image is not None:
            named = self._api.fetch("image", f"/v2/images?name={quote(wanted, safe='')}", doing).get("images") or ()
            found = self._only_one([one for one in named if one.get("status") == "active"], doing, wanted, "image_uuid")
        if found is None:
            raise self._api.refused(doing, f"the cloud shows no image {wanted!r}", "image_uuid")
        if found.get("status") != "active":
            raise self._api.refused(doing, f"the image is {found.get('status')}, not active", "image_uuid")
        return found

    def find_network(self, wanted: str) -> Mapping[str, Any]:
        """Return Neutron's document of a network."""
        doing = f"look up the network {wanted}"
        for key in ("id", "name"):
            found = self._api.fetch("network", f"/v2.0/networks?{key}={quote(wanted, safe='')}", doing).get("networks") or ()
            if found:
                return self._only_one(list(found), doing, wanted, "networks")
        raise self._api.refused(doing, f"the cloud shows no network {wanted!r}", "networks")

    def find_group(self) -> Mapping[str, Any]:
        """Return Nova's document of the server group."""
        doing, wanted = "look up the server group", str(self._settings.server_group)
        groups = self._api.read(doing, lambda client: [one.to_dict() for one in client.server_groups.list()])
        found = [one for one in groups if one["id"] == wanted] or [one for one in groups if one.get("name") == wanted]
        if not found:
            raise self._api.refused(doing, f"the project has no server group {wanted!r}", "server_group")
        return self._only_one(found, doing, wanted, "server_group")

    # -- inside -----------------------------------------------------------------------------------------------------

    def _keep(self, key: str, look: Callable[[], _T]) -> _T:
        with self._lock:
            looking = self._looking.setdefault(key, threading.Lock())
        with looking:  # launches side by side wait for the first one's answer instead of asking the same
            kept = self._kept.get(key)
            if kept is not None and self._clock() - kept[0] < _KEPT:
                return kept[1]  # type: ignore[no-any-return]
            found = look()
            self._kept[key] = (self._clock(), found)
            return found

    def _only_one(self, found: list[Any], doing: str, wanted: str, key: str) -> Any:
        if len(found) > 1:
            raise self._api.refused(doing, f"the cloud has {len(found)} named {wanted!r}; give the id of one", key)
        return found[0] if found else None

    def _image_by_id(self, wanted: str, doing: str) -> Mapping[str, Any] | None:
        try:
            return self._api.fetch("image", f"/v2/images/{quote(wanted, safe='')}", doing)
        except NovaError as error:
            if error.status in (400, 404):
                return None
            raise

    def _find_flavor(self) -> Flavor:
        wanted = self._settings.flavor
        found = list(self._raw_flavors())
        for key in ("id", "name"):
            for raw in found:
                if raw.get(key) == wanted:
                    return self._to_flavor(raw)
        raise self._api.refused("look up the flavor", f"the cloud shows no flavor {wanted!r}", "flavor")

    def _raw_flavors(self) -> Iterator[Mapping[str, Any]]:
        """Yield all flavors, page by page: a cloud may give fewer at once than were asked for."""
        seen: set[str] = set()
        marker = None
        while True:
            page = self._flavor_page(marker)
            fresh = [raw for raw in page if raw["id"] not in seen]
            if not fresh:
                return
            yield from fresh
            seen.update(raw["id"] for raw in fresh)
            marker = page[-1]["id"]

    def _flavor_page(self, marker: str | None) -> list[Mapping[str, Any]]:
        return self._api.read(
            "list the flavors", lambda client: [one.to_dict() for one in client.flavors.list(marker=marker, limit=_PAGE)]
        )

    def _to_flavor(self, raw: Mapping[str, Any]) -> Flavor:
        if "extra_specs" not in raw:
            raw = {**raw, "extra_specs": self._extra_specs(str(raw["id"]))}
        return Flavor(str(raw["id"]), str(raw.get("name") or ""), to_shape(raw, self._settings.gpu_resources))

    def _extra_specs(self, flavor_id: str) -> Mapping[str, str]:
        """Return what the flavor asks for besides; nothing where the project may not see it."""
        try:
            return self._api.read("read the flavor's extra specs", lambda client: client.flavors.get(flavor_id).get_keys())
        except NovaError as error:
            if error.status in (403, 404):
                return {}
            raise
