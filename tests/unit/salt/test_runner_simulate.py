from __future__ import annotations

from pathlib import Path

import pytest

from saltext.dynamiccluster.errors import CommandRefused
from saltext.dynamiccluster.replay.swf import TraceError, TraceJob, write_trace
from saltext.dynamiccluster.salt import runner
from tests.unit.replay.test_simulate import PILLAR


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "pillar.sls").write_text(PILLAR.replace("near<b>", "near"))
    write_trace(tmp_path / "t.swf", [TraceJob("1", 0.0, 600.0, 4), TraceJob("2", 60.0, 60.0, 4)])
    return {"trace": str(tmp_path / "t.swf"), "settings": str(tmp_path / "pillar.sls")}


def test_a_trace_under_a_files_settings(files, tmp_path):
    found = runner.simulate({"id": "master"}, **files, cores="near=8", boot="60,60", failing=0, seed="2", jobs="1", spread=True, page=str(tmp_path / "p.html"))
    assert found["jobs"] == 1 and found["policies"][0]["launches"] == 1
    assert (tmp_path / "p.html").stat().st_size > 1000


def test_what_cannot_be_simulated_is_one_sentence(files):
    with pytest.raises(TraceError, match="cores="):
        runner.simulate({"id": "master"}, **files, cores="many")
    with pytest.raises(CommandRefused, match="jobs must be a whole number"):
        runner.simulate({"id": "master"}, **files, jobs="few")
    with pytest.raises(CommandRefused, match="spread must be True or False"):
        runner.simulate({"id": "master"}, **files, spread="perhaps")
    with pytest.raises(OSError):
        runner.simulate({"id": "master"}, trace="/nowhere.swf", settings=files["settings"])
