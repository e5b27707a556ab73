"""What commands say while a part of the system does not answer."""

from __future__ import annotations

from lab.torque.context import Context
from lab.torque.records import Reply

MAUI = frozenset({"checknode", "diagnose", "showq", "checkjob", "releasehold", "setspri", "showconfig", "showres", "setres", "releaseres"})
# a command that waits for the server tries it three times
_TRIES = {"qstat": 3}
_STATUS = {"pbsnodes": 1, "qmgr": 3}
_REFUSED, _UNROUTABLE, _UNAUTHORISED = (111, "Connection refused"), (113, "No route to host"), (15137, "could not connect to trqauthd")
_UNKNOWN_HOST = (15010, "Access from host not allowed, or unknown host")


def refusal(context: Context, broken: set[str]) -> Reply | None:
    """Return what a command says when what it needs is broken, None when it is not."""
    if context.name in MAUI:
        return maui_down(context.server.name) if "maui" in broken else None
    server = (context.environment or {}).get("PBS_DEFAULT") or _named_server(context) or context.server.name
    if "trqauthd" in broken:
        shown = "(null)" if context.name == "qstat" else server
        return _cannot_connect(context.name, shown, ["socket_connect_unix failed: 15137"], _UNAUTHORISED)
    if server != context.server.name and not context.server.resolve(server):
        lines = [f"Can not resolve name for server {server}. (rc = -1 - Unknown error -1)", f"Cannot resolve specified server host '{server}'."]
        return _cannot_connect(context.name, server, lines, _UNKNOWN_HOST)
    if "unroutable" in broken or server != context.server.name:
        lines = [f"Unable to communicate with {server}({context.server.resolve(server)})"]
        return _cannot_connect(context.name, server, lines, _UNROUTABLE, context.server.timing.unroutable)
    if "server" in broken:
        return stopped(context.name, server, context.server.resolve(server))
    return None


def _named_server(context: Context) -> str:
    return next((word[1:] for word in context.words if word.startswith("@")), "")


def stopped(name: str, server: str, address: str) -> Reply:
    """Return what a command says when nothing listens at the server's port."""
    lines = [f"Unable to communicate with {server}({address})", f"Cannot connect to specified server host '{server}'."]
    return _cannot_connect(name, server, lines, _REFUSED)


def maui_down(server: str) -> Reply:
    """Return what Maui's commands say when nothing listens at Maui's port."""
    host = server.partition(".")[0]
    return Reply(1, err=f"ERROR:    cannot send request to server {host}:42559 (server may not be running)\nERROR:    cannot request service (status)\n")


def _cannot_connect(name: str, server: str, lines: list[str], error: tuple[int, str], seconds: float = 0.0) -> Reply:
    number, text = error
    before = "".join(f"{line}\n" for line in lines * _TRIES.get(name, 1))
    status = _STATUS.get(name, number % 256)
    if name == "pbsnodes":
        last = f"pbsnodes: cannot connect to server {server}, error={number} ({text})\n"
    elif name == "qmgr":
        last = f"qmgr: cannot connect to server  (errno={number}) {text}\n"
    else:
        last = f"{name}: cannot connect to server {server} (errno={number}) {text}\n" + ("\n" if name == "qstat" else "")
    return Reply(status, err=before + last, seconds=seconds)
