"""What every request goes through: the right host and origin, a known method, who asks, parameters; and how answers and errors look."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from tornado.web import Finish, HTTPError, RequestHandler, stream_request_body

from .access import Doubt, Identity
from .calls import Call
from .context import Context
from .encoding import Body, dumps
from .parameters import BadParameter, read_all
from .sessions import Session, is_same

log = logging.getLogger(__name__)

_LONGEST_BODY = 16 * 1024
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache, private",
    "Vary": "Accept-Encoding, Cookie, X-Auth-Token, Authorization, Prefer",
}


class Refused(HTTPError):
    """An answer that is no success; the sentence is what the client gets."""

    def __init__(self, status: int, sentence: str, **headers: str):
        self.sentence = sentence
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__(status, "%s", sentence)


def _too_large() -> Refused:
    return Refused(413, f"a body has {_LONGEST_BODY} bytes at most", Connection="close")


@stream_request_body
class Handler(RequestHandler):
    """Serves the calls of one path."""

    def initialize(self, context: Context, calls: Mapping[str, Call]) -> None:
        self.context, self.calls = context, calls
        self.identity: Identity | None = None
        self.session: Session | None = None
        self._body = bytearray()
        self.values: dict[str, Any] = {}

    def set_default_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.set_header(name, value)
        self.clear_header("Server")

    # -- before the call ------------------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        self._check_doors()
        self.call = self._find_call()
        if int(self.request.headers.get("Content-Length") or 0) > _LONGEST_BODY:
            raise _too_large()
        await self._find_identity()
        self._check_right()
        try:
            self.values = read_all(self.call.parameters, self.request.query_arguments)
        except BadParameter as error:
            raise Refused(400, str(error)) from error

    def data_received(self, chunk: bytes) -> None:
        self._body += chunk
        if len(self._body) > _LONGEST_BODY:
            self._body.clear()
            error = _too_large()
            self.send_error(413, exc_info=(type(error), error, None))

    def _check_doors(self) -> None:
        host = self.request.headers.get("Host", "")
        if not self.context.doors.knows_host(host):
            raise Refused(421, "the Host header names somebody else; dynamic-cluster:admin-server:hosts lists further names")
        origin = self.request.headers.get("Origin")
        if origin is not None and not self.context.doors.is_own_origin(origin, host):
            raise Refused(403, "requests of other sites' pages are refused")

    def _find_call(self) -> Call:
        method = "GET" if self.request.method == "HEAD" else self.request.method or ""
        call = self.calls.get(method)
        if call is None:
            raise Refused(405, "")
        return call

    async def _find_identity(self) -> None:
        token = self._header_token()
        if not token:
            cookie = self.get_cookie(self.context.cookie) or ""
            self.session = self.context.sessions.find(cookie) if cookie else None
            token = self.session.token if self.session else ""
        if not token:
            return
        try:
            self.identity = await self.context.identities.find(token)
        except Doubt as error:
            raise Refused(503, f"{error}; try again, and see the master's log") from error
        if self.identity is None and self.session is None and self.call.right:
            self._demand_token("the token is wrong or has expired")

    def _header_token(self) -> str:
        token = self.request.headers.get("X-Auth-Token", "")
        scheme, _, bearer = self.request.headers.get("Authorization", "").partition(" ")
        return token or (bearer.strip() if scheme.lower() == "bearer" else "")

    def _check_right(self) -> None:
        right = self.call.right
        if not right or (not self.call.changes and self.context.settings.anonymous_read):
            return
        if self.identity is None:
            self._demand_token("a token is needed: X-Auth-Token, or log in")
        if right not in self.identity.rights:  # type: ignore[union-attr]
            raise Refused(403, f"{self.identity.user} has no right to dynamiccluster.{right} (external_auth, @runner)")  # type: ignore[union-attr]
        if self.call.changes:
            self.check_csrf()

    def _demand_token(self, sentence: str) -> None:
        raise Refused(401, sentence, WWW_Authenticate='Bearer realm="dynamiccluster"')

    def check_csrf(self) -> None:
        """Refuse a change that a browser's cookie alone vouches for."""
        if self.session is not None and not is_same(self.request.headers.get("X-CSRF-Token", ""), self.session.csrf):
            raise Refused(403, "the X-CSRF-Token of the session is missing or wrong")

    # -- the call -------------------------------------------------------------------------------------------------------

    async def _serve(self, *names: str) -> None:
        for name in names:
            if not name or len(name) > 255 or any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
                raise Refused(404, "there is nothing of such a name")
        await self.serve(*names)

    get = head = put = post = delete = _serve
    patch = options = _serve

    async def serve(self, *names: str) -> None:
        """Answer the call; the subclasses do."""
        raise NotImplementedError

    # -- answers --------------------------------------------------------------------------------------------------------

    def send(self, value: Any) -> None:
        """Answer with a small value."""
        self.set_header("Content-Type", "application/json")
        self.finish(dumps(value))

    def send_body(self, body: Body, etag: str, at: float) -> None:
        """Answer with a prepared body, or with nothing when the client has it already."""
        self.set_header("Etag", etag)
        self.set_header("Last-Modified", formatdate(at, usegmt=True))
        if self._has(etag):
            self.set_status(304)
            self.finish()
            return
        self.set_header("Content-Type", "application/json")
        packed = body.packed and self._takes_gzip()
        if packed:
            self.set_header("Content-Encoding", "gzip")
        self.finish(body.packed if packed else body.plain)

    def knows(self, etag: str, at: float) -> bool:
        """Answer 304 when the client has this already; return whether that was so."""
        if self._has(etag):
            self.send_body(Body(b"", b""), etag, at)
            return True
        return False

    def _has(self, etag: str) -> bool:
        given = self.request.headers.get("If-None-Match", "")
        return given.strip() == "*" or any(item.strip().removeprefix("W/") == etag.removeprefix("W/") for item in given.split(","))

    def _takes_gzip(self) -> bool:
        for item in self.request.headers.get("Accept-Encoding", "").lower().split(","):
            name, _, weight = item.partition(";")
            if name.strip() in ("gzip", "*"):
                return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
        return False

    def compute_etag(self) -> None:
        """Tags are ours: Tornado would hash each body."""
        return None

    def write_error(self, status_code: int, **context: Any) -> None:
        error = context.get("exc_info", (None, None, None))[1]
        sentence = "the request makes no sense" if status_code < 500 else "the server failed on it; see the master's log"
        if isinstance(error, Refused):
            sentence = error.sentence
            for name, value in error.headers.items():
                self.set_header(name, value)
        if status_code == 405:  # also Tornado's own, for methods that it does not know
            allowed = ", ".join(sorted({*self.calls, *(["HEAD"] if "GET" in self.calls else [])}))
            self.set_header("Allow", allowed)
            sentence = f"this path takes {allowed}, not {(self.request.method or '')[:20]}"
        self.set_header("Content-Type", "application/json")
        self.finish(dumps({"error": sentence, "status": status_code}))

    def log_exception(self, kind: Any, value: Any, trace: Any) -> None:
        """Log what is our fault; what is the client's is not worth a line in the master's log."""
        if not isinstance(value, (HTTPError, Finish)):
            log.error("%s %s failed", self.request.method, self.request.path[:200], exc_info=(kind, value, trace))


class NoSuchPath(Handler):
    """Answers for every other path."""

    def initialize(self, context: Context) -> None:  # type: ignore[override]
        super().initialize(context, {})

    async def prepare(self) -> None:
        self._check_doors()
        raise Refused(404, "there is no such path; /openapi.json lists them")
