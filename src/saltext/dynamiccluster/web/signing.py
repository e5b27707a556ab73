"""Logging in and out: a browser's session stands for a token of Salt's, which never reaches the browser."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from .access import Doubt
from .handler import Handler, Refused
from .sessions import Session

_UNFIT = re.compile("[\0\ud800-\udfff]")  # no password and no token holds these; half a surrogate cannot even be hashed
_AT_ONCE = 4  # passwords checked at a time; PAM takes seconds


class Signer(Handler):
    """Serves /login, /logout and /session."""

    _checking = 0

    async def serve(self, *names: str) -> None:
        await getattr(self, f"_do_{self.call.does}")()

    async def _do_session(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.send(self._describe(self.session if self.identity else None))

    def _describe(self, session: Session | None) -> dict[str, Any]:
        identity = self.identity
        return {
            "authenticated": identity is not None,
            "user": identity.user if identity else "",
            "csrf": session.csrf if session else "",
            "expires": identity.expires if identity else None,
            "rights": sorted(identity.rights) if identity else [],
            "eauth": list(self.context.authority.kinds()),
            "anonymous_read": self.context.settings.anonymous_read,
        }

    # -- in -----------------------------------------------------------------------------------------------------------------

    async def _do_login(self) -> None:
        wanted = self._read_body()
        token = wanted["token"] if "token" in wanted else await self._check_password(wanted)
        try:
            self.identity = await self.context.identities.find(token)
        except Doubt as error:
            raise Refused(503, f"{error}; try again, and see the master's log") from error
        if self.identity is None:
            self._fail(self._keys(""))
        self._end_session()
        name, session = self.context.sessions.start(token, own="token" not in wanted)
        self.set_cookie(self.context.cookie, name, path="/", httponly=True, samesite="Strict", secure=self.context.secure)
        self.set_header("Cache-Control", "no-store")
        self.send(self._describe(session))

    def _read_body(self) -> dict[str, str]:
        if self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "the body must be application/json")
        try:
            found = read_login(bytes(self._body))
        except ValueError:
            raise Refused(400, "the body is not JSON") from None
        if found is None:
            raise Refused(400, "the body must be {username, password} with eauth or without, or {token}, all texts")
        return found

    async def _check_password(self, wanted: dict[str, str]) -> str:
        kind, keys = self._choose_kind(wanted.get("eauth")), self._keys(wanted["username"])
        wait = self.context.throttle.wait(keys)
        if wait > 0 or Signer._checking >= _AT_ONCE:
            raise Refused(429, f"too many tries: wait {int(wait) + 1} s", Retry_After=str(int(wait) + 1))
        Signer._checking += 1
        try:
            login, loop = self.context.authority.login, asyncio.get_running_loop()
            token = await loop.run_in_executor(self.context.executor, login, wanted["username"], wanted["password"], kind)
        except Exception as error:  # whatever a way to log in raises, nobody is let in by it
            raise Refused(503, f"{kind} cannot check the password now ({type(error).__name__}); see the master's log") from error
        finally:
            Signer._checking -= 1
        return token or self._fail(keys)

    def _choose_kind(self, named: str | None) -> str:
        kinds = self.context.authority.kinds()
        if named is None and len(kinds) == 1:
            return kinds[0]
        if not kinds:
            raise Refused(403, "nobody can log in: the master's configuration has no external_auth")
        if named is None or named not in kinds:
            raise Refused(400, f"say by which eauth: {' or '.join(kinds)}")
        return named

    def _keys(self, username: str) -> list[tuple[str, str]]:
        address = [("address", self.request.remote_ip or "")]
        return [*address, ("user", username)] if username else address

    def _fail(self, keys: list[tuple[str, str]]) -> str:
        self.context.throttle.failed(keys)
        raise Refused(401, "user name and password, or the token, are wrong")

    # -- out ----------------------------------------------------------------------------------------------------------------

    async def _do_logout(self) -> None:
        if self.session is not None:
            self.check_csrf()
            session = self._end_session()
            if session is not None and session.own:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self.context.executor, self.context.authority.revoke, session.token)
        self.clear_cookie(self.context.cookie, path="/", httponly=True, samesite="Strict", secure=self.context.secure)
        self.send({"success": True})

    def _end_session(self) -> Session | None:
        session = self.context.sessions.end(self.get_cookie(self.context.cookie) or "")
        if session is not None:
            self.context.identities.forget(session.token)
        return session


def read_login(body: bytes) -> dict[str, str] | None:
    """Return what the body of a login says, None when it is none. Raises ValueError for what is not JSON."""
    try:
        found: Any = json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return dict(found) if _is_login(found) else None


def _is_login(found: object) -> bool:
    if not isinstance(found, dict):
        return False
    limits = {"token": 256} if "token" in found else {"username": 256, "password": 4096, "eauth": 64}
    needed = {"token"} if "token" in found else {"username", "password"}
    return needed <= found.keys() <= limits.keys() and all(
        isinstance(value, str) and 0 < len(value) <= limits[key] and not _UNFIT.search(value) for key, value in found.items()
    )
