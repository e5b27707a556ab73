"""The server against its own openapi.json, by requests that Schemathesis makes up: all of its checks, no finding."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

schemathesis = pytest.importorskip("schemathesis")

from saltext.dynamiccluster.web.openapi import make_openapi  # noqa: E402
from tests.unit.web.house import OPERATOR, House  # noqa: E402

EXAMPLES = int(os.environ.get("DYNAMICCLUSTER_EXAMPLES", "40"))
DOCUMENT = make_openapi("dynamiccluster_session")
# a stream without an end; tests/unit/web/test_events.py looks at it
del DOCUMENT["paths"]["/events"]
schema = schemathesis.openapi.from_dict(DOCUMENT)
pytestmark = pytest.mark.integration
SEEN: dict[str, set[int]] = defaultdict(set)
NAMES = {f"{method.upper()} {path}" for path, entries in DOCUMENT["paths"].items() for method in entries}
ORDER = ["/hold", "/unhold", "/vacate", "/workernode/{host}", "/resource/{resource}", "/freeze", "/restore", "/adopt", "/drain", "/auto", "/stop", "/reconcile"]
QUERIES = {"PUT /resource/{resource}/adopt": {"instance": "i-1"}, "DELETE /workernode/{host}": {"force": "true"}}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("fuzzed")) as made:
        made.grow(3)
        made.server.context.throttle._limits.update(user=10**9, address=10**9)
        yield made


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_finding(case: schemathesis.Case, house: House) -> None:
    response = case.call_and_validate(base_url=f"http://127.0.0.1:{house.port}", headers={"X-Auth-Token": OPERATOR})
    SEEN[f"{case.method} {case.path}"].add(response.status_code // 100)
    house.publish()


def ask(house: House, name: str, token: str, **parts: Any) -> int:
    """Make one request of an operation, hold its answer to all checks, and return its status."""
    method, path = name.split()
    headers = {"X-Auth-Token": token} if token else {}
    case = schema[path][method].Case(**parts)
    response = case.call_and_validate(base_url=f"http://127.0.0.1:{house.port}", headers=headers)
    SEEN[name].add(response.status_code // 100)
    return int(response.status_code)


def right_parts(name: str, house: House) -> dict[str, Any]:
    """Return what an operation is asked for so that it succeeds."""
    known = {"host": house.nodes()[0], "resource": "burst", "job": "1"}
    parts: dict[str, Any] = {"path_parameters": {key: value for key, value in known.items() if f"{{{key}}}" in name}}
    if name in QUERIES:
        parts["query"] = QUERIES[name]
    if name == "POST /login":
        parts.update(body={"username": "bob", "password": "bobs-password"}, media_type="application/json")
    return parts


def test_each_operation_succeeds_when_it_is_asked_rightly(tmp_path: Path) -> None:
    with House(tmp_path) as fresh:
        fresh.grow(3)
        for name in sorted(NAMES, key=_in_order):
            assert ask(fresh, name, OPERATOR, **right_parts(name, fresh)) == 200, name
            fresh.publish()


def test_each_operation_refuses(tmp_path: Path) -> None:
    with House(tmp_path) as fresh:
        fresh.grow(3)
        for name in sorted(NAMES):
            method, path = name.split()
            wrong = {"query": {"nosuch": "1"}} if not DOCUMENT["paths"][path][method.lower()]["security"] else {}
            assert ask(fresh, name, "", **{**right_parts(name, fresh), **wrong}) in (400, 401), name


def _in_order(name: str) -> int:
    """Sort changes so that each is allowed: reading first, and each change before what forbids it."""
    places = [place for place, word in enumerate(ORDER) if name.startswith(("PUT", "DELETE", "POST")) and name.endswith(word)]
    return places[0] + 1 if places else 0


def test_every_operation_was_reached_with_success_and_refusal_and_none_failed() -> None:
    assert {name: SEEN[name] for name in NAMES} == {name: {2, 4} for name in NAMES}
