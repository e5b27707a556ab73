"""Salt's external authentication as the admin server's authority: its tokens, its log-in, its access lists for runners."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

import salt.auth
import salt.utils.minions

from ..web.access import Identity
from ..web.calls import CALLS
from .tornados import use_real_tornado

log = logging.getLogger(__name__)

RIGHTS = frozenset(call.right for call in CALLS if call.right)
_NO_ARGUMENTS: dict[str, Any] = {"arg": [], "kwarg": {}}


def make_authority(opts: Mapping[str, Any]) -> SaltAuthority:
    """Return the authority for the admin server's own process, which goes on with the real Tornado whatever Salt brings."""
    use_real_tornado()
    return SaltAuthority(opts)


class SaltAuthority:
    """Implements web.access.Authority. Each thread has Salt's objects of its own: its loaders are not made for several."""

    def __init__(self, opts: Mapping[str, Any]):
        self._opts = dict(opts)
        self._local = threading.local()

    def kinds(self) -> tuple[str, ...]:
        """Return the ways to log in that `external_auth` names."""
        configured = self._opts.get("external_auth")
        return tuple(sorted(kind for kind in configured if not kind.startswith("^"))) if isinstance(configured, Mapping) else ()

    def identify(self, token: str) -> Identity | None:
        """Return whose token this is and what Salt's access lists let them do."""
        auth, minions = self._salt()
        found = auth.check_authentication({"token": token, "fun": "dynamiccluster.status"}, "token")
        if found.get("error"):
            return None
        expires = (auth.get_tok(token) or {}).get("expire")
        allowed = found.get("auth_list") or []
        rights = frozenset(right for right in RIGHTS if minions.runner_check(allowed, f"dynamiccluster.{right}", _NO_ARGUMENTS) is True)
        return Identity(str(found["username"]), rights, float(expires) if expires else None)

    def login(self, username: str, password: str, kind: str) -> str | None:
        """Return a new token of Salt's, None when name and password do not fit."""
        if kind not in self.kinds():
            return None
        made = self._salt()[0].mk_token({"username": username, "password": password, "eauth": kind})
        return str(made["token"]) if made else None

    def revoke(self, token: str) -> None:
        """Delete a token."""
        self._salt()[0].rm_token(token)

    def _salt(self) -> tuple[Any, Any]:
        if not hasattr(self._local, "auth"):
            minions = salt.utils.minions.CkMinions(self._opts)
            self._local.auth, self._local.minions = salt.auth.LoadAuth(self._opts, ckminions=minions), minions
        return self._local.auth, self._local.minions
