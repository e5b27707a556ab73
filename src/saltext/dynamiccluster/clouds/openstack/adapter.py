"""One resource on OpenStack: the Cloud port over Nova's servers."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from keystoneauth1.session import Session

from ...errors import CloudError, Refusal
from ...model import Instance, InstanceState, LaunchOrder, Shape
from ...ports import Finding
from ...settings.openstack import OpenStackSettings
from ..ownership import is_owned, launch_tags, other_owner, owner_tags
from . import checking
from .api import Api, NovaError, Timeouts
from .intents import Intents
from .listing import Raw, all_servers, named_servers
from .names import Names
from .reading import is_partial, metadata_of, to_instance
from .request import launch_request, tags_for
from .room import Room

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
# Of several servers of one order the one that is furthest is kept.
_BEST = (InstanceState.ACTIVE, InstanceState.STARTING, InstanceState.UNKNOWN, InstanceState.ERROR, InstanceState.DELETING)


class OpenStack:
    """Servers of one resource. Implements `ports.Cloud`; blocks; safe to use from several threads.

    `page`: rows in one answer of a listing, None: as many as the cloud gives.
    """

    def __init__(
        self,
        name: str,
        cluster: str,
        settings: OpenStackSettings,
        *,
        session: Session | None = None,
        timeouts: Timeouts = Timeouts(),
        page: int | None = None,
    ):
        """Take the settings. Calls nothing."""
        self.name = name
        self.cluster = cluster
        self.settings = settings
        self.timeouts = timeouts
        self.api = Api(name, settings, timeouts, session)
        self.names = Names(self.api, settings)
        self.room = Room(self.api)
        self._page = page
        self._intents = Intents(timeouts.settle)
        self._seen: dict[str, Instance | None] = {}  # every server of the last listing; None: not ours
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} of cluster {self.cluster}>"

    def shape(self) -> Shape:
        """Return what the resource's flavor has."""
        return self.names.flavor().shape

    def list(self) -> tuple[Instance, ...]:
        """Return all servers with this resource's owner metadata. Raises CloudError rather than leave one out."""
        found = self._all()
        with self._lock:
            seen = {id_: self._recognise(raw) for id_, raw in found.items()}
            self._seen = seen
        return tuple(instance for instance in seen.values() if instance is not None)

    def get(self, instance_id: str) -> Instance | None:
        """Return one server, with or without our metadata; None when Nova does not know it."""
        raw = self._describe(instance_id)
        if raw is not None and is_partial(raw):
            return self._unread(raw) or Instance(raw["id"], "", "", InstanceState.UNKNOWN, detail="its cell does not answer")
        return None if raw is None else self._read(raw)

    def launch(self, order: LaunchOrder) -> Instance:
        """Launch one server, or return the order's. After a lost answer the server is looked for; see `Timeouts.settle`."""
        with self._intents.only(order):
            found = self._launched_before(order)
            if found is not None:
                return found
            left = self._intents.left(order)
            if left > 0:
                why = f"its answer was lost; its server is looked for {left:.0f} s more before the cloud is asked again"
                text = f"resource {self.name}: could not launch {order.name}: {why}"
                raise CloudError(text, Refusal.UNREACHABLE, certain=False, alone=True)
            return self._create(order)

    def destroy(self, instance_id: str) -> None:
        """Delete the server. One that is gone already is a success."""
        if not _ID.fullmatch(instance_id):
            return  # no server has such an id
        try:
            self.api.change(f"end {instance_id}", lambda client: client.servers.delete(instance_id))
        except NovaError as error:
            if error.status != 404:
                self._delete_otherwise(instance_id, error)

    def adopt(self, instance_id: str, tags: Mapping[str, str]) -> Instance:
        """Put our owner metadata, and `tags`, on a living server that nobody else of us owns."""
        doing = f"adopt {instance_id}"
        raw = self._describe(instance_id)
        if raw is None or raw.get("status") == "DELETED":
            raise self.api.refused(doing, "the cloud has no such server")
        if is_partial(raw):
            raise self.api.refused(doing, "its cell does not answer", kind=Refusal.UNREACHABLE)
        owner = other_owner(metadata_of(raw), self.cluster, self.name)
        if owner:
            raise self.api.refused(doing, f"it belongs to {owner} already")
        wanted = {**tags, **owner_tags(self.cluster, self.name)}
        self.api.change(doing, lambda client: client.servers.set_meta(instance_id, wanted))
        for tag in self._tags():
            self.api.change(doing, lambda client, tag=tag: client.servers.add_tag(instance_id, tag))
        return self._read({**raw, "metadata": {**metadata_of(raw), **wanted}})

    def check(self) -> tuple[Finding, ...]:
        """Check the credentials, that what the settings name exists, and the quota. Changes nothing, launches nothing."""
        return checking.check(self)

    def console(self, instance_id: str, lines: int = 200) -> str:
        """Return the last lines that the server wrote on its console, for whoever wants to know why it does not come up."""
        doing = f"read the console of {instance_id}"
        if not _ID.fullmatch(instance_id):
            raise self.api.refused(doing, "no server has such an id")
        return str(self.api.read(doing, lambda client: client.servers.get_console_output(instance_id, lines)) or "")

    # -- launching ----------------------------------------------------------------------------------------------

    def _launched_before(self, order: LaunchOrder) -> Instance | None:
        """Return the order's server, None when none shows. Further ones of the same order are ended: nothing runs on them yet."""
        known = self._intents.server(order)
        if known:
            return self.get(known) or self._fresh(order, known, InstanceState.INEXISTENT)
        found = self._of_order(order, self._candidates(order))
        if not found:
            return None
        kept, *others = sorted(found, key=_preference)
        for other in others:
            self.destroy(other.id)
        self._intents.made(order, kept.id)
        return kept

    def _candidates(self, order: LaunchOrder) -> Iterable[Raw]:
        """Return servers among which the order's must be. One that any cloud was called for before may have been renamed since."""
        if order.tried_at:
            return self._all().values()
        return named_servers(self.api, order.name)

    def _of_order(self, order: LaunchOrder, servers: Iterable[Raw]) -> Sequence[Instance]:
        found = []
        for raw in servers:
            instance = self._recognise(raw)
            if instance is not None and instance.intent == order.intent and instance.state in _BEST:
                found.append(instance)
        return found

    def _create(self, order: LaunchOrder) -> Instance:
        ids, version = self.names.ids(), self.api.version()
        request = launch_request(self.cluster, self.name, self.settings, order, ids, version)
        with self.room.taken_for(self.shape()):
            self._intents.ask(order)
            try:
                server = self.api.change(f"launch {order.name}", lambda client: client.servers.create(**request))
            except CloudError as error:
                self._note_refusal(order, error)
                raise
        self._intents.made(order, server.id)
        return self._fresh(order, server.id, InstanceState.STARTING)

    def _note_refusal(self, order: LaunchOrder, error: CloudError) -> None:
        if error.certain:
            self._intents.refused(order)
        if error.kind is Refusal.BAD_REQUEST:
            self.names.forget()

    def _fresh(self, order: LaunchOrder, id_: str, state: InstanceState) -> Instance:
        """Return a server of which only the order is known."""
        raw = {"id": id_, "name": order.name, "metadata": launch_tags(self.cluster, self.name, order)}
        detail = "taken by the cloud" if state is InstanceState.STARTING else "the cloud no longer has it"
        return replace(to_instance(raw, lambda _flavor: None), state=state, detail=detail)

    # -- inside -------------------------------------------------------------------------------------------------

    def _all(self) -> dict[str, Raw]:
        return all_servers(self.api, self.timeouts.listing, (self._tags() or [""])[-1], self._page)

    def _tags(self) -> Sequence[str]:
        return tags_for(self.cluster, self.name, self.api.version())

    def _describe(self, instance_id: str) -> Raw | None:
        if not _ID.fullmatch(instance_id):
            return None
        try:
            return self.api.read(f"look up {instance_id}", lambda client: client.servers.get(instance_id).to_dict())
        except NovaError as error:
            if error.status == 404:
                return None
            raise

    def _delete_otherwise(self, instance_id: str, error: NovaError) -> None:
        """Deal with Nova's refusal to delete: one kept for a while after its end is ended for good, a lock is told."""
        text = str(error).lower()
        if error.status == 409 and "soft-delete" in text:
            self.api.change(f"end {instance_id}", lambda client: client.servers.force_delete(instance_id))
            return
        if error.status == 409 and "lock" in text:
            why = f"somebody locked it; `openstack server unlock {instance_id}` lets it end"
            raise self.api.refused(f"end {instance_id}", why, kind=Refusal.FAILED)
        raise error

    def _recognise(self, raw: Raw) -> Instance | None:
        """Return the server if it is ours. Raises CloudError when the cloud cannot say whose it is, and never said before."""
        if is_partial(raw):
            return self._unread(raw)
        return self._read(raw) if is_owned(metadata_of(raw), self.cluster, self.name) else None

    def _unread(self, raw: Raw) -> Instance | None:
        """Return a server that the cloud cannot read now as it was last seen, its state unknown."""
        if raw["id"] not in self._seen:
            why = f"a part of the cloud does not answer, and whose server {raw['id']} is was not known before"
            raise self.api.refused("list the servers", why, kind=Refusal.UNREACHABLE)
        last = self._seen[raw["id"]]
        return last and replace(last, state=InstanceState.UNKNOWN, detail="its cell does not answer", stopped=False, refusal="")

    def _read(self, raw: Raw) -> Instance:
        return to_instance(raw, self._shape_of, self.settings.gpu_resources, self.settings.networks)

    def _shape_of(self, flavor_id: str) -> Shape | None:
        """Return a flavor's shape for clouds that do not say it with the server; only our own flavor is known."""
        try:
            flavor = self.names.flavor()
        except CloudError:
            return None
        return flavor.shape if flavor.id == flavor_id else None


def _preference(instance: Instance) -> tuple[Any, ...]:
    return (_BEST.index(instance.state), instance.created, instance.id)
