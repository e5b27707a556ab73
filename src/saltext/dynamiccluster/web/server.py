"""The admin server on the engine's loop: it listens as the settings say, tries again when it cannot, and never ends the engine."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from tornado.netutil import bind_sockets

from ..settings.general import AdminServer
from .access import Authority, Doors, Identities, own_names
from .app import make_application
from .context import Context
from .desk import News, Obey
from .draining import DrainingServer
from .hub import Hub
from .prepared import Prepared
from .series import Series, sample
from .sessions import Sessions, Throttle
from .traffic import Traffic

log = logging.getLogger(__name__)

_THREADS = 4
_RETRY = 5.0
_LAST_ANSWERS = 2.0  # seconds for requests under way when the server ends; the engine has 5 s in all
_LONGEST_HEADERS = 16 * 1024
_TRIES = {"user": 5, "address": 20}  # failed log-ins in a minute
_SESSIONS, _SERIES = "sessions.json", "series.sqlite"


class Refusal(Exception):
    """The server must not listen so; the message says what to set."""


class WebServer:
    """One admin server (desk.Server). `take` may be called from any thread, all else on the loop."""

    def __init__(
        self,
        admin: AdminServer,
        obey: Obey,
        authority: Authority,
        directory: Path,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ):
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="dynamiccluster-web")
        self.trouble = ""
        self._server: DrainingServer | None = None
        self._serves: tuple[Any, ...] = ()
        self._names: tuple[str, ...] = ()
        self._loop = asyncio.get_running_loop()
        self.context = Context(
            settings=admin,
            obey=obey,
            authority=authority,
            identities=Identities(authority, self._executor, clock),
            sessions=Sessions(directory / _SESSIONS),
            throttle=Throttle(_TRIES, steady),
            doors=Doors(),
            hub=Hub(clock),
            series=Series(directory / _SERIES, clock),
            traffic=Traffic(),
            executor=self._executor,
            clock=clock,
        )

    # -- what the engine tells --------------------------------------------------------------------------------------------

    def take(self, news: News) -> None:
        """Take another document for readers, prepare it for all requests, and keep its numbers."""
        self.context.settings = news.admin
        before = self.context.prepared
        prepared = Prepared(news.document, news.config, before)
        self.context.prepared = prepared
        if news.waiting is not None:
            self.context.series.add(prepared.at, sample(news.document, news.waiting))
        if before is None or before.etag != prepared.etag:
            self._loop.call_soon_threadsafe(self.context.hub.notify, prepared.at, prepared.etag)

    def hear(self, tag: str, data: Mapping[str, Any]) -> None:
        """Pass an event of our bus on to whoever listens."""
        self.context.hub.add(tag, data)

    def problems(self) -> list[str]:
        return [self.trouble] if self.trouble else []

    # -- listening ----------------------------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`: anew when settings or certificate change, again after a while when it cannot."""
        try:
            while not stop.is_set():
                await self._follow_settings()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _RETRY)
        finally:
            await self._close()
            self.context.series.close()
            self._executor.shutdown(wait=False, cancel_futures=True)

    async def _follow_settings(self) -> None:
        wanted = self.context.settings
        await self._follow_names((*wanted.hosts, wanted.address))
        serves = (wanted.address, wanted.port, wanted.without_tls, wanted.tls_certificate, wanted.tls_key, *_stamps(wanted))
        if serves == self._serves and self._server is not None:
            return
        try:
            # before the old one is closed: half of a new certificate must not end it
            context = await self._check(wanted)
            await self._close()
            self._open(wanted, context)
        except (OSError, Refusal) as error:
            self._tell(_explain(wanted, error, running=self._server is not None))
            return
        self._serves = serves
        self._tell("")

    async def _follow_names(self, names: tuple[str, ...]) -> None:
        if names != self._names:
            own = await self._loop.run_in_executor(self._executor, own_names)
            self.context.doors, self._names = Doors((*own, *names)), names

    async def _check(self, wanted: AdminServer) -> ssl.SSLContext | None:
        """Return how to do TLS, None for not at all. Raises OSError (no such file), or Refusal."""
        context = await self._loop.run_in_executor(self._executor, _make_tls, wanted)
        if context is None and not wanted.without_tls:
            await self._check_loopback(wanted)
        return context

    def _open(self, wanted: AdminServer, context: ssl.SSLContext | None) -> None:
        """Listen. Raises OSError (the port is taken)."""
        self.context.secure = context is not None
        sockets = bind_sockets(wanted.port, address=wanted.address)
        server = DrainingServer(
            make_application(self.context),
            ssl_options=context,
            max_header_size=_LONGEST_HEADERS,
            idle_connection_timeout=75,
            body_timeout=20,
        )
        server.add_sockets(sockets)
        self._server = server
        log.info("the admin server listens on %s://%s:%d", "https" if context else "http", wanted.address, wanted.port)

    async def _check_loopback(self, wanted: AdminServer) -> None:
        found = await self._loop.getaddrinfo(wanted.address, wanted.port, type=socket.SOCK_STREAM)
        if not all(ipaddress.ip_address(item[4][0]).is_loopback for item in found):
            raise Refusal(
                f"{wanted.address} is beyond loopback, where tokens would be readable: give tls_certificate and tls_key, "
                "or say without_tls: True"
            )

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            log.error("%s", trouble)
        self.trouble = trouble

    async def _close(self) -> None:
        """End the server: whoever listens to events is let go, requests under way are answered."""
        server, self._server = self._server, None
        if server is not None:
            self.context.hub.close()
            await server.drain(_LAST_ANSWERS)


def _make_tls(wanted: AdminServer) -> ssl.SSLContext | None:
    if not wanted.tls_certificate or not wanted.tls_key:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(wanted.tls_certificate, wanted.tls_key)
    except ssl.SSLError as error:
        raise Refusal(f"certificate and key cannot be used ({error.reason or error}): tls_certificate, tls_key") from error
    return context


def _stamps(wanted: AdminServer) -> list[int]:
    """Return when the certificate's files were written, so that a renewed one is taken."""
    found = []
    for path in (wanted.tls_certificate, wanted.tls_key):
        with suppress(OSError):
            found += [os.stat(path).st_mtime_ns] if path else []
    return found


def _explain(wanted: AdminServer, error: Exception, *, running: bool) -> str:
    detail = str(error) if isinstance(error, Refusal) else f"cannot listen on {wanted.address}:{wanted.port}: {error}"
    state = "serves as before, not as its settings say" if running else "is not running"
    return f"the admin server {state} (dynamiccluster:dynamic-cluster:admin-server): {detail}"
