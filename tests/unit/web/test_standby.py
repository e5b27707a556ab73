"""What the admin server of an engine that stands by says."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("salt")
from saltext.dynamiccluster.salt.standby import standing_document  # noqa: E402

from tests.unit.web.house import OPERATOR, House  # noqa: E402


def test_it_tells_who_acts_and_refuses_to_do_anything(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        settings = house.world.settings
        seen = {"role": "standing by", "acting": "head-b-1f", "trouble": ""}
        house.desk.show(standing_document(settings, seen, [], 1.0), {}, settings.dynamic_cluster.admin_server)
        answer = house.get("/healthz", token="")
        assert (answer.status, answer.json["status"], answer.json["acting"]) == (200, "standing by", "head-b-1f")
        status = house.get("/status", token=OPERATOR).json
        assert status["engine"]["standby"] == seen and "head-b-1f acts" in status["problems"][0]
        assert house.get("/workernode", token=OPERATOR).json == []
