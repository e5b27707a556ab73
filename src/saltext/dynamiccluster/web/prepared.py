"""One snapshot for all readers: made once for each decision, in a thread; requests only look things up and send bytes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from ..model import NodeState
from . import rows
from .encoding import Body, Encoded, dumps, encode, join, make_etag, pack

_NODE_AGES = ("time_in_current_state",)
_JOB_AGES = ("waiting_for",)
_RESOURCE_AGES = ("read_age",)
_MOST_BODIES = 32
_STATES = {str(int(state)): int(state) for state in NodeState} | {state.name.lower(): int(state) for state in NodeState}

Table = dict[str, Encoded]


class Prepared:
    """A snapshot's rows, encoded. Immutable but for the bodies that were asked for, which are kept for the next who asks."""

    def __init__(self, document: Mapping[str, Any], config: Mapping[str, Any], before: Prepared | None = None):
        self.at: float = document["engine"]["alive_at"]
        self.planned_at: float = document["plan"]["at"]
        self.document = {key: value for key, value in document.items() if not isinstance(value, list)}  # without its rows
        self.config = encode(config)
        self.server = encode(rows.server_row(document))
        self.nodes: Table = _encode_all(map(rows.node_row, document["nodes"]), "hostname", _NODE_AGES, before.nodes if before else {})
        self.jobs: Table = _encode_all(document["jobs"], "jobid", _JOB_AGES, before.jobs if before else {})
        launches = document["plan"]["launches"]
        self.brief = [rows.resource_row(item, launches) for item in document["resources"]]
        with_config = ({**row, "config": config.get("cloud", {}).get(row["name"], {}).get("config", {})} for row in self.brief)
        self.resources: Table = _encode_all(with_config, "name", _RESOURCE_AGES, before.resources if before else {})
        self.status = _encode_status(document, self.brief, before)
        self.orphans = [encode(row) for row in document["orphans"]]
        self.by_name = {row.data["name"]: hostname for hostname, row in self.nodes.items()}
        self.by_resource: dict[str, list[Encoded]] = {}
        for row in self.nodes.values():
            self.by_resource.setdefault(row.data["resource"], []).append(row)
        tables = (self.nodes, self.jobs, self.resources)
        self.etag = make_etag([self.status.digest, *(row.digest for part in tables for row in part.values())])
        self._chosen: OrderedDict[Hashable, tuple[list[Encoded], str]] = OrderedDict()
        self._bodies: OrderedDict[Hashable, asyncio.Future[Body]] = OrderedDict()

    # -- looking up ---------------------------------------------------------------------------------------------------

    def node(self, name: str) -> Encoded | None:
        """Return a node by its host name or its instance's name."""
        return self.nodes.get(name) or self.nodes.get(self.by_name.get(name, ""))

    def choose(self, key: Hashable, select: Callable[[], list[Encoded]]) -> tuple[list[Encoded], str]:
        """Return the rows that `select` finds and their ETag, found once for each key."""
        if key not in self._chosen:
            found = select()
            self._chosen[key] = found, make_etag([str(len(found)).encode(), *(row.digest for row in found)])
            while len(self._chosen) > _MOST_BODIES:
                self._chosen.popitem(last=False)
        return self._chosen[key]

    def select_nodes(self, state: str = "", resource: str = "") -> list[Encoded]:
        found: Iterable[Encoded] = self.by_resource.get(resource, ()) if resource else self.nodes.values()
        if state:
            number = _STATES[state.lower()]
            found = (row for row in found if row.data["state"] == number)
        return list(found)

    def select_jobs(self, state: str = "", owner: str = "") -> list[Encoded]:
        wanted = state or "pending"
        found = (row for row in self.jobs.values() if wanted in ("all", row.data["state"]))
        return [row for row in found if not owner or row.data["owner"] == owner]

    def resource_body(self, name: str, with_nodes: bool = True) -> bytes:
        """Return a resource with its nodes as JSON."""
        row = self.resources[name]
        nodes = self.by_resource.get(name, []) if with_nodes else []
        return row.head + b',"worker_nodes":' + join(nodes) + row.moving

    def resource_digests(self, name: str, with_nodes: bool = True) -> list[bytes]:
        """Return the digests of all that is in a resource's body."""
        nodes = self.by_resource.get(name, []) if with_nodes else []
        return [self.resources[name].digest, *(node.digest for node in nodes)]

    # -- bodies ---------------------------------------------------------------------------------------------------------

    async def body(self, key: Hashable, make: Callable[[], bytes]) -> Body:
        """Return the body for this key, made and packed in a thread by whoever asks first."""
        future = self._bodies.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._bodies[key] = loop.run_in_executor(None, lambda: pack(make()))
            while len(self._bodies) > _MOST_BODIES:
                self._bodies.popitem(last=False)
        self._bodies.move_to_end(key)
        return await asyncio.shield(future)


def _encode_all(
    found: Iterable[Mapping[str, Any]], key: str, ages: tuple[str, ...], before: Mapping[str, Encoded]
) -> Table:
    return {row[key]: encode(row, ages, before.get(row[key])) for row in found}


def _encode_status(document: Mapping[str, Any], brief: list[rows.Row], before: Prepared | None) -> Encoded:
    """Return the status; what ages in it lies deeper, so that its digest is of a copy without that."""
    row = rows.status_row(document, brief)
    still = {
        **row,
        "at": 0,
        "engine": {**row["engine"], "alive_at": 0, "in_flight": 0},
        "batch": {**row["batch"], "read_age": 0},
        "resources": [{**item, "read_age": 0} for item in brief],
        "plan": {**row["plan"], "at": 0},
    }
    digest = encode(still, (), before.status if before else None).digest
    return Encoded(still, dumps(row)[:-1], b"}", digest)
