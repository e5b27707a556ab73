"""The section `dynamic-cluster: standby`: where two engines settle which one acts."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, SecretStr

from .kinds import PositiveSeconds, Secret, between
from .section import Section, Wrong

SCHEMES = ("file", "redis", "rediss")
OPTIONS = frozenset({"db", "ssl_ca_certs"})  # what a Redis address may say after its `?`
_HINT = "file:///a/shared/directory, redis://HOST:PORT, or redis:///path/of/its/socket"


def _read_place(value: SecretStr) -> SecretStr:
    """Return the address of the place. No message repeats it: it may hold a password."""
    text = value.get_secret_value()
    try:
        parts = urlsplit(text)
        usable = parts.scheme in SCHEMES and (parts.port is None or parts.port > 0)
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        usable, options = False, {}
    if not usable or re.search(r"\s", text) or parts.fragment:
        raise Wrong("not the address of a place that two engines can share", _HINT)
    if parts.scheme == "file" and (parts.netloc or not parts.path.strip("/") or parts.query):
        raise Wrong("a directory is needed", "three slashes: file:///a/shared/directory")
    if parts.scheme != "file" and not parts.hostname and not parts.path.strip("/"):
        raise Wrong("neither a host nor a socket is named", _HINT)
    if "%" in parts.netloc:
        raise Wrong("a password that needs % in an address is not understood by every part", "choose one of letters, digits, - and _")
    if set(options) - OPTIONS or not options.get("db", "0").isdecimal():
        raise Wrong("an option after the ? is not known", f"known are {', '.join(sorted(OPTIONS))} (db is a number)")
    return value


class Standby(Section):
    """Two engines, one acts. `url` names the place that both can reach; `lease` is after how many seconds of silence the other takes over."""

    url: Annotated[Secret, AfterValidator(_read_place)]
    lease: Annotated[PositiveSeconds, AfterValidator(between(5, 3600))] = 60.0

    @classmethod
    def _expand(cls, data: Any) -> Any:
        return {"url": data} if isinstance(data, str) and data.strip() else data
