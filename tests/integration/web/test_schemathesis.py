"""The server against its own openapi.json, by requests that Schemathesis makes up: all of its checks, no finding."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator

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


def test_every_operation_was_reached_with_success_and_refusal() -> None:
    documented = {f"{method.upper()} {path}" for path, entries in DOCUMENT["paths"].items() for method in entries}
    assert documented <= SEEN.keys()
    found = {name for name in documented if "{" not in name}
    assert {name for name in found if 2 not in SEEN[name]} <= {"POST /login"}
    plain = {f"{method.upper()} {path}" for path, entries in DOCUMENT["paths"].items() for method, one in entries.items() if not one["parameters"]}
    # what takes nothing can be asked nothing wrong; tests/unit/web/test_shapes.py has each call refuse an unknown parameter
    assert {name for name in documented - plain if 4 not in SEEN[name]} == set()
    assert {name for name in documented if 5 in SEEN[name]} == set()
