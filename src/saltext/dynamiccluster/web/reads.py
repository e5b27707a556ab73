"""Calls that read: from the prepared snapshot, from the engine's queries, or from what the server itself keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from prometheus_client import CONTENT_TYPE_LATEST
from tornado.iostream import StreamClosedError

from ..model import JobState
from .desk import JOB, METRICS, PLAN
from .encoding import Encoded, dumps, encode, join, make_etag, pack
from .handler import Handler, Refused
from .metrics import render
from .openapi import make_openapi
from .prepared import Prepared

_STALE = 60.0
_KEEP = 15.0
_SLOW = 30.0


class Reader(Handler):
    """Serves what `Call.does` names."""

    async def serve(self, *names: str) -> None:
        if self.identity is not None and self.call.right and self.call.does != "events":
            await self.context.catch_up(self.identity.user)
        await getattr(self, f"_read_{self.call.does}")(*names)

    @property
    def prepared(self) -> Prepared:
        if self.context.prepared is None:
            raise Refused(503, "the engine has just started and has seen nothing yet; try again in a few seconds")
        return self.context.prepared

    # -- lists ------------------------------------------------------------------------------------------------------------

    async def _read_nodes(self) -> None:
        prepared, wanted = self.prepared, (self.values["state"], self.values["resource"])
        await self._send_rows(*prepared.choose(("nodes", *wanted), lambda: prepared.select_nodes(*wanted)))

    async def _read_jobs(self) -> None:
        prepared, wanted = self.prepared, (self.values["state"], self.values["owner"])
        await self._send_rows(*prepared.choose(("jobs", *wanted), lambda: prepared.select_jobs(*wanted)))

    async def _read_orphans(self) -> None:
        await self._send_rows(*self.prepared.choose("orphans", lambda: self.prepared.orphans))

    async def _send_rows(self, found: list[Encoded], etag: str) -> None:
        rows, prepared = self._page(found), self.prepared
        if len(rows) != len(found):
            etag = make_etag([str(len(found)).encode(), *(row.digest for row in rows)])
        if self.knows(etag, prepared.at):
            return
        key = (self.call.path, tuple(sorted(self.values.items())))
        self.send_body(await prepared.body(key, lambda: join(rows)), etag, prepared.at)

    def _page(self, found: list[Any]) -> list[Any]:
        """Return the page that is asked for; tell how many there are, and where the next one is."""
        limit, offset = self.values["limit"], self.values["offset"]
        self.set_header("X-Total-Count", str(len(found)))
        if offset + limit < len(found):
            known = {name: value for name, value in self.values.items() if value not in ("", None, True)}
            query = urlencode({**known, "offset": offset + limit})
            self.set_header("Link", f'<{self.call.path}?{query}>; rel="next"')
        return found[offset : offset + limit]

    async def _read_resources(self) -> None:
        prepared, with_nodes = self.prepared, self.values["nodes"]
        names = self._page(list(prepared.resources))
        digests = [digest for name in names for digest in prepared.resource_digests(name, with_nodes)]
        etag = make_etag([str(len(prepared.resources)).encode(), *digests])
        if self.knows(etag, prepared.at):
            return
        key = (self.call.path, tuple(sorted(self.values.items())))
        body = await prepared.body(key, lambda: b"[" + b",".join(prepared.resource_body(name, with_nodes) for name in names) + b"]")
        self.send_body(body, etag, prepared.at)

    # -- one ----------------------------------------------------------------------------------------------------------------

    async def _read_node(self, host: str) -> None:
        row = self.prepared.node(host)
        if row is None:
            raise Refused(404, f"there is no worker node {host!r}")
        self._send_row(row)

    async def _read_job(self, job: str) -> None:
        row = self.prepared.jobs.get(job)
        if row is None:
            found = (await self._ask(JOB, job=job))["data"]
            if found is None or found["state"] == JobState.COMPLETED.value:
                raise Refused(404, f"there is no job {job!r}")
            row = encode(found, ("waiting_for",))
        self._send_row(row)

    async def _read_resource(self, resource: str) -> None:
        prepared, with_nodes = self.prepared, self.values["nodes"]
        if resource not in prepared.resources:
            raise Refused(404, f"there is no resource {resource!r}; there are {', '.join(prepared.resources) or 'none at all'}")
        etag = make_etag(prepared.resource_digests(resource, with_nodes))
        if self.knows(etag, prepared.at):
            return
        key = (self.call.path, resource, with_nodes)
        self.send_body(await prepared.body(key, lambda: prepared.resource_body(resource, with_nodes)), etag, prepared.at)

    def _send_row(self, row: Encoded) -> None:
        self.send_body(pack(row.body), make_etag([row.digest]), self.prepared.at)

    async def _read_status(self) -> None:
        self._send_row(self.prepared.status)

    async def _read_server(self) -> None:
        self._send_row(self.prepared.server)

    async def _read_config(self) -> None:
        if not self.prepared.config.data:
            raise Refused(503, "the settings are not usable; /status tells their faults")
        self._send_row(self.prepared.config)

    # -- asked of the engine -------------------------------------------------------------------------------------------------

    async def _ask(self, name: str, **arguments: Any) -> Mapping[str, Any]:
        reply = await self.context.ask(name, arguments)
        if not reply.get("ok"):
            status = 404 if reply.get("kind") == "unknown" else 503
            raise Refused(status, str(reply.get("message") or f"the engine refused {name}"))
        return reply

    async def _read_plan(self) -> None:
        body = (await self._ask(PLAN))["data"]
        packed = await asyncio.get_running_loop().run_in_executor(self.context.executor, pack, body)
        self.send_body(packed, make_etag([body]), self.context.clock())

    async def _read_explain_job(self, job: str) -> None:
        await self._explain(job, "jobid")

    async def _read_explain_node(self, host: str) -> None:
        await self._explain(host, "hostname")

    async def _explain(self, subject: str, key: str) -> None:
        reply = await self._ask("explain", subject=subject)
        if key not in reply["data"]:
            raise Refused(404, f"there is no {'job' if key == 'jobid' else 'worker node'} {subject!r}")
        self._send_changing({"subject": subject, "explanation": reply["message"]})

    async def _read_history(self) -> None:
        wanted = self.values
        arguments = {name: wanted[name] for name in ("node", "resource") if wanted[name]}
        entries = (await self._ask("history", limit=1000, **arguments))["data"]
        self._send_changing(self._page([entry for entry in entries if not wanted["kind"] or entry["kind"] == wanted["kind"]]))

    def _send_changing(self, value: Any) -> None:
        body = dumps(value)
        self.send_body(pack(body), make_etag([body]), self.context.clock())

    # -- the server's own ---------------------------------------------------------------------------------------------------

    async def _read_series(self) -> None:
        wanted, now = self.values, self.context.clock()
        until = wanted["to"] if wanted["to"] is not None else now
        since = wanted["from"] if wanted["from"] is not None else until - 3600
        if wanted["resource"] and wanted["resource"] not in self.prepared.resources:
            raise Refused(404, f"there is no resource {wanted['resource']!r}")
        work = partial(self.context.series.read, since, until, wanted["resource"], wanted["points"])
        self._send_changing(await asyncio.get_running_loop().run_in_executor(self.context.executor, work))

    async def _read_metrics(self) -> None:
        self.context.traffic.listen(self.context.hub.listeners)
        of_the_engine = (await self.context.obey({"name": METRICS, "arguments": {}}))["data"]
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(of_the_engine + render(self.context.traffic.registry))

    async def _read_healthz(self) -> None:
        prepared = self.context.prepared
        age = round(max(self.context.clock() - prepared.at, 0.0), 1) if prepared is not None else None
        standby = prepared.document["engine"]["standby"] if prepared else {"role": "", "acting": ""}
        good = "standing by" if standby["role"] == "standing by" else "ok"
        status = "starting" if prepared is None else "unusable" if _is_unusable(prepared) else good if (age or 0.0) < _STALE else "stale"
        self.set_status(200 if status == good else 503)
        self.send({"status": status, "age": age, "acting": standby["acting"]})

    async def _read_openapi(self) -> None:
        self._send_changing(make_openapi(self.context.cookie, self.context.authority.kinds()))

    async def _read_events(self) -> None:
        hub = self.context.hub
        if hub.full:
            raise Refused(503, "too many listen already")
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")
        last_id = self.request.headers.get("Last-Event-ID", "") or self.values["last_event_id"]
        listener = hub.listen(last_id[:100])
        try:
            await self._pour(listener.next)
        except (StreamClosedError, TimeoutError):
            self.request.connection.stream.close()  # type: ignore[union-attr]
        finally:
            hub.leave(listener)

    async def _pour(self, next_chunk: Any) -> None:
        """Send what comes until the client goes, is too slow, or may no longer listen."""
        self.write(b": welcome\nretry: 2000\n\n")
        await self.flush()
        while chunk := await next_chunk(_KEEP):
            if not await self._may_still_listen():
                return
            self.write(chunk)
            await asyncio.wait_for(self.flush(), _SLOW)

    async def _may_still_listen(self) -> bool:
        if self.context.settings.anonymous_read:
            return True
        await self._find_identity()
        return self.identity is not None and self.call.right in self.identity.rights


def _is_unusable(prepared: Prepared) -> bool:
    """Tell whether nothing is done because the pillar cannot be used."""
    engine = prepared.document["engine"]
    return bool(engine["stopped"] and engine["config_error"])
