"""All servers of a project, complete and without repeats, whatever is built or ended meanwhile.

Paging over servers that are being built repeats rows and may lose some, so that a listing of several pages counts only once
reading it again brings nothing that was there before.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ...errors import Refusal
from .api import Api, NovaError
from .reading import to_epoch

Raw = Mapping[str, Any]
_DOING = "list the servers"
_MOST_PASSES = 5
_SKEW = 30.0  # seconds that the cloud's clock may be off ours


def all_servers(api: Api, seconds: float, tag: str = "", page: int | None = None) -> dict[str, Raw]:
    """Return all servers of the project by id. `page`: rows in one answer, None: as many as the cloud gives.

    `tag` marks those that matter most ("": none): where there are several pages they are asked for by themselves, too, since they are few.
    Raises CloudError when a page fails, when it takes longer than `seconds`, or when the passes never agree.
    """
    began, ends = time.time(), time.monotonic() + seconds
    found, pages = _read_pass(api, {"limit": page} if page else {}, ends)
    if pages <= 1:
        return found
    if tag:
        found.update(_read_pass(api, {"tags": tag}, ends)[0])
    missed: list[Raw] = []
    for _ in range(_MOST_PASSES - 1):
        again, _pages = _read_pass(api, {"limit": page} if page else {}, ends)
        missed = [raw for id_, raw in again.items() if id_ not in found]
        # What is in an older pass only may have ended since: it stays in, whoever needs to know asks for it by id.
        found = {**found, **again}
        if not missed:
            return found
    if any(to_epoch(raw.get("created")) < began - _SKEW for raw in missed):
        raise api.refused(_DOING, f"{_MOST_PASSES} readings of it differ", kind=Refusal.FAILED)
    return found


def named_servers(api: Api, name: str) -> list[Raw]:
    """Return the servers of exactly this name. Nova takes a pattern, which matches anywhere."""
    query = {"name": f"^{''.join(_escape(letter) for letter in name)}$"}
    return [raw for raw in _get_page(api, query)["servers"] if raw.get("name") == name or "name" not in raw]


def _read_pass(api: Api, wanted: Mapping[str, Any], ends: float) -> tuple[dict[str, Raw], int]:
    """Read once from the beginning to the end; return the servers by id, and how many pages it took."""
    found: dict[str, Raw] = {}
    # The oldest first: what is made meanwhile comes behind, where it shifts nothing.
    query: dict[str, Any] = {"sort_key": "created_at", "sort_dir": "asc", **wanted}
    markers: set[str] = set()
    pages = 0
    while True:
        if time.monotonic() > ends:
            raise api.refused(_DOING, "the listing was not complete in time", kind=Refusal.UNREACHABLE)
        answer = _get_page(api, query) if not markers else _get_further(api, query)
        if answer is None:
            return found, 2  # the place where we were has gone: another pass tells
        pages += 1
        rows = answer["servers"]
        found.update((raw["id"], raw) for raw in rows)
        if not rows or not answer.get("servers_links") or rows[-1]["id"] in markers:
            return found, pages
        query["marker"] = rows[-1]["id"]
        markers.add(rows[-1]["id"])


def _get_page(api: Api, query: Mapping[str, Any]) -> Mapping[str, Any]:
    path = f"/servers/detail?{urlencode(query)}"

    def call(client: Any) -> Mapping[str, Any]:
        _answer, body = client.client.get(path)
        if not isinstance(body["servers"], list):
            raise TypeError("no list of servers")
        return body  # type: ignore[no-any-return]

    return api.read(_DOING, call)


def _get_further(api: Api, query: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return a further page, None when the server behind which it begins has ended meanwhile."""
    try:
        return _get_page(api, query)
    except NovaError as error:
        if error.status == 400 and "marker" in str(error).lower():
            return None
        raise


def _escape(letter: str) -> str:
    """Return a pattern of one letter in words that every database reads alike."""
    return letter if letter.isalnum() or letter in "-_" else f"[{letter}]" if letter not in "^\\]" else f"\\{letter}"
