"""From the document for readers to the numbers that reporters get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import NodeState
from ..ports import Report

_STATES = tuple(state.name.lower() for state in NodeState if state is not NodeState.INEXISTENT)


def make_report(document: Mapping[str, Any]) -> Report:
    """Return the numbers of a document, zeros included."""
    totals = document["totals"]
    cores: dict[str, int] = {}
    for node in document["nodes"]:
        cores[node["resource"]] = cores.get(node["resource"], 0) + int(node["num_proc"])
    resources = {
        row["name"]: {"nodes": row["current_num"], "cores": cores.get(row["name"], 0), "min": row["min_num"], "max": row["max_num"]}
        for row in document["resources"]
    }
    return Report(
        at=float(document["engine"]["alive_at"]),
        cluster=document["cluster"]["name"],
        nodes=_all_states(totals["nodes"]),
        cores=_all_states(totals["cores"]),
        resources=resources,
        jobs=dict(totals["jobs"]),
        document=document,
    )


def _all_states(found: Mapping[str, int]) -> dict[str, int]:
    return {"total": found.get("total", 0), **{state: found.get(state, 0) for state in _STATES}}
