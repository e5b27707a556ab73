"""The application: the table of calls as Tornado's handlers, and the dashboard's files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tornado.web import Application, RedirectHandler, RequestHandler, StaticFileHandler

from .calls import CALLS, Call
from .changes import Changer
from .context import Context
from .handler import Handler, NoSuchPath, Refused
from .reads import Reader
from .signing import Signer

STATIC = Path(__file__).parent / "static"
_SIGNING = frozenset({"login", "logout", "session"})
_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"


def make_application(context: Context) -> Application:
    """Return the application for this context."""
    rules: list[Any] = [(pattern, kind, {"context": context, "calls": calls}) for pattern, kind, calls in _routes()]
    rules += [
        (r"/", RedirectHandler, {"url": "/dashboard", "permanent": False}),
        (r"/dashboard/(.+)", Pages, {"path": str(STATIC), "context": context}),
        (r"/dashboard/?()", Pages, {"path": str(STATIC), "context": context, "default_filename": "index.html"}),
    ]
    return Application(
        rules,
        default_handler_class=NoSuchPath,
        default_handler_args={"context": context},
        log_function=lambda handler: _count(context, handler),
    )


def _routes() -> list[tuple[str, type[Handler], Mapping[str, Call]]]:
    by_path: dict[str, dict[str, Call]] = {}
    for call in CALLS:
        by_path.setdefault(call.path, {})[call.method] = call
    return [(re.sub(r"\{\w+\}", "([^/]+)", path), _choose(calls), calls) for path, calls in sorted(by_path.items(), key=_order)]


def _order(item: tuple[str, Any]) -> tuple[int, str]:
    """Sort names before what may be any name."""
    return item[0].count("{"), item[0]


def _choose(calls: Mapping[str, Call]) -> type[Handler]:
    """Return the handler for a path's calls, one of both kinds for a path that can be read and changed."""
    kinds = {_kind(call) for call in calls.values()}
    return kinds.pop() if len(kinds) == 1 else _Both


def _kind(call: Call) -> type[Handler]:
    if call.does in _SIGNING:
        return Signer
    return Changer if call.changes else Reader


class _Both(Reader, Changer):
    """Serves a path that can be read and changed."""

    async def serve(self, *names: str) -> None:
        await (Changer if self.call.changes else Reader).serve(self, *names)


class Pages(StaticFileHandler):
    """The dashboard's files, each with a content security policy without inline script or style."""

    def initialize(self, path: str, context: Context, default_filename: str | None = None) -> None:  # type: ignore[override]
        super().initialize(path, default_filename)
        self._context = context

    def prepare(self) -> None:
        if not self._context.doors.knows_host(self.request.headers.get("Host", "")):
            raise Refused(421, "the Host header names somebody else")

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("Content-Security-Policy", _POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cross-Origin-Opener-Policy", "same-origin")

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Cache-Control", "no-cache")


def _count(context: Context, handler: RequestHandler) -> None:
    """Count a request by its path's pattern: the paths themselves are endless."""
    call = getattr(handler, "call", None)
    path = call.path if call is not None else "/dashboard" if isinstance(handler, Pages) else "other"
    method = call.method if call is not None else "other"
    seconds = None if path == "/events" else handler.request.request_time()
    context.traffic.count(method, path, handler.get_status(), seconds)
