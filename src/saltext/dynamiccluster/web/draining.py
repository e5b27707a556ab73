"""A server that ends politely: what is idle is closed at once, requests under way are answered first."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine


class DrainingServer(HTTPServer):
    """Knows which of its connections wait for another request."""

    def initialize(self, *arguments: Any, **options: Any) -> None:
        super().initialize(*arguments, **options)
        self._idle: set[Any] = set()
        self._busy: set[Any] = set()
        self._changed = asyncio.Event()
        self._draining = False

    async def drain(self, seconds: float) -> None:
        """Take no more connections, close the idle ones, let requests end for so long at most, then close the rest."""
        self.stop()
        self._draining = True
        for connection in tuple(self._idle):
            connection.stream.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wait_until_idle()
        await self.close_all_connections()

    async def _wait_until_idle(self) -> None:
        while self._busy:
            self._changed.clear()
            await self._changed.wait()

    def start_request(self, server_conn: Any, request_conn: Any) -> HTTPMessageDelegate:
        """Tornado calls this when a connection begins to wait for a request: when it is new, and after each answer."""
        self._busy.discard(server_conn)
        self._idle.add(server_conn)
        self._changed.set()
        if self._draining:
            server_conn.stream.close()
        return _Watched(super().start_request(server_conn, request_conn), lambda: self._begin(server_conn))

    def on_close(self, server_conn: object) -> None:
        self._idle.discard(server_conn)
        self._busy.discard(server_conn)
        self._changed.set()
        super().on_close(server_conn)

    def _begin(self, connection: Any) -> None:
        self._idle.discard(connection)
        self._busy.add(connection)


class _Watched(HTTPMessageDelegate):
    """Passes a request on, and tells once it has begun."""

    def __init__(self, inner: HTTPMessageDelegate, begin: Any):
        self._inner, self._begin = inner, begin

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> Any:
        self._begin()
        return self._inner.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Any:
        return self._inner.data_received(chunk)

    def finish(self) -> None:
        self._inner.finish()

    def on_connection_close(self) -> None:
        self._inner.on_connection_close()
