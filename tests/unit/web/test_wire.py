"""Documents go over the line in pieces and come out whole; what cannot be sent stays behind."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest

from saltext.dynamiccluster.settings.general import AdminServer
from saltext.dynamiccluster.web import wire
from saltext.dynamiccluster.web.desk import News


@pytest.mark.parametrize("rows", [0, 1, 199, 200, 201, 1000])
def test_a_document_comes_out_as_it_went_in(rows: int) -> None:
    document = {"nodes": [{"hostname": f"n{number}"} for number in range(rows)], "jobs": [], "engine": {"alive_at": 1.0}, "text": "x"}
    news = News(document, {"name": "lab"}, AdminServer(port=9001), 3.0)
    found: dict[str, list[Any]] = {}
    for frame in [pickle.loads(pickle.dumps(frame)) for frame in wire.split(news)]:
        if frame[0] == wire.ROWS:
            assert 0 < len(frame[2]) <= 200
            found.setdefault(frame[1], []).extend(frame[2])
        else:
            assert frame[0] == wire.NEWS and wire.join(frame[1], found) == news


def test_what_cannot_be_sent_is_left_out() -> None:
    assert wire.plain({"id": "head", "lock": threading.Lock(), "external_auth": {"pam": {}}}) == {"id": "head", "external_auth": {"pam": {}}}
