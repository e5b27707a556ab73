"""`validate` finds the minion whose own pillar holds the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("salt")
import salt.config  # noqa: E402
from saltext.dynamiccluster.salt.leaks import check_minions  # noqa: E402


@pytest.fixture
def opts(tmp_path: Path) -> dict[str, Any]:
    for name in ("pillar", "pki/minions", "pki/minions_pre", "cache", "run"):
        (tmp_path / name).mkdir(parents=True)
    for minion in ("wn1", "wn2", "head"):
        (tmp_path / "pki" / "minions" / minion).write_text("a key")
    (tmp_path / "pillar" / "cluster.sls").write_text("dynamiccluster: {name: lab}\n")
    config = {"root_dir": str(tmp_path), "pki_dir": str(tmp_path / "pki"), "cachedir": str(tmp_path / "cache"), "sock_dir": str(tmp_path / "run"),
              "pillar_roots": {"base": [str(tmp_path / "pillar")]}, "id": "the_master"}  # fmt: skip
    (tmp_path / "master").write_text(yaml.safe_dump(config))
    return dict(salt.config.master_config(str(tmp_path / "master")))


def top(opts: dict[str, Any], target: str) -> None:
    (Path(opts["pillar_roots"]["base"][0]) / "top.sls").write_text(yaml.safe_dump({"base": {target: ["cluster"]}}))


def test_a_minion_whose_pillar_holds_the_settings_is_found(opts: dict[str, Any]) -> None:
    top(opts, "wn*")
    findings = check_minions(opts, "the_master")
    assert [(finding.what, finding.ok) for finding in findings] == [("pillar of wn1", False), ("pillar of wn2", False)]
    assert all("top.sls" in finding.remedy for finding in findings)


def test_settings_for_the_master_alone_are_fine(opts: dict[str, Any]) -> None:
    top(opts, "the_master")
    findings = check_minions(opts, "the_master")
    assert [(finding.ok, finding.detail) for finding in findings] == [(True, "3 of 3 looked at, none holds the settings")]
