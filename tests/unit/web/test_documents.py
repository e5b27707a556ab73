"""What docs/metrics.md and Grafana's dashboard name is what the engine serves; docs/rest.md lists just the calls that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from saltext.dynamiccluster.web.calls import CALLS

from .house import House

ROOT = Path(__file__).resolve().parents[3]


def served(house: House) -> set[str]:
    """Return the names of all metrics, counters with their suffix."""
    house.get("/status")
    families = text_string_to_metric_families(house.get("/metrics").body.decode())
    return {family.name + ("_total" if family.type == "counter" else "") for family in families}


def test_every_metric_is_documented(shown: House) -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    table = {name for row in page.splitlines() if row.startswith("| `") for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert table == {name.removeprefix("dynamiccluster_") for name in served(shown)}


def test_the_grafana_dashboard_asks_for_what_there_is(shown: House) -> None:
    board = json.loads((ROOT / "examples" / "grafana-dashboard.json").read_text(encoding="utf-8"))
    asked = {name for panel in board["panels"] for target in panel["targets"] for name in re.findall(r"dynamiccluster_\w+", target["expr"])}
    known = served(shown)
    assert len(asked) >= 15
    assert not {name for name in asked if name not in known and re.sub(r"_(bucket|sum|count)$", "", name) not in known}
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_every_call_is_documented() -> None:
    page = (ROOT / "docs" / "rest.md").read_text(encoding="utf-8")
    for call in CALLS:
        path = call.path.replace("{host}", "HOST").replace("{resource}", "NAME").replace("{job}", "ID")
        assert f"{call.method} {path}" in page, call
    table = set(re.findall(r"`(GET|PUT|DELETE|POST) (/[\w/.]*)", page))
    known = {(call.method, call.path.replace("{host}", "HOST").replace("{resource}", "NAME").replace("{job}", "ID")) for call in CALLS}
    assert table - known <= {("GET", "/dashboard")}
