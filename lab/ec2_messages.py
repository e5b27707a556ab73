"""Requests and answers of the lab's EC2 front, and the filters between them."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """One call: how it came, and the EC2 parameters in it (query and form together, the last of a name wins)."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def action(self) -> str:
        """Return the EC2 action, empty for anything else."""
        return self.parameters.get("Action", "")

    @property
    def caller(self) -> tuple[str, str]:
        """Return access key and region as the signature names them."""
        _, _, credential = self.headers.get("authorization", "").partition("Credential=")
        parts = credential.partition(",")[0].split("/")
        return (parts[0], parts[2]) if len(parts) >= 3 else ("", "")


@dataclass(frozen=True)
class Answer:
    """What goes back to the client. `sent`: the connection breaks after so many bytes of the body, at -1 before the first word (None: it does not)."""

    status: int
    headers: dict[str, str]
    body: bytes
    sent: int | None = None

    @property
    def good(self) -> bool:
        """Tell whether the call succeeded."""
        return 200 <= self.status < 300


Forward = Callable[[Request], Answer]
Filter = Callable[[Request, Forward], Answer]


def error(status: int, code: str, message: str) -> Answer:
    """Return an answer in the shape of EC2's errors."""
    body = ('<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>' + code + "</Code><Message>" + message
            + "</Message></Error></Errors><RequestID>lab</RequestID></Response>")
    return Answer(status, {"Content-Type": "text/xml"}, body.encode())


def chain(filters: Sequence[Filter], last: Forward) -> Forward:
    """Return one function that sends a request through all filters, the first one outermost."""
    forward = last
    for one in reversed(filters):
        forward = _around(one, forward)
    return forward


def _around(one: Filter, inner: Forward) -> Forward:
    return lambda request: one(request, inner)


def read_parameters(target: str, body: bytes, content_type: str) -> dict[str, str]:
    """Return the parameters of a query-protocol call: those of the URL and, for a form, those of the body."""
    pairs = urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query, keep_blank_values=True)
    if content_type.startswith("application/x-www-form-urlencoded"):
        pairs += urllib.parse.parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return dict(pairs)
