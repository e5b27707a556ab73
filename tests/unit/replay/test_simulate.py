from __future__ import annotations

import json

import pytest

from saltext.dynamiccluster.replay.__main__ import main
from saltext.dynamiccluster.replay.simulate import (
    read_boot,
    read_cores,
    read_settings,
    simulate_trace,
)
from saltext.dynamiccluster.replay.swf import TraceError, TraceJob, write_trace

PILLAR = """
dynamiccluster:
  cluster: {type: sge, config: {}}
  cloud:
    "near<b>":
      type: aws
      quantity: {min: 0, max: 2}
      config: {region_name: us-east-1, image_id: ami-12345678, instance_type: c5.4xlarge, instance_name_prefix: near-}
"""


@pytest.fixture
def pillar(tmp_path):
    path = tmp_path / "pillar.sls"
    path.write_text(PILLAR.replace("near<b>", "near"))
    return path


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "a<b>.swf"
    write_trace(path, [TraceJob("1", 0.0, 600.0, 4), TraceJob("2", 60.0, 600.0, 40)])
    return path


def test_files_become_figures_and_a_page(pillar, trace, tmp_path):
    page = tmp_path / "page.html"
    found = simulate_trace(trace, read_settings(pillar), page=page)
    assert (found["jobs"], found["left_out"]) == (1, 1)
    assert found["policies"][0]["policy"] == "dynamic cluster"
    text = page.read_text()
    assert text.count("<svg") == 3 and "a&lt;b&gt;.swf" in text and "<b>" not in text and "<script" not in text


@pytest.mark.parametrize("written", [PILLAR, PILLAR.replace("dynamiccluster:\n", "").replace("\n  ", "\n")])
def test_sections_may_stand_alone(tmp_path, written):
    path = tmp_path / "p.sls"
    path.write_text(written.replace("near<b>", "near"))
    assert list(read_settings(path).cloud) == ["near"]


@pytest.mark.parametrize(("written", "told"), [("a: [", "no YAML"), ("- 1", "a mapping"), ("cluster: {type: sge, config: {}}", "no resource")])
def test_files_that_are_no_settings(tmp_path, written, told):
    path = tmp_path / "p.sls"
    path.write_text(written)
    with pytest.raises(TraceError, match=told):
        read_settings(path)


def test_cores_for_all_or_by_resource(pillar):
    settings = read_settings(pillar)
    assert read_cores(8, settings) == read_cores("near=8", settings) == {"near": 8}


@pytest.mark.parametrize("value", ["", "many", "0", "far=8", "near=0", "near"])
def test_cores_that_are_none(pillar, value):
    with pytest.raises(TraceError, match="cores="):
        read_cores(value, read_settings(pillar))


def test_boot_times():
    assert (read_boot("90", 0).median, read_boot("90", 0).p95, read_boot("90,100", "0.5").failing) == (90, 90, 0.5)


@pytest.mark.parametrize(("value", "failing"), [("soon", 0), ("0", 0), ("90,80", 0), ("90", 1), ("90", -1), ("nan", 0), ("inf", 0), ("90", "nan")])
def test_boot_times_that_are_none(value, failing):
    with pytest.raises(TraceError, match="boot="):
        read_boot(value, failing)


def test_the_command_prints_a_table(pillar, trace, capsys):
    assert main([str(trace), "--settings", str(pillar)]) == 0
    out, err = capsys.readouterr()
    assert "dynamic cluster" in out and "node-hours" in out
    assert "1 jobs of a<b>.swf are larger" in err


def test_the_command_sums_up_seeds_and_writes_what_it_generated(tmp_path, capsys):
    words = ["--workload", "mixed", "--days", "0.1", "--seeds", "2", "--json", "--write", str(tmp_path / "w.swf"), "--page", str(tmp_path / "p.html")]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert [item["trace"] for item in found] == ["mixed"] * 4
    assert found[0]["node_hours_spread"] > 0
    assert {path.name for path in tmp_path.iterdir()} == {"w-mixed-1.swf", "w-mixed-2.swf", "p.html"}


def test_the_command_fails_in_one_sentence(tmp_path, capsys):
    assert main([str(tmp_path / "none.swf")]) == 1
    assert "simulate: " in capsys.readouterr().err
