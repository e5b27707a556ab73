"""The document for readers: masked row by row, written row by row, and the same as in one piece."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("salt")

from saltext.dynamiccluster.salt.bus import redact  # noqa: E402
from saltext.dynamiccluster.salt.snapshot import COLUMNS, NODES, SUMMARY, mask_rows, read_nodes, read_snapshot, read_summary, write_snapshot  # noqa: E402

SECRETS = ("very-secret-key", 'quo"ted\\sécret')
DOCUMENT: dict[str, Any] = {
    "engine": {"trouble": f"denied for {SECRETS[0]}"},
    "nodes": [{"name": "n1", "reason": f"x{SECRETS[1]}y"}, {"name": "n2", "price": 0.1, "none": None}],
    "jobs": [],
    "problems": [f"{SECRETS[0]} is wrong", "all well"],
}


def mask(value: Any) -> Any:
    return redact(value, SECRETS)


def test_rows_are_masked_as_the_whole_is() -> None:
    masked = mask_rows(DOCUMENT, SECRETS, mask)
    assert masked == mask(DOCUMENT) and "secret" not in json.dumps(masked)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    opts = {"cachedir": str(tmp_path)}
    write_snapshot(opts, "lab", DOCUMENT)
    found = read_snapshot(opts, "lab")
    assert found.pop("written_at") > 0 and found == DOCUMENT


def test_summary_is_the_snapshot_without_what_grows_with_the_cluster(tmp_path: Path) -> None:
    opts = {"cachedir": str(tmp_path)}
    write_snapshot(opts, "c", DOCUMENT)
    whole, summary = read_snapshot(opts, "c"), read_summary(opts, "c")
    assert summary == {key: value for key, value in whole.items() if key not in ("nodes", "jobs")}


def test_summary_that_is_missing_damaged_or_older_than_the_snapshot_is_not_believed(tmp_path: Path) -> None:
    opts = {"cachedir": str(tmp_path)}
    write_snapshot(opts, "c", DOCUMENT)
    summary = tmp_path / "dynamiccluster" / "c" / SUMMARY
    for spoil in (lambda: summary.write_text("{"), lambda: os.utime(summary, (1, 1)), summary.unlink):
        spoil()
        assert read_summary(opts, "c") == read_snapshot(opts, "c")


def test_table_of_nodes_is_the_snapshots_whatever_becomes_of_its_file(tmp_path: Path) -> None:
    opts = {"cachedir": str(tmp_path)}
    write_snapshot(opts, "c", DOCUMENT)
    table = tmp_path / "dynamiccluster" / "c" / NODES
    expected = [{**dict.fromkeys(COLUMNS), **{key: row[key] for key in row if key in COLUMNS}} for row in DOCUMENT["nodes"]]
    for spoil in (lambda: None, lambda: table.write_text("[["), lambda: os.utime(table, (1, 1)), table.unlink):
        spoil()
        assert read_nodes(opts, "c") == expected
